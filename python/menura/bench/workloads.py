"""How to make a workload of every task. Inputs are random; what a provider binds stands in each docstring."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from menura.bench.ragged import offsets_of, padded
from menura.bench.workload import Workload
from menura.ops import quantize, reference

__all__ = [
    "flops",
    "maxsim_batch",
    "maxsim_int8",
    "maxsim_kd",
    "maxsim_score",
    "sparse_dot",
    "sparse_dot_csr",
    "splade_head",
]

# Tokens of a document.
SHORTEST, LONGEST = 20, 300
# Terms that the head's bias leaves active in a text: as many as in trained models, a tenth of a small vocabulary.
ACTIVE_TERMS = 200
# Documents whose float64 similarities the truth holds at once.
SLAB = 500


def maxsim_score(documents: int, tokens: int = 32, dim: int = 128, *, dtype: torch.dtype) -> Workload:
    """Search: one query against ragged documents, 20 to 300 tokens each.

    Inputs: query `[1,Lq,d]`, packed documents `[Td,d]`, their offsets `[Nd+1]` int64. Output `[1,Nd]`, no gradient.
    """

    seeded = torch.Generator().manual_seed(0)
    offsets = offsets_of(torch.randint(SHORTEST, LONGEST + 1, (documents,), generator=seeded))
    packed = int(offsets[-1])
    return Workload(
        f"maxsim_score-{documents}-{tokens}x{dim}",
        "maxsim_score",
        f"maxsim, 1 query x {documents:,} documents, {tokens} x {SHORTEST} to {LONGEST} tokens, d {dim}",
        dtype,
        lambda g: (_unit(g, 1, tokens, dim), _unit(g, packed, dim), offsets.to(g.device)),
        _score_in_slabs,
        2.0 * tokens * packed * dim,
        trained=False,
    )


def maxsim_int8(documents: int, tokens: int = 32, dim: int = 128) -> Workload:
    """The same search over documents in int8.

    Inputs: query `[1,Lq,d]`, packed documents `[Td,d]` int8, their scales `[Td]`, their offsets `[Nd+1]` int64. Output
    `[1,Nd]` of the query as `menura.quantize` rounds it, no gradient.
    """
    like = maxsim_score(documents, tokens, dim, dtype=torch.float32)

    def make(generator: torch.Generator) -> tuple[Tensor, ...]:
        queries, packed, offsets = like.make(generator)
        return queries, *quantize(packed), offsets

    return replace(
        like,
        name=like.name.replace(like.task, "maxsim_int8"),
        task="maxsim_int8",
        make=make,
        reference=_score_int8,
        quantized=True,
    )


def maxsim_kd(
    queries: int, candidates: int, query_tokens: int, document_tokens: int, dim: int, *, dtype: torch.dtype
) -> Workload:
    """Distillation: every query against candidates of its own.

    Inputs: queries `[Nq,Lq,d]`, documents `[Nq,K,Ld,d]`. Output `[Nq,K]`.
    """
    return Workload(
        f"maxsim_kd-{queries}x{candidates}-{query_tokens}x{document_tokens}x{dim}",
        "maxsim_kd",
        f"maxsim, {queries} queries x {candidates} candidates, {query_tokens} x {document_tokens} tokens, d {dim}",
        dtype,
        lambda g: (_unit(g, queries, query_tokens, dim), _unit(g, queries, candidates, document_tokens, dim)),
        reference.maxsim,
        2.0 * queries * candidates * query_tokens * document_tokens * dim,
    )


def maxsim_batch(
    queries: int, documents: int, query_tokens: int, document_tokens: int, dim: int, *, dtype: torch.dtype
) -> Workload:
    """In-batch negatives: every query against every document.

    Inputs: queries `[Nq,Lq,d]`, documents `[Nd,Ld,d]`. Output `[Nq,Nd]`.
    """
    return Workload(
        f"maxsim_batch-{queries}x{documents}-{query_tokens}x{document_tokens}x{dim}",
        "maxsim_batch",
        f"maxsim, {queries} queries x {documents} documents, {query_tokens} x {document_tokens} tokens, d {dim}",
        dtype,
        lambda g: (_unit(g, queries, query_tokens, dim), _unit(g, documents, document_tokens, dim)),
        reference.maxsim,
        2.0 * queries * documents * query_tokens * document_tokens * dim,
    )


def splade_head(
    batch: int, tokens: int, hidden: int, vocabulary: int, *, dtype: torch.dtype, timed: bool = True
) -> Workload:
    """The vocabulary projection with its pooling.

    Inputs: hidden states `[B,L,H]`, weight `[V,H]`, bias `[V]`. Output `[B,V]`.
    """
    active = min(ACTIVE_TERMS / vocabulary, 0.1)
    # Logits are standard normal: the maximum of L of them passes this threshold with probability `active`.
    bias = -NormalDist().inv_cdf((1 - active) ** (1 / tokens))

    def make(generator: torch.Generator) -> tuple[Tensor, ...]:
        device = generator.device
        states = torch.randn(batch, tokens, hidden, generator=generator, device=device)
        weight = torch.randn(vocabulary, hidden, generator=generator, device=device) / hidden**0.5
        return states, weight, torch.full((vocabulary,), bias, device=device)

    return Workload(
        f"splade_head-{batch}x{tokens}x{hidden}-{vocabulary}",
        "splade_head",
        f"splade_head, {batch} x {tokens} tokens, hidden {hidden}, vocabulary {vocabulary:,}",
        dtype,
        make,
        _head_by_rows,
        2.0 * batch * tokens * hidden * vocabulary,
        timed=timed,
    )


def sparse_dot(
    queries: int, documents: int, vocabulary: int, query_terms: int, document_terms: int, *, dtype: torch.dtype
) -> Workload:
    """Scores of sparse vectors in dense tensors. Inputs: `[B,V]`, `[N,V]`. Output `[B,N]`."""
    return Workload(
        f"sparse_dot-{queries}x{documents}-{vocabulary}",
        "sparse_dot",
        f"sparse_dot, {queries} x {documents}, {query_terms} and {document_terms} terms of {vocabulary:,}",
        dtype,
        lambda g: (_terms(g, queries, vocabulary, query_terms), _terms(g, documents, vocabulary, document_terms)),
        reference.sparse_dot,
        None,
    )


def sparse_dot_csr(
    queries: int, documents: int, vocabulary: int, query_terms: int, document_terms: int, *, dtype: torch.dtype
) -> Workload:
    """The same from compressed rows, which providers bind from dense `[B,V]`, `[N,V]`; only entries have gradients."""
    return Workload(
        f"sparse_dot_csr-{queries}x{documents}-{vocabulary}",
        "sparse_dot_csr",
        f"sparse_dot, {queries} x {documents} in CSR, {query_terms} and {document_terms} terms of {vocabulary:,}",
        dtype,
        lambda g: (_terms(g, queries, vocabulary, query_terms), _terms(g, documents, vocabulary, document_terms)),
        reference.sparse_dot,
        None,
        entries_only=True,
    )


def flops(rows: int, vocabulary: int, terms: int, *, dtype: torch.dtype) -> Workload:
    """The sparsity penalty. Inputs: `[B,V]`. Output: a scalar. `|x|` has no gradient at zero: only entries have one."""
    return Workload(
        f"flops-{rows}-{vocabulary}",
        "flops",
        f"flops, {rows} x {vocabulary:,}, {terms} terms",
        dtype,
        lambda g: (_terms(g, rows, vocabulary, terms),),
        reference.flops,
        None,
        entries_only=True,
    )


def _unit(generator: torch.Generator, *shape: int) -> Tensor:
    return F.normalize(torch.randn(shape, generator=generator, device=generator.device), dim=-1)


def _terms(generator: torch.Generator, rows: int, vocabulary: int, terms: int) -> Tensor:
    """`[rows,vocabulary]` with `terms` entries a row, frequent terms in most of them, as in texts (Zipf)."""
    device = generator.device
    frequency = 1 / torch.arange(10, vocabulary + 10, device=device)
    chosen = torch.multinomial(frequency.expand(rows, -1), terms, generator=generator)
    # Away from zero, where float16 and bfloat16 would lose the entry.
    drawn = torch.rand(rows, terms, generator=generator, device=device) + 0.1
    return torch.zeros(rows, vocabulary, device=device).scatter(1, chosen, drawn)


def _score_in_slabs(queries: Tensor, documents: Tensor, offsets: Tensor) -> Tensor:
    scores = []
    for start in range(0, len(offsets) - 1, SLAB):
        slab = offsets[start : start + SLAB + 1]
        dense, mask = padded(documents[slab[0] : slab[-1]], slab - slab[0])
        scores.append(reference.maxsim(queries, dense, document_mask=mask))
    return torch.cat(scores, dim=1)


def _score_int8(queries: Tensor, documents: Tensor, scales: Tensor, offsets: Tensor) -> Tensor:
    whole, query_scales = quantize(queries)
    return _score_in_slabs(whole * query_scales[..., None].to(scales), documents * scales[:, None], offsets)


def _head_by_rows(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Row by row and recomputed in the backward: all logits at once in float64 would fill the machine."""
    rows = [checkpoint(reference.splade_head, row[None], weight, bias, use_reentrant=False) for row in hidden]
    return torch.cat(rows)
