"""Ways to write the operators in plain PyTorch, from the obvious to the best known to us.

Half precision is left to PyTorch; sums over query tokens are taken in float32, as sentence-transformers does.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

import menura
from menura.bench.csr import compressed
from menura.bench.provider import Provider
from menura.bench.ragged import padded, split
from menura.bench.step import Step

__all__ = ["PROVIDERS"]

# Vocabulary rows per tile: their logits fit the cache.
TILE = 1024


def _document_loop(queries: Tensor, documents: Tensor, offsets: Tensor) -> Step:
    query, apart = queries[0], split(documents, offsets)
    return Step(lambda: torch.stack([(query @ document.T).amax(1).float().sum() for document in apart])[None])


def _padded_einsum(queries: Tensor, documents: Tensor, offsets: Tensor) -> Step:
    dense, mask = padded(documents, offsets)
    hidden = ~mask[:, None]

    def forward() -> Tensor:
        similarities = torch.einsum("qsh,dth->qdst", queries, dense)
        return similarities.masked_fill_(hidden, -torch.inf).amax(-1).float().sum(-1)

    return Step(forward)


def _packed_matmul(queries: Tensor, documents: Tensor, offsets: Tensor) -> Step:
    def forward() -> Tensor:
        similarities = documents @ queries[0].T  # [Td,Lq]
        return torch.segment_reduce(similarities, "max", offsets=offsets, axis=0).float().sum(1)[None]

    return Step(forward)


def _widened_matmul(queries: Tensor, documents: Tensor, scales: Tensor, offsets: Tensor) -> Step:
    """PyTorch has no product of int8 matrices with a scale a row: documents are widened at every search."""
    whole, query_scales = menura.quantize(queries[0])
    query = whole * query_scales[:, None]

    def forward() -> Tensor:
        similarities = (documents.float() @ query.T).mul_(scales[:, None])
        return torch.segment_reduce(similarities, "max", offsets=offsets, axis=0).sum(1)[None]

    return Step(forward)


def _max(product: str, queries: Tensor, documents: Tensor) -> Tensor:
    return torch.einsum(product, queries, documents).max(-1).values.float().sum(-1)


def _kd_gather(queries: Tensor, documents: Tensor) -> Tensor:
    """No gradient passes the similarities: only the best tokens are multiplied again, which spares the backward."""
    with torch.no_grad():
        best = torch.einsum("qsh,qkth->qkst", queries, documents).argmax(-1, keepdim=True)
    matches = documents.gather(2, best.expand(-1, -1, -1, documents.shape[-1]))
    return (queries[:, None] * matches).sum((2, 3), dtype=torch.float32)


def _batch_gather(queries: Tensor, documents: Tensor) -> Tensor:
    with torch.no_grad():
        best = torch.einsum("qsh,dth->dqst", queries, documents).argmax(-1)
    matches = documents.gather(1, best.flatten(1)[..., None].expand(-1, -1, documents.shape[-1]))
    similarities = (queries.flatten(0, 1) * matches).sum(-1, dtype=torch.float32)  # [Nd,Nq*Lq]
    return similarities.view(best.shape).sum(-1).T


def _max_first(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Maximum and activation commute, so `log1p` sees `[B,V]`; the published code applies it to `[B,L,V]`."""
    return F.linear(hidden, weight, bias).max(1).values.relu().log1p()


def _tiled(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    tiles = zip(weight.split(TILE), bias.split(TILE), strict=True)
    return torch.cat([_max_first(hidden, rows, offsets) for rows, offsets in tiles], dim=1)


def _csr_times_dense(queries: Tensor, documents: Tensor) -> Step:
    """PyTorch multiplies no two CSR matrices with gradients; one of them must be dense."""
    rows = compressed(queries), compressed(documents)
    return Step.of(lambda q, d: torch.sparse.mm(q, d.to_dense().T), *rows)


def _flops(activations: Tensor) -> Tensor:
    return activations.abs().mean(0).square().sum()


PROVIDERS = [
    Provider("torch, document loop", "maxsim_score", _document_loop, "torch"),
    Provider("torch, padded einsum", "maxsim_score", _padded_einsum, "torch"),
    Provider("torch, packed matmul", "maxsim_score", _packed_matmul, "torch"),
    Provider("torch, widened matmul", "maxsim_int8", _widened_matmul, "torch"),
    Provider("torch, einsum and max", "maxsim_kd", partial(Step.of, partial(_max, "qsh,qkth->qkst")), "torch"),
    Provider("torch, argmax and gather", "maxsim_kd", partial(Step.of, _kd_gather), "torch"),
    Provider("torch, einsum and max", "maxsim_batch", partial(Step.of, partial(_max, "qsh,dth->qdst")), "torch"),
    Provider("torch, argmax and gather", "maxsim_batch", partial(Step.of, _batch_gather), "torch"),
    Provider("torch, max first", "splade_head", partial(Step.of, _max_first), "torch"),
    Provider("torch, vocabulary tiles", "splade_head", partial(Step.of, _tiled), "torch"),
    Provider("torch, matmul", "sparse_dot", partial(Step.of, lambda q, d: q @ d.T), "torch"),
    Provider("torch, CSR x dense", "sparse_dot_csr", _csr_times_dense, "torch"),
    Provider("torch", "flops", partial(Step.of, _flops), "torch"),
]
