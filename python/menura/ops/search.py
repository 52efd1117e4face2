"""The best documents of a corpus for every query, without the matrix of all scores."""

from __future__ import annotations

import torch
from torch import Tensor

from menura.ops.checks import as_offsets, check_offsets
from menura.ops.maxsim import maxsim_packed

__all__ = ["search"]


@torch.no_grad()
def search(
    queries: Tensor,
    documents: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_d: Tensor,
    k: int,
    *,
    query_scales: Tensor | None = None,
    document_scales: Tensor | None = None,
    batch_size: int = 8192,
) -> tuple[Tensor, Tensor]:
    """Score every document against every query by MaxSim, exactly, and keep the `k` best of each query.

    One pass over the documents serves all queries; memory holds the scores of one batch of documents.

    Args:
        queries: `[Tq,d]`, the tokens of Nq queries, as in `maxsim_packed`.
        documents: `[Td,d]`, the tokens of Nd documents.
        cu_seqlens_q: `[Nq+1]`, int32 or int64.
        cu_seqlens_d: `[Nd+1]`, int32 or int64.
        k: how many to keep; where there are fewer documents, all are kept.
        query_scales: `[Tq]`, of int8 queries.
        document_scales: `[Td]`, of int8 documents.
        batch_size: documents scored between two selections.

    Returns:
        Scores `[Nq,k]`, highest first, and documents `[Nq,k]`, int64. Equal scores come in the order of the documents;
        NaN comes before every number.

    Raises:
        TypeError, ValueError: as `maxsim_packed`; or `k` or `batch_size` is less than 1.
    """
    for name, number in (("k", k), ("batch_size", batch_size)):
        if number < 1:
            raise ValueError(f"[search] {name} must be at least 1; got {number}.")
    cu_seqlens_q = as_offsets("search", cu_seqlens_q, "cu_seqlens_q")
    cu_seqlens_d = as_offsets("search", cu_seqlens_d, "cu_seqlens_d")
    check_offsets("search", cu_seqlens_d, "cu_seqlens_d", documents.shape[0])
    rows = cu_seqlens_q.shape[0] - 1
    scores = documents.new_empty((rows, 0), dtype=torch.float32)
    found = cu_seqlens_d.new_empty((rows, 0))
    starts = cu_seqlens_d.tolist()
    for first in range(0, len(starts) - 1, batch_size):
        last = min(first + batch_size, len(starts) - 1)
        tokens = slice(starts[first], starts[last])
        batch = maxsim_packed(
            queries,
            documents[tokens],
            cu_seqlens_q,
            cu_seqlens_d[first : last + 1] - starts[first],
            query_scales=query_scales,
            document_scales=None if document_scales is None else document_scales[tokens],
        )
        numbers = torch.arange(first, last, device=found.device).expand(rows, -1)
        # Stable, and what was found before stands first: ties keep the order of the documents.
        scores, order = torch.cat([scores.to(batch.dtype), batch], 1).sort(dim=1, descending=True, stable=True)
        scores, order = scores[:, :k], order[:, :k]
        found = torch.cat([found, numbers], 1).gather(1, order)
    return scores.contiguous(), found
