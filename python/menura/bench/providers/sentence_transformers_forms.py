"""What sentence-transformers computes today. Imported only where it is bound: it takes seconds."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from menura.bench.provider import Provider
from menura.bench.ragged import split
from menura.bench.step import Step
from menura.bench.workload import Task

__all__ = ["PROVIDERS"]


def _score(queries: Tensor, documents: Tensor, offsets: Tensor) -> Step:
    from sentence_transformers.util.similarity import maxsim

    # A list of documents is what its `encode` returns.
    apart = split(documents, offsets)
    return Step(lambda: maxsim(queries, apart))


def _kd(queries: Tensor, documents: Tensor) -> Step:
    from sentence_transformers.multi_vector_encoder.scoring import colbert_kd_scores

    return Step.of(colbert_kd_scores, queries, documents)


def _batch(queries: Tensor, documents: Tensor) -> Step:
    from sentence_transformers.util.similarity import maxsim

    return Step.of(maxsim, queries, documents)


def _head(hidden: Tensor, weight: Tensor, bias: Tensor) -> Step:
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    pooling = SpladePooling().train()
    mask = torch.ones(hidden.shape[:2], dtype=torch.long, device=hidden.device)

    def forward(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        logits = F.linear(hidden, weight, bias)
        activations: Tensor = pooling({"token_embeddings": logits, "attention_mask": mask})["sentence_embedding"]
        return activations

    return Step.of(forward, hidden, weight, bias)


def _dot(queries: Tensor, documents: Tensor) -> Step:
    from sentence_transformers.util import dot_score

    return Step.of(dot_score, queries, documents)


def _flops(activations: Tensor) -> Step:
    from sentence_transformers.sparse_encoder.losses import FlopsLoss

    # The loss of given embeddings asks for no model.
    return Step.of(FlopsLoss(model=None).compute_loss_from_embeddings, activations)  # type: ignore[arg-type]


def _theirs(task: Task, bind: Callable[..., Step]) -> Provider:
    return Provider("sentence-transformers", task, bind, "sentence-transformers")


PROVIDERS = [
    _theirs("maxsim_score", _score),
    _theirs("maxsim_kd", _kd),
    _theirs("maxsim_batch", _batch),
    _theirs("splade_head", _head),
    _theirs("sparse_dot", _dot),
    _theirs("flops", _flops),
]
