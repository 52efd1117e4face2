"""Our own operators."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

import menura
from menura.bench.csr import compressed
from menura.bench.provider import Provider
from menura.bench.step import Step
from menura.bench.workload import Task

__all__ = ["PROVIDERS"]


def _score(queries: Tensor, documents: Tensor, offsets: Tensor) -> Step:
    query_offsets = torch.tensor([0, queries.shape[1]], device=queries.device)
    return Step.of(menura.maxsim_packed, queries.flatten(0, 1), documents, query_offsets, offsets)


def _int8(queries: Tensor, documents: Tensor, scales: Tensor, offsets: Tensor) -> Step:
    query_offsets = torch.tensor([0, queries.shape[1]], device=queries.device)
    return Step(lambda: menura.maxsim_packed(queries[0], documents, query_offsets, offsets, document_scales=scales))


def _csr(queries: Tensor, documents: Tensor) -> Step:
    return Step.of(menura.sparse_dot, compressed(queries), compressed(documents))


def _ours(task: Task, bind: Callable[..., Step]) -> Provider:
    return Provider("menura", task, bind, "menura")


PROVIDERS = [
    _ours("maxsim_score", _score),
    _ours("maxsim_int8", _int8),
    _ours("maxsim_kd", partial(Step.of, menura.maxsim)),
    _ours("maxsim_batch", partial(Step.of, menura.maxsim)),
    _ours("splade_head", partial(Step.of, menura.splade_head)),
    _ours("sparse_dot", partial(Step.of, menura.sparse_dot)),
    _ours("sparse_dot_csr", _csr),
    _ours("flops", partial(Step.of, menura.flops)),
]
