"""A batch of token embeddings."""

from __future__ import annotations

from functools import cached_property

import torch
from sentence_transformers.base.losses.merged_forward import embed_columns_padded
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from typing_extensions import Self

from menura.losses.encoded.encoded import Encoded
from menura.losses.encoded.features import Features
from menura.losses.encoded.padding import stack_padded
from menura.losses.gathering import of_other_processes, process_count, require_whole_batch
from menura.ops import maxsim

__all__ = ["EncodedColbert"]


class EncodedColbert(Encoded):
    """Token embeddings of a batch, and their MaxSim scores.

    Args:
        queries: `[B,Lq,d]`, with `query_mask` `[B,Lq]`.
        documents: `[B,N,L,d]`, with `document_mask` `[B,N,L]`.
    """

    def __init__(
        self,
        queries: Tensor,
        query_mask: Tensor,
        documents: Tensor,
        document_mask: Tensor,
        *,
        logits: Tensor | None,
        weights: Tensor | None,
        features: list[Features],
    ) -> None:
        super().__init__(logits, weights, features)
        self.queries = queries
        self.query_mask = query_mask
        self.documents = documents
        self.document_mask = document_mask

    @classmethod
    def of(cls, encoder: nn.Module, features: list[Features], *, logits: Tensor | None, weights: Tensor | None) -> Self:
        """What `encoder`, a `MultiVectorEncoder` or what stands for one, makes of a batch."""
        # Copies: the model writes into what it is given.
        queries, *passages = [dict(column) for column in features]
        encoded = encoder(queries, task="query")
        embeddings, masks = embed_columns_padded(encoder, passages, None, task_default="document")
        return cls(
            encoded["token_embeddings"],
            encoded["attention_mask"],
            stack_padded(embeddings),
            stack_padded(masks),
            logits=logits,
            weights=weights,
            features=features,
        )

    @property
    def vectors(self) -> list[Tensor]:
        """The mean of each text's token embeddings; zeros of a text without tokens."""
        documents = zip(self.documents.unbind(1), self.document_mask.unbind(1), strict=True)
        return [_mean(self.queries, self.query_mask), *(_mean(column, mask) for column, mask in documents)]

    @staticmethod
    def embed(model: nn.Module, columns: list[Features]) -> list[Tensor]:
        embedded = embed_columns_padded(model, [dict(column) for column in columns], None, task_default="document")
        return [_mean(column, mask) for column, mask in zip(*embedded, strict=True)]

    @cached_property
    def scores(self) -> Tensor:
        return maxsim(self.queries, self.documents, query_mask=self.query_mask, document_mask=self.document_mask)

    @cached_property
    def in_batch_scores(self) -> Tensor:
        require_whole_batch("in-batch scores")
        own = maxsim(
            self.queries,
            self.documents.flatten(0, 1),
            query_mask=self.query_mask,
            document_mask=self.document_mask.flatten(0, 1),
        )
        return own if process_count() == 1 else torch.cat([own, self._other_scores()], dim=1)

    def _other_scores(self) -> Tensor:
        """Of the documents of other processes, `[B,M]`; only tokens that count travel."""
        counted = self.document_mask.bool()
        lengths = of_other_processes(counted.sum(-1).flatten())
        tokens = of_other_processes(self.documents[counted])
        documents = pad_sequence(tokens.split(lengths.tolist()), batch_first=True)
        mask = torch.arange(documents.shape[1], device=lengths.device) < lengths[:, None]
        return maxsim(self.queries, documents, query_mask=self.query_mask, document_mask=mask)


def _mean(embeddings: Tensor, mask: Tensor) -> Tensor:
    """`[B,L,d]` and `[B,L]` to `[B,d]`."""
    counted = mask.to(embeddings.dtype)
    return torch.einsum("bld,bl->bd", embeddings, counted) / counted.sum(1, keepdim=True).clamp(min=1)
