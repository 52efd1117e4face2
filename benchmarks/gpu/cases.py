"""Inputs that every operator is checked on: all layouts, masks with holes, ragged and empty texts, odd sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

import menura
from menura.bench.ragged import offsets_of
from menura.ops import reference


@dataclass(frozen=True)
class Case:
    """An operator, its reference, and inputs for both, of which some require a gradient."""

    name: str
    ours: Callable[..., Tensor]
    reference: Callable[..., Tensor]
    inputs: tuple[Tensor | None, ...]


@dataclass(frozen=True)
class Sizes:
    """Several blocks of every kernel on a GPU; a block or two where an interpreter runs them."""

    texts: int
    query_tokens: int
    tokens: int
    dim: int
    vocabulary: int


GPU, INTERPRETED = Sizes(9, 40, 150, 96, 1500), Sizes(3, 5, 9, 16, 60)


def cases(operator: str, device: str, sizes: Sizes) -> list[Case]:
    """Those of an operator; the first one is dense and the plainest."""
    torch.manual_seed(0)
    with torch.device(device):
        return MAKERS[operator](sizes)


def _maxsim(s: Sizes) -> list[Case]:
    queries = _leaf(s.texts, s.query_tokens, s.dim)
    documents, groups = _leaf(s.texts + 2, s.tokens, s.dim), _leaf(s.texts, 3, s.tokens, s.dim)
    query_mask = _mask(s.texts, s.query_tokens)
    masks = {"query_mask": query_mask, "document_mask": _mask(s.texts + 2, s.tokens)}
    group_masks = {"query_mask": query_mask, "document_mask": _mask(s.texts * 3, s.tokens).view(s.texts, 3, -1)}
    strided = _leaf(s.dim, s.tokens, s.texts)
    odd = _leaf(s.texts, 1, s.dim + 1), _leaf(2, s.tokens, s.dim + 1)
    return [
        _case("in-batch", "maxsim", queries, documents),
        _case("in-batch, masks", "maxsim", queries, documents, **masks),
        _case("candidates", "maxsim", queries, groups),
        _case("candidates, masks", "maxsim", queries, groups, **group_masks, length_normalize=True),
        _case("pairs", "maxsim_pairs", queries, documents[: s.texts].detach().requires_grad_()),
        _case("normalized, masks", "maxsim", queries, documents, **masks, normalize=True),
        _case("candidates, normalized", "maxsim", queries, groups, normalize=True),
        _case("one query token, odd dim", "maxsim", *odd),
        _case("documents alone trained", "maxsim", queries.detach(), documents),
        Case(
            "transposed documents",
            lambda q, d: menura.maxsim(q, d.permute(2, 1, 0)),
            lambda q, d: reference.maxsim(q, d.permute(2, 1, 0)),
            (queries, strided),
        ),
    ]


def _maxsim_packed(s: Sizes) -> list[Case]:
    query_offsets, offsets = _offsets(s.texts, s.query_tokens), _offsets(s.texts + 2, s.tokens)
    queries, documents = _leaf(int(query_offsets[-1]), s.dim), _leaf(int(offsets[-1]), s.dim)
    pairs = torch.stack([torch.randint(s.texts, (7,)), torch.randint(s.texts + 2, (7,))], dim=1)
    ragged = {"cu_seqlens_q": query_offsets, "cu_seqlens_d": offsets}
    return [
        _case("ragged", "maxsim_packed", queries, documents, **ragged),
        _case("ragged, listed pairs", "maxsim_packed", queries, documents, **ragged, pairs=pairs),
        _case("ragged, normalized", "maxsim_packed", queries, documents, **ragged, pairs=pairs, normalize=True),
        _case("ragged, length-normalised", "maxsim_packed", queries, documents, **ragged, length_normalize=True),
    ]


def _splade_head(s: Sizes) -> list[Case]:
    hidden, weight, bias = _leaf(s.texts, s.query_tokens, s.dim), _leaf(s.vocabulary, s.dim), _leaf(s.vocabulary)
    mask, offsets = _mask(s.texts, s.query_tokens), _offsets(s.texts, s.query_tokens)
    rows = _leaf(int(offsets[-1]), s.dim)
    kinds = [(pooling, activation) for pooling in ("max", "sum") for activation in ("relu", "log1p_relu")]
    inputs = hidden, weight, bias
    return [
        _case("dense", "splade_head", *inputs),
        *(
            _case(
                f"{pooling}, {activation}, mask",
                "splade_head",
                *inputs,
                mask=mask,
                pooling=pooling,
                activation=activation,
            )
            for pooling, activation in kinds
        ),
        _case("no bias", "splade_head", hidden, weight, None, mask=mask),
        _case("top 5", "splade_head", *inputs, mask=mask, top_k=5),
        _case("ragged", "splade_head", rows, weight, bias, cu_seqlens=offsets),
        _case("ragged, sum", "splade_head", rows, weight, bias, cu_seqlens=offsets, pooling="sum"),
        _dense_again("CSR", "splade_head", *inputs, mask=mask, layout="csr"),
        _dense_again("CSR, top 5", "splade_head", *inputs, mask=mask, layout="csr", top_k=5),
    ]


def _sparse_dot(s: Sizes) -> list[Case]:
    queries, documents, paired = (_sparse(rows, s.vocabulary) for rows in (s.texts, s.texts + 2, s.texts))
    return [
        _case("dense", "sparse_dot", queries, documents),
        _case("row by row", "sparse_dot", queries, paired, pairwise=True),
        _from_values("CSR", "sparse_dot", queries, documents),
        _from_values("CSR, row by row", "sparse_dot", queries, paired, pairwise=True),
    ]


def _flops(s: Sizes) -> list[Case]:
    activations, frequency = _sparse(s.texts, s.vocabulary), torch.rand(s.vocabulary)
    return [
        _case("dense", "flops", activations),
        _case("unbiased", "flops", activations, estimator="unbiased"),
        _case("weighted by document frequency", "flops", activations, document_frequency=frequency),
        _from_values("CSR", "flops", activations),
        _from_values("CSR, unbiased", "flops", activations, estimator="unbiased"),
    ]


MAKERS: dict[str, Callable[[Sizes], list[Case]]] = {
    "maxsim": _maxsim,
    "maxsim_packed": _maxsim_packed,
    "splade_head": _splade_head,
    "sparse_dot": _sparse_dot,
    "flops": _flops,
}


def _case(name: str, operator: str, *inputs: Tensor | None, **options: object) -> Case:
    ours, theirs = getattr(menura, operator), getattr(reference, operator)
    return Case(name, partial(ours, **options), partial(theirs, **options), inputs)


def _dense_again(name: str, operator: str, *inputs: Tensor | None, **options: object) -> Case:
    """Of an operator that returns compressed rows."""
    case = _case(name, operator, *inputs, **options)
    return Case(name, lambda *x: case.ours(*x).to_dense(), lambda *x: case.reference(*x).to_dense(), inputs)


def _from_values(name: str, operator: str, *matrices: Tensor, **options: object) -> Case:
    """Of an operator on compressed rows, as a function of their values."""
    rows = [matrix.detach().to_sparse_csr() for matrix in matrices]
    case = _case(name, operator, **options)

    def compressed(values: tuple[Tensor, ...]) -> list[Tensor]:
        return [
            torch.sparse_csr_tensor(row.crow_indices(), row.col_indices(), value, row.shape)
            for row, value in zip(rows, values, strict=True)
        ]

    return Case(
        name,
        lambda *values: case.ours(*compressed(values)),
        lambda *values: case.reference(*compressed(values)),
        tuple(row.values().clone().requires_grad_() for row in rows),
    )


def _leaf(*shape: int) -> Tensor:
    return torch.randn(shape, requires_grad=True)


def _mask(texts: int, tokens: int) -> Tensor:
    """With holes, and without any token in the first text."""
    mask = torch.rand(texts, tokens) < 0.7
    mask[0] = False
    return mask


def _offsets(texts: int, longest: int) -> Tensor:
    """Of texts of any length up to `longest`; the second one is empty."""
    lengths = torch.randint(1, longest + 1, (texts,))
    lengths[1] = 0
    return offsets_of(lengths).int()


def _sparse(rows: int, vocabulary: int) -> Tensor:
    """A third of the entries is not zero; two columns have none."""
    drawn = torch.randn(rows, vocabulary).sub(0.5).relu()
    drawn[:, :2] = 0
    return drawn.requires_grad_()
