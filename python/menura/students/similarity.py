"""MaxSim with sentence-transformers' signatures, for its models and its losses.

`maxsim` and `maxsim_pairwise` stand for the functions of those names in `sentence_transformers.util.similarity`;
`colbert_scores`, `colbert_scores_pairwise` and `colbert_kd_scores` for those in its `multi_vector_encoder.scoring`,
which its losses take as `similarity_fct`. `chunk_elements` is accepted and has nothing to do: no intermediate is
formed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from menura import ops

__all__ = ["colbert_kd_scores", "colbert_scores", "colbert_scores_pairwise", "maxsim", "maxsim_pairwise"]

Embeddings = Tensor | NDArray[np.float32] | Sequence[Tensor | NDArray[np.float32]]


def maxsim(
    a: Embeddings,
    b: Embeddings,
    a_mask: Tensor | None = None,
    b_mask: Tensor | None = None,
    chunk_elements: int | None = None,
    length_normalize: bool = False,
    device: str | torch.device | None = None,
) -> Tensor:
    """Every query of `a` against every document of `b`: `[Na,Nb]` float32, on the documents' device.

    Each side is a padded `[N,L,d]`, a list of `[L_n,d]`, or one `[L,d]`. Without a mask, all-zero rows of a padded
    tensor are padding.
    """
    return _score(ops.maxsim, a, b, a_mask, b_mask, length_normalize, device)


def maxsim_pairwise(
    a: Embeddings,
    b: Embeddings,
    a_mask: Tensor | None = None,
    b_mask: Tensor | None = None,
    chunk_elements: int | None = None,
    length_normalize: bool = False,
    device: str | torch.device | None = None,
) -> Tensor:
    """Query i of `a` against document i of `b`: `[N]` float32. Everything else as in `maxsim`."""
    return _score(ops.maxsim_pairs, a, b, a_mask, b_mask, length_normalize, device)


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


def _score(
    operator: Callable[..., Tensor],
    a: Embeddings,
    b: Embeddings,
    a_mask: Tensor | None,
    b_mask: Tensor | None,
    length_normalize: bool,
    device: str | torch.device | None,
) -> Tensor:
    """Score on `device` (None: the documents'); the scores come back to the documents."""
    queries, query_mask = _padded(a, a_mask)
    documents, document_mask = _padded(b, b_mask)
    place = torch.device(device) if device is not None else documents.device
    scores = operator(
        queries.to(place),
        documents.to(place),
        query_mask=query_mask.to(place),
        document_mask=document_mask.to(place),
        length_normalize=length_normalize,
    )
    return scores.to(documents.device)


def _padded(embeddings: Embeddings, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """`[N,L,d]` and its boolean mask `[N,L]`."""
    if isinstance(embeddings, Tensor | np.ndarray):
        padded = torch.as_tensor(embeddings)
        padded = padded[None] if padded.dim() == 2 else padded
        known = _nonzero_rows(padded)
    else:
        rows = [torch.as_tensor(row) for row in embeddings]
        padded = pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows], device=padded.device)
        known = torch.arange(padded.shape[1], device=padded.device) < lengths[:, None]
    padded = padded if padded.is_floating_point() else padded.float()
    if mask is None:
        return padded, known
    return padded, mask.bool().expand(padded.shape[0], -1)


def _nonzero_rows(padded: Tensor) -> Tensor:
    return padded.any(dim=-1)
