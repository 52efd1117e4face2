"""Other libraries' MaxSim: late-interaction-kernels 0.4.5, flash-maxsim 0.3.0, and ragged in sentence-transformers.

None has to be installed. Imported only where they are bound.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from gpu.forms import leaves, packed, padding_again
from menura.bench.provider import Provider
from menura.bench.step import Step

LIK, FLASH = "late-interaction-kernels", "flash-maxsim"


def _lik(queries: Tensor, documents: Tensor, mask: Tensor | None = None, *, normalize: bool = False) -> Step:
    """In-batch or candidates, by the rank of the documents."""
    from late_interaction_kernels import maxsim

    return Step(lambda: maxsim(queries, documents, d_mask=mask, normalize=normalize), leaves(queries, documents))


def _lik_packed(queries: Tensor, documents: Tensor, mask: Tensor) -> Step:
    from late_interaction_kernels import maxsim_varlen

    every = queries.new_ones(queries.shape[:2], dtype=torch.bool)
    (query_rows, query_offsets), (rows, offsets) = packed(queries, every), packed(documents, mask)
    longest = queries.shape[1], documents.shape[1]

    def restore(results: list[Tensor]) -> list[Tensor]:
        return padding_again(1, every)(padding_again(2, mask)(results))

    return Step(
        lambda: maxsim_varlen(query_rows, rows, query_offsets, offsets, *longest), leaves(query_rows, rows), restore
    )


def _lik_score(queries: Tensor, documents: Tensor, offsets: Tensor) -> Step:
    from late_interaction_kernels import maxsim_varlen

    query_offsets = torch.tensor([0, queries.shape[1]], dtype=torch.int32, device=queries.device)
    longest, document_offsets = int(offsets.diff().max()), offsets.int()
    return Step(
        lambda: maxsim_varlen(queries[0], documents, query_offsets, document_offsets, queries.shape[1], longest)
    )


def _flash(queries: Tensor, documents: Tensor, mask: Tensor | None = None) -> Step:
    """The form with a backward where there is one to compute."""
    from flash_maxsim import flash_maxsim_batched, flash_maxsim_batched_train

    shared, lengths = documents.dim() == 3, None if mask is None else mask.sum(1, dtype=torch.int32)
    trained = leaves(queries, documents)
    score = flash_maxsim_batched_train if trained else flash_maxsim_batched
    return Step(lambda: score(queries, documents, shared_docs=shared, doc_lengths=lengths), trained)


def _flash_score(queries: Tensor, documents: Tensor, offsets: Tensor) -> Step:
    from flash_maxsim import flash_maxsim_packed

    longest, document_offsets = int(offsets.diff().max()), offsets.int()
    return Step(lambda: flash_maxsim_packed(queries[0], documents, document_offsets, longest)[None])


def _sentence_transformers(queries: Tensor, documents: Tensor, mask: Tensor) -> Step:
    from sentence_transformers.util.similarity import maxsim

    return Step(lambda: maxsim(queries, documents, b_mask=mask), leaves(queries, documents))


PROVIDERS = [
    Provider(LIK, "maxsim_batch", _lik, LIK),
    Provider(LIK, "maxsim_kd", _lik, LIK),
    Provider(LIK, "maxsim_normalized", partial(_lik, normalize=True), LIK),
    Provider(LIK, "maxsim_ragged", _lik, LIK),
    Provider(f"{LIK}, packed", "maxsim_ragged", _lik_packed, LIK),
    Provider(LIK, "maxsim_score", _lik_score, LIK),
    Provider(FLASH, "maxsim_batch", _flash, FLASH),
    Provider(FLASH, "maxsim_kd", _flash, FLASH),
    Provider(FLASH, "maxsim_ragged", _flash, FLASH),
    Provider(FLASH, "maxsim_score", _flash_score, FLASH),
    Provider("sentence-transformers", "maxsim_ragged", _sentence_transformers, "sentence-transformers"),
]
