"""Fine-tuning a cross-encoder on a collection's own queries, against mined hard negatives."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

from datasets import Dataset
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import ListNetLoss
from transformers import set_seed

from menura.errors import MenuraError
from menura.recipe import FinetuneSettings
from menura.teachers.loading import load_cross_encoder
from menura.trainer import checkpoint_layers, open_output, run, set_dropout, trainer_arguments

__all__ = ["finetune"]

# A label so large that the softmax over labels is one for the positive and zero for the others.
CERTAIN = 100.0


def finetune(
    model: str,
    settings: FinetuneSettings,
    candidates: Mapping[str, tuple[list[str], list[str]]],
    queries: Mapping[str, str],
    corpus: Mapping[str, str],
    *,
    max_length: int,
    output: Path,
    seed: int,
) -> Path:
    """Train a cross-encoder to pick each query's positive from `settings.negatives` of its mined negatives.

    The loss is the cross-entropy of a softmax over the raw logits (van den Oord et al. 2018, arXiv 1807.03748). A run
    that was cut short goes on from its latest whole checkpoint under ``output/checkpoints``.

    Args:
        model: the checkpoint to start from; `settings.head` is added where it has none.
        candidates: query id -> (positive ids, negative ids); see `Candidates.by_query`. Queries with fewer negatives
            than `settings.negatives` are left out.
        output: the folder for the finished model and its loss curve (`history.json`).

    Returns:
        `output`: a saved `CrossEncoder`; one with a classification head loads in plain transformers as well.

    Raises:
        MenuraError: the checkpoint cannot be loaded, no query has enough negatives, or `output` cannot be written or
            holds only broken checkpoints.
    """
    checkpoint = open_output(output)
    set_seed(seed)
    encoder = load_cross_encoder(model, max_length=max_length, head=settings.head)
    set_dropout(encoder, settings.dropout)
    checkpoint_layers(encoder, settings.trainer)
    trainer = CrossEncoderTrainer(
        model=encoder,
        args=trainer_arguments(CrossEncoderTrainingArguments, settings.trainer, output, seed=seed),
        train_dataset=_dataset(settings, candidates, queries, corpus, seed),
        loss=ListNetLoss(encoder, mini_batch_size=-1),  # all pairs of a batch in one forward
    )
    run(trainer, "Fine-tuning teacher", output, checkpoint)
    try:
        encoder.save_pretrained(str(output))
    except OSError as error:
        raise MenuraError(f"[teachers] cannot write {output}: {error.strerror or error}.") from error
    return output


def _dataset(
    settings: FinetuneSettings,
    candidates: Mapping[str, tuple[list[str], list[str]]],
    queries: Mapping[str, str],
    corpus: Mapping[str, str],
    seed: int,
) -> Dataset:
    generator = random.Random(seed)
    chosen = sorted(candidates)
    if settings.queries is not None and settings.queries < len(chosen):
        chosen = generator.sample(chosen, settings.queries)
    rows: list[dict[str, object]] = []
    for query_id in chosen:
        positives, negatives = candidates[query_id]
        if len(negatives) < settings.negatives:
            continue
        for positive in positives:
            passages = [positive, *generator.sample(negatives, settings.negatives)]
            rows.append(
                {
                    "query": queries[query_id],
                    "passages": [corpus[passage_id] for passage_id in passages],
                    "label": [CERTAIN] + [0.0] * (len(passages) - 1),
                }
            )
    if not rows:
        raise MenuraError(f"[teachers] no query has {settings.negatives} negatives to fine-tune on; ask for fewer.")
    return Dataset.from_list(rows)
