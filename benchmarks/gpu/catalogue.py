"""The workloads, the most important first: where time runs out, the last ones are left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from menura.bench import workloads as of
from menura.bench.workload import Workload
from menura.ops import reference

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32
BERT, QWEN, XLM_R = 30_522, 151_936, 250_002
# Terms that a trained model's text activates, as a share of the vocabulary.
LATE = 0.01
# Numbers of float64 similarities that the truth holds at once.
SLAB = 1 << 28


@dataclass(frozen=True)
class Row:
    """A workload, and whether torch.compile takes part: compiling takes its time at every shape."""

    workload: Workload
    compiled: bool = False


def rows() -> list[Row]:
    """Everything that is measured on a GPU."""
    batches = (128, 512, 32, 256, 1024)
    heads = [
        (64, 256, 768, BERT),
        (32, 128, 768, BERT),
        (64, 32, 768, BERT),
        (16, 512, 1024, QWEN),
        (16, 256, 768, XLM_R),
    ]
    return [
        *(Row(batch(size, size, 32, 180), size == 128) for size in batches),
        *(Row(head(*shape, padding=True), shape == heads[0]) for shape in heads),
        *(Row(forward(head(*shape))) for shape in heads),
        Row(ragged(128, 128, 32)),
        *(Row(candidates(queries, count, 32, 180)) for queries, count in [(16, 32), (32, 16)]),
        Row(normalized(batch(128, 128, 32, 180))),
        *(Row(head(*shape, padding=True, active=1.0), shape == heads[0]) for shape in heads[:3]),
        *(Row(of.sparse_dot(*shape, BERT, 50, 200, dtype=FP32)) for shape in [(32, 256), (512, 4096)]),
        *(Row(of.flops(count, BERT, 200, dtype=FP32)) for count in (288, 4608)),
        *(Row(forward(batch(size, size, 32, 180))) for size in batches),
        *(Row(batch(count, count, 32, tokens, dtype=FP16)) for count, tokens in [(32, 80), (32, 512), (64, 128)]),
        *(Row(forward(candidates(32, k, 32, tokens, dtype=FP16))) for k, tokens in [(50, 180), (100, 256)]),
        *(Row(forward(batch(1, count, 32, 300))) for count in (1_000, 10_000)),
        Row(of.maxsim_score(10_000, dtype=BF16)),
        *(Row(batch(size, size, 128, 512)) for size in (64, 128)),
        *(Row(batch(size, size, 1024, 1024)) for size in (16, 32)),
        *(Row(batch(size, size, 32, 180, dtype=FP32)) for size in (32, 128)),
        Row(head(32, 128, 768, BERT, padding=True, dtype=FP32)),
        Row(ragged(512, 512, 32)),
        Row(forward(ragged(128, 128, 32))),
        Row(forward(batch(128, 128, 32, 200))),
        *(Row(forward(batch(size, size, 128, 512))) for size in (64, 128)),
        *(Row(forward(batch(size, size, 1024, 1024))) for size in (16, 32)),
        *(Row(forward(batch(1, 1_000, queries, 1024))) for queries in (32, 128, 512, 1024)),
        Row(forward(batch(1, 500, 1024, 1024))),
        Row(batch(8, 16, 32, 8192)),
        Row(forward(batch(8, 16, 32, 8192))),
        Row(of.sparse_dot_csr(32, 256, BERT, 50, 200, dtype=FP32)),
        *(Row(batch(size, size, 1024, 1024)) for size in (64, 128)),
        Row(candidates(256, 16, 1024, 1024)),
        Row(batch(256, 256, 128, 8192)),
    ]


def tiny() -> list[Row]:
    """Every kind of row in next to no time."""
    return [
        Row(batch(3, 4, 5, 9, dim=16)),
        Row(forward(batch(3, 4, 5, 9, dim=16))),
        Row(candidates(2, 3, 5, 9, dim=16)),
        Row(normalized(batch(3, 4, 5, 9, dim=16))),
        Row(ragged(2, 3, 5, dim=16)),
        Row(of.maxsim_score(5, 8, 16, dtype=BF16)),
        Row(head(2, 6, 16, 100, padding=True, dtype=FP32)),
        Row(head(2, 6, 16, 100, padding=True, dtype=FP32, active=1.0)),
        Row(forward(head(2, 6, 16, 100, dtype=FP32))),
        Row(of.sparse_dot(3, 4, 100, 5, 9, dtype=FP32)),
        Row(of.sparse_dot_csr(3, 4, 100, 5, 9, dtype=FP32)),
        Row(of.flops(4, 100, 9, dtype=FP32)),
    ]


def forward(workload: Workload) -> Workload:
    """The same without a backward."""
    return replace(workload, name=f"{workload.name}-forward", title=f"{workload.title}, forward", trained=False)


def normalized(workload: Workload) -> Workload:
    """The same of in-batch tokens of any length, whose cosines count."""

    def make(generator: torch.Generator) -> tuple[Tensor, ...]:
        drawn = workload.make(generator)
        return tuple(
            text * torch.rand(text.shape[:-1], generator=generator, device=generator.device)[..., None].add(0.5)
            for text in drawn
        )

    return replace(
        workload,
        name=f"{workload.name}-normalized",
        task="maxsim_normalized",
        title=f"{workload.title}, normalized",
        make=make,
        reference=partial(_maxsim_in_slabs, normalize=True),
    )


def batch(
    queries: int, documents: int, query_tokens: int, document_tokens: int, dim: int = 128, *, dtype: torch.dtype = BF16
) -> Workload:
    """In-batch MaxSim, forward and backward, as in `menura.bench.workloads`."""
    drawn = of.maxsim_batch(queries, documents, query_tokens, document_tokens, dim, dtype=dtype)
    return replace(drawn, reference=_maxsim_in_slabs)


def candidates(
    queries: int, count: int, query_tokens: int, document_tokens: int, dim: int = 128, *, dtype: torch.dtype = BF16
) -> Workload:
    """MaxSim with candidates of their own, likewise."""
    drawn = of.maxsim_kd(queries, count, query_tokens, document_tokens, dim, dtype=dtype)
    return replace(drawn, reference=_maxsim_in_slabs)


def ragged(queries: int, documents: int, query_tokens: int, dim: int = 128, *, dtype=BF16) -> Workload:
    """In-batch MaxSim of documents as long as MS MARCO's: 80 tokens on average, and a long tail.

    Inputs: queries `[Nq,Lq,d]`, padded documents `[Nd,L,d]`, their mask `[Nd,L]`. Output `[Nq,Nd]`. The arithmetic
    counted is that of real tokens.
    """
    drawn = torch.empty(documents).log_normal_(4.26, 0.5, generator=torch.Generator().manual_seed(0))
    lengths = drawn.long().clamp(8, 512)
    longest = int(lengths.max())

    def make(generator: torch.Generator) -> tuple[Tensor, ...]:
        device = generator.device
        shapes = (queries, query_tokens, dim), (documents, longest, dim)
        texts = (F.normalize(torch.randn(shape, generator=generator, device=device), dim=-1) for shape in shapes)
        return *texts, torch.arange(longest, device=device) < lengths.to(device)[:, None]

    return Workload(
        f"maxsim_ragged-{queries}x{documents}-{query_tokens}x{dim}",
        "maxsim_ragged",
        f"maxsim, {queries} queries x {documents} ragged documents, {query_tokens} x 80 tokens, d {dim}",
        dtype,
        make,
        _maxsim_in_slabs,
        2.0 * queries * query_tokens * int(lengths.sum()) * dim,
    )


def head(
    texts: int,
    tokens: int,
    hidden: int,
    vocabulary: int,
    *,
    dtype: torch.dtype = BF16,
    padding: bool = False,
    active: float = LATE,
) -> Workload:
    """The SPLADE head, forward and backward.

    Inputs: hidden states `[B,L,H]`, weight `[V,H]`, bias `[V]`, and with padding the mask `[B,L]`: a third of the
    tokens is not real then. Output `[B,V]`, of which about a share `active` is not zero. The arithmetic counted is
    that of real tokens.
    """
    shortest = max(tokens // 3, 1) if padding else tokens
    lengths = torch.linspace(shortest, tokens, texts).round().long()
    # Logits are standard normal: the maximum of L of them passes this threshold with probability `active`.
    share = min(active, 1 - 1e-6)
    bias = -NormalDist().inv_cdf((1 - share) ** (1 / lengths.double().mean().item()))

    def make(generator: torch.Generator) -> tuple[Tensor, ...]:
        device = generator.device
        states = torch.randn(texts, tokens, hidden, generator=generator, device=device)
        weight = torch.randn(vocabulary, hidden, generator=generator, device=device) / hidden**0.5
        mask = torch.arange(tokens, device=device) < lengths.to(device)[:, None]
        inputs = states, weight, torch.full((vocabulary,), bias, device=device)
        return (*inputs, mask) if padding else inputs

    stage = "late" if active == LATE else "early"
    return Workload(
        f"splade_head-{texts}x{tokens}x{hidden}-{vocabulary}-{stage}{'-padded' if padding else ''}",
        "splade_head_padded" if padding else "splade_head",
        f"splade_head, {texts} x {tokens} tokens{', a third padding' if padding else ''}, hidden {hidden}, "
        f"vocabulary {vocabulary:,}, {active:.0%} active",
        dtype,
        make,
        _head_by_rows,
        2.0 * int(lengths.sum()) * hidden * vocabulary,
    )


def _maxsim_in_slabs(
    queries: Tensor, documents: Tensor, mask: Tensor | None = None, *, normalize: bool = False
) -> Tensor:
    """Some queries at a time, computed again in the backward."""

    def score(start: int) -> Tensor:
        slab = slice(start, start + together)
        met = documents if documents.dim() == 3 else documents[slab]
        return reference.maxsim(queries[slab], met, document_mask=mask, normalize=normalize)

    a_query = queries.shape[1] * documents.shape[-3] * documents.shape[-2]
    together = max(SLAB // a_query, 1)
    scores = [checkpoint(score, start, use_reentrant=False) for start in range(0, len(queries), together)]
    return torch.cat(scores)


def _head_by_rows(hidden: Tensor, weight: Tensor, bias: Tensor, mask: Tensor | None = None) -> Tensor:
    """Likewise, one text at a time."""

    def score(row: int) -> Tensor:
        shown = None if mask is None else mask[row : row + 1]
        return reference.splade_head(hidden[row : row + 1], weight, bias, mask=shown)

    return torch.cat([checkpoint(score, row, use_reentrant=False) for row in range(len(hidden))])
