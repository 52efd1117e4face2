"""MaxSim with sentence-transformers' signatures, for its models and its losses.

`maxsim` and `maxsim_pairwise` stand for the functions of those names in `sentence_transformers.util.similarity`;
`colbert_scores`, `colbert_scores_pairwise` and `colbert_kd_scores` for those in its `multi_vector_encoder.scoring`,
which its losses take as `similarity_fct`. No token similarities are ever held, so `chunk_elements` bounds only what a
list of documents takes once padded; the functions for training get padded tensors and have nothing to bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from menura import ops

__all__ = ["colbert_kd_scores", "colbert_scores", "colbert_scores_pairwise", "maxsim", "maxsim_pairwise"]

Array = Tensor | NDArray[Any]
Arrays = Array | Sequence[Array]
# One side of a comparison with its masks: padded `[N,L,d]` and `[N,L]`, or lists of `[L_n,d]` and `[L_n]`.
Side = tuple[Any, Any]

CHUNK_ELEMENTS = 100_000_000


def maxsim(
    a: Arrays,
    b: Arrays,
    a_mask: Arrays | None = None,
    b_mask: Arrays | None = None,
    chunk_elements: int | None = None,
    length_normalize: bool = False,
    device: str | torch.device | None = None,
) -> Tensor:
    """Every query of `a` against every document of `b`: `[Na,Nb]` float32, on the documents' device.

    Each side is a padded `[N,L,d]`, a list of `[L_n,d]`, or one `[L,d]`; its mask `[N,L]`, a list of `[L_n]`, or `[L]`.
    Without a mask, all-zero rows of a padded tensor are padding.

    Args:
        chunk_elements: a list of documents is padded in runs of at most so many elements. None: 100 million.
        device: where to score. None: where the documents are.
    """
    home = _device(b) or _device(a) or torch.device("cpu")
    queries, documents = _side(a, a_mask), _side(b, b_mask)
    if len(queries[0]) == 0 or len(documents[0]) == 0:
        return torch.zeros(len(queries[0]), len(documents[0]), device=home)
    place = torch.device(device or home)
    asked = _padded(queries, place)
    scores = [
        _score(ops.maxsim, asked, _padded(_take(documents, run), place), length_normalize).to(home)
        for run in _runs(documents[0], chunk_elements)
    ]
    return torch.cat(scores, dim=1)


def maxsim_pairwise(
    a: Arrays,
    b: Arrays,
    a_mask: Arrays | None = None,
    b_mask: Arrays | None = None,
    chunk_elements: int | None = None,
    length_normalize: bool = False,
    device: str | torch.device | None = None,
) -> Tensor:
    """Query i of `a` against document i of `b`: `[N]` float32. Everything else as in `maxsim`."""
    home = _device(b) or _device(a) or torch.device("cpu")
    queries, documents = _side(a, a_mask), _side(b, b_mask)
    if len(queries[0]) != len(documents[0]):
        raise ValueError(
            f"[maxsim_pairwise] there must be as many queries as documents; got {len(queries[0])} and "
            f"{len(documents[0])}."
        )
    if len(documents[0]) == 0:
        return torch.zeros(0, device=home)
    place = torch.device(device or home)
    scores = [
        _score(
            ops.maxsim_pairs,
            _padded(_take(queries, run), place),
            _padded(_take(documents, run), place),
            length_normalize,
        ).to(home)
        for run in _runs(documents[0], chunk_elements)
    ]
    return torch.cat(scores)


def colbert_scores(
    queries_embeddings: Tensor,
    documents_embeddings: Tensor,
    queries_mask: Tensor | None = None,
    documents_mask: Tensor | None = None,
    chunk_elements: int | None = None,
    length_normalize: bool = False,
) -> Tensor:
    """In-batch scores: `[Nq,Lq,d]` x `[G,N,Ld,d]` -> `[Nq,G*N]`."""
    mask = None if documents_mask is None else documents_mask.flatten(0, 1)
    documents = documents_embeddings.flatten(0, 1)
    return maxsim(queries_embeddings, documents, queries_mask, mask, length_normalize=length_normalize)


def colbert_scores_pairwise(
    queries_embeddings: Tensor,
    documents_embeddings: Tensor,
    queries_mask: Tensor | None = None,
    documents_mask: Tensor | None = None,
    chunk_elements: int | None = None,
    length_normalize: bool = False,
) -> Tensor:
    """Matched pairs: `[B,Lq,d]` x `[B,Ld,d]` -> `[B]`."""
    return maxsim_pairwise(
        queries_embeddings, documents_embeddings, queries_mask, documents_mask, length_normalize=length_normalize
    )


def colbert_kd_scores(
    queries_embeddings: Tensor,
    documents_embeddings: Tensor,
    queries_mask: Tensor | None = None,
    documents_mask: Tensor | None = None,
    chunk_elements: int | None = None,
    length_normalize: bool = False,
) -> Tensor:
    """Candidates per query: `[B,Lq,d]` x `[B,N,Ld,d]` -> `[B,N]`."""
    return ops.maxsim(
        queries_embeddings,
        documents_embeddings,
        query_mask=_nonzero_rows(queries_embeddings) if queries_mask is None else queries_mask,
        document_mask=_nonzero_rows(documents_embeddings) if documents_mask is None else documents_mask,
        length_normalize=length_normalize,
    )


def _score(operator: Callable[..., Tensor], queries: Side, documents: Side, length_normalize: bool) -> Tensor:
    return operator(
        queries[0],
        documents[0],
        query_mask=queries[1],
        document_mask=documents[1],
        length_normalize=length_normalize,
    ).float()


def _device(embeddings: Arrays) -> torch.device | None:
    """Where the embeddings are; None: not on a device, or there are none."""
    if not isinstance(embeddings, Tensor | np.ndarray):
        embeddings = embeddings[0] if len(embeddings) else np.empty(0)
    return embeddings.device if isinstance(embeddings, Tensor) else None


def _side(embeddings: Arrays, mask: Arrays | None) -> Side:
    if isinstance(embeddings, Tensor | np.ndarray):
        padded = _floating(embeddings)
        padded = padded[None] if padded.dim() == 2 else padded
        if mask is None:
            return padded, _nonzero_rows(padded)
        mask = mask if isinstance(mask, Tensor | np.ndarray) else pad_sequence(_tensors(mask), batch_first=True)
        return padded, torch.as_tensor(mask).bool().expand(len(padded), -1)
    rows = [_floating(row) for row in embeddings]
    if mask is None:
        return rows, [torch.ones(len(row), dtype=torch.bool, device=row.device) for row in rows]
    if isinstance(mask, Tensor | np.ndarray):
        mask = list(torch.as_tensor(mask).expand(len(rows), -1))
    return rows, [known[: len(row)].bool() for known, row in zip(_tensors(mask), rows, strict=True)]


def _take(side: Side, run: slice) -> Side:
    return side[0][run], side[1][run]


def _padded(side: Side, device: torch.device) -> Side:
    embeddings, masks = side
    if isinstance(embeddings, list):
        embeddings, masks = pad_sequence(embeddings, batch_first=True), pad_sequence(masks, batch_first=True)
    return embeddings.to(device), masks.to(device)


def _runs(documents: Tensor | list[Tensor], limit: int | None) -> Iterator[slice]:
    """Consecutive documents that take at most `limit` elements once padded, and at least one document each."""
    start = width = 0
    if isinstance(documents, list):
        for end, document in enumerate(documents):
            wider = max(width, len(document))
            if end > start and (end + 1 - start) * wider * document.shape[-1] > (limit or CHUNK_ELEMENTS):
                yield slice(start, end)
                start, wider = end, len(document)
            width = wider
    yield slice(start, len(documents))


def _tensors(arrays: Sequence[Array]) -> list[Tensor]:
    return [torch.as_tensor(array) for array in arrays]


def _floating(embeddings: Array) -> Tensor:
    tensor = torch.as_tensor(embeddings)
    return tensor if tensor.is_floating_point() else tensor.float()


def _nonzero_rows(padded: Tensor) -> Tensor:
    return padded.any(dim=-1)
