"""A batch of sparse vocabulary vectors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from sentence_transformers.base.losses.merged_forward import embed_columns, merge_feature_batches
from torch import Tensor, nn
from typing_extensions import Self

from menura.losses.encoded.encoded import Encoded
from menura.losses.encoded.features import Features
from menura.losses.encoded.sparse_rows import Rows, SparseRows, as_matrix, join_rows, split_rows
from menura.losses.gathering import of_other_processes, process_count, require_whole_batch
from menura.ops import sparse_dot

__all__ = ["EncodedSplade"]


class EncodedSplade(Encoded):
    """Vocabulary vectors of a batch, and their dot products. Matrices are dense, or CSR where entries alone are kept.

    Args:
        queries: `[B,V]`.
        passages: N columns `[B,V]`.
    """

    def __init__(
        self,
        queries: Rows,
        passages: Sequence[Rows],
        *,
        logits: Tensor | None,
        weights: Tensor | None,
        features: list[Features],
    ) -> None:
        super().__init__(logits, weights, features)
        self._queries = queries
        self._passages = passages

    @classmethod
    def of(cls, encoder: nn.Module, features: list[Features], *, logits: Tensor | None, weights: Tensor | None) -> Self:
        """What `encoder`, a `SparseEncoder` or what stands for one, makes of a batch."""
        # Copies: the model writes into what it is given.
        queries, *columns = [dict(column) for column in features]
        vectors = encoder(queries)["sentence_embedding"]
        return cls(vectors, _encode_columns(encoder, columns), logits=logits, weights=weights, features=features)

    @property
    def queries(self) -> Tensor:
        """`[B,V]`."""
        return as_matrix(self._queries)

    @property
    def passages(self) -> list[Tensor]:
        """N columns `[B,V]`."""
        return [as_matrix(column) for column in self._passages]

    @property
    def documents(self) -> Tensor:
        """All passages `[N*B,V]`, column by column."""
        return as_matrix(self._documents)

    @property
    def vectors(self) -> list[Tensor]:
        return [self.queries, *self.passages]

    @staticmethod
    def embed(model: nn.Module, columns: list[Features]) -> list[Tensor]:
        return embed_columns(model, [dict(column) for column in columns], separate_first=False)

    @cached_property
    def scores(self) -> Tensor:
        return torch.stack([sparse_dot(self.queries, column, pairwise=True) for column in self.passages], dim=1)

    @cached_property
    def in_batch_scores(self) -> Tensor:
        require_whole_batch("in-batch scores")
        own = self._by_query(sparse_dot(self.queries, self.documents))
        return own if process_count() == 1 else torch.cat([own, *self._other_scores()], dim=1)

    def _other_scores(self) -> list[Tensor]:
        """Of the documents of other processes, `[B,N*B_p]` each; only entries travel."""
        documents = self._documents if isinstance(self._documents, SparseRows) else SparseRows.of(self._documents)
        sizes = of_other_processes(torch.tensor([self.documents.shape[0]], device=documents.values.device))
        scores = sparse_dot(self.queries, documents.of_other_processes().csr())
        return [self._by_query(part) for part in scores.split(sizes.tolist(), dim=1)]

    def _by_query(self, scores: Tensor) -> Tensor:
        """`[B,N*R]`, from column by column to those of the first query first."""
        return scores.reshape(len(scores), len(self._passages), -1).transpose(1, 2).flatten(1)

    @cached_property
    def _documents(self) -> Rows:
        return join_rows(self._passages)


def _encode_columns(encoder: nn.Module, columns: list[Features]) -> list[Rows]:
    """Columns of passages in one forward where they are of one kind."""
    merged = merge_feature_batches(columns) if len(columns) > 1 else None
    if merged is None:
        return [encoder(column)["sentence_embedding"] for column in columns]
    return split_rows(encoder(merged)["sentence_embedding"], len(columns))
