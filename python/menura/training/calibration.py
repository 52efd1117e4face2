"""Bringing the teacher's scale to the student's, once, before the first step."""

from __future__ import annotations

import torch
from datasets import Dataset
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from torch import Tensor

from menura.errors import MenuraError
from menura.losses import Affine
from menura.losses.labels import split_labels
from menura.training.online import OnlineExamples

__all__ = ["fit_calibration", "fit_margin_scale"]

SAMPLED_ROWS = 256


def fit_calibration(model: SparseEncoder, examples: Dataset | OnlineExamples, *, seed: int = 0) -> Affine:
    """The map from the teacher's logits to the dot products that `model` gives now, on a sample of the rows.

    Raises:
        MenuraError: the teacher gives every pair of the sample the same logit.
    """
    queries, columns, logits = _sample(examples, seed)
    encoded = model.encode_query(queries, convert_to_sparse_tensor=False, show_progress_bar=False)
    scores = [
        (encoded * model.encode_document(texts, convert_to_sparse_tensor=False, show_progress_bar=False)).sum(-1)
        for texts in columns
    ]
    return _fit(torch.stack(scores, dim=1).cpu(), logits)


def fit_margin_scale(model: MultiVectorEncoder, examples: Dataset | OnlineExamples, *, seed: int = 0) -> Affine:
    """The factor that gives the teacher's margins the spread of those that `model` gives now; no offset.

    Similarities of unit vectors are bounded, margins of logits are not: without it a student is asked for what it
    cannot reach.

    Raises:
        MenuraError: the teacher gives every pair of the sample the same logit.
    """
    queries, columns, logits = _sample(examples, seed)
    encoded = model.encode_query(queries, show_progress_bar=False)
    scores = [
        model.similarity_pairwise(encoded, model.encode_document(texts, show_progress_bar=False)) for texts in columns
    ]
    student = torch.stack(scores, dim=1).cpu()
    return Affine(_fit(student[:, :1] - student[:, 1:], logits[:, :1] - logits[:, 1:]).scale)


def _sample(examples: Dataset | OnlineExamples, seed: int) -> tuple[list[str], list[list[str]], Tensor]:
    """Queries `[R]`, N columns of passages `[R]`, and the teacher's logits `[R,N]`, whatever they weigh."""
    everything = examples.rows if isinstance(examples, OnlineExamples) else examples
    rows = everything.shuffle(seed=seed).select(range(min(len(everything), SAMPLED_ROWS)))
    if isinstance(examples, OnlineExamples):
        rows = examples.labelled(rows)
    if "label" not in rows.column_names:
        raise MenuraError("[training] the examples have no logits to calibrate; annotate them, or leave calibrate out.")
    columns = [list(rows[name]) for name in rows.column_names if name.startswith("passage_")]
    logits, _ = split_labels(torch.tensor(rows["label"]))
    return list(rows["query"]), columns, logits


def _fit(student: Tensor, teacher: Tensor) -> Affine:
    try:
        return Affine.fit(student.flatten(), teacher.flatten())
    except ValueError as error:
        raise MenuraError(f"[training] {error}") from error
