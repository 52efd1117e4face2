"""The alignment of MaxSim: which token of a document each token of a query chose.

MiniLM (Wang et al. 2020, arXiv 2002.10957) hands down which tokens attend to which, by the divergence of two
distributions. Late interaction is an attention too, of the query's tokens over the document's (Khattab and Zaharia
2020, arXiv 2004.12832), so the same is done here one step later.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from menura.losses.encoded import EncodedColbert
from menura.losses.labels import weighted_mean
from menura.losses.representations.mentored import Mentored
from menura.losses.weighing import Weight

__all__ = ["Alignment", "Targets", "alignment_distance"]

Targets = Literal["soft", "hard"]


def alignment_distance(
    queries: Tensor,
    documents: Tensor,
    mentor_queries: Tensor,
    mentor_documents: Tensor,
    *,
    query_mask: Tensor,
    document_mask: Tensor,
    targets: Targets = "soft",
    temperature: float = 0.1,
) -> Tensor:
    """The mean over query tokens and their documents of `KL(m || s)`, `s = softmax_t(<q, d_t> / temperature)`.

    `m` is the same of the mentor's embeddings. With ``"hard"`` targets it is one for the token that MaxSim chose, of
    equal ones the first, and the loss is the cross-entropy. Half precision is compared in float32.

    Args:
        queries: `[B,Lq,d]`, with `query_mask` `[B,Lq]`.
        documents: `[B,N,L,d]`, with `document_mask` `[B,N,L]`: who counts for student and mentor.
        mentor_queries, mentor_documents: `[B,Lq,D]` and `[B,N,L,D]` of the same tokens; no gradient flows to them.

    Returns:
        A scalar, zero for a perfect student with soft targets, and where no token counts.

    Raises:
        ValueError: the shapes do not fit.
    """
    tokens = query_mask.shape, document_mask.shape
    if any(
        (side.shape[:2], texts.shape[:3]) != tokens
        for side, texts in ((queries, documents), (mentor_queries, mentor_documents))
    ):
        shapes = [list(part.shape) for part in (queries, documents, mentor_queries, mentor_documents)]
        raise ValueError(
            f"[alignment] student, mentor and masks must be of the same tokens; got {shapes}, "
            f"{list(query_mask.shape)} and {list(document_mask.shape)}."
        )
    # [B,N,Lq]: the tokens that choose, where there is something to choose from
    choosing = query_mask.bool()[:, None] & document_mask.any(-1, keepdim=True)
    student = _log_choices(queries, documents, query_mask, document_mask, temperature)[choosing]
    mentor = _log_choices(mentor_queries.detach(), mentor_documents.detach(), query_mask, document_mask, temperature)
    mentor = mentor[choosing]
    if targets == "soft":
        divergences = kl_div(student, mentor, log_target=True, reduction="none").sum(-1)
    else:
        divergences = cross_entropy(student, mentor.argmax(-1), reduction="none")
    return weighted_mean(divergences, None)


def _log_choices(
    queries: Tensor, documents: Tensor, query_mask: Tensor, document_mask: Tensor, temperature: float
) -> Tensor:
    """How likely each query token chooses each document token, as logarithms `[B,N,Lq,L]`."""
    # Zeros for what does not count: its NaN would come back through the gradient.
    queries = queries.masked_fill(~query_mask.bool()[..., None], 0)
    documents = documents.masked_fill(~document_mask[..., None], 0)
    similarities = torch.einsum("bqd,bnld->bnql", queries, documents) / temperature
    similarities = similarities.to(torch.promote_types(similarities.dtype, torch.float32))
    out = ~document_mask[:, :, None]
    return log_softmax(similarities.masked_fill(out, torch.finfo(similarities.dtype).min), dim=-1)


class Alignment(Mentored[EncodedColbert]):
    """`alignment_distance` of a batch, of each query and its own passages, over the tokens that count for both."""

    def __init__(self, *, targets: Targets = "soft", temperature: float = 0.1, weight: Weight = 1.0) -> None:
        super().__init__("alignment", weight=weight)
        self.targets = targets
        self.temperature = temperature

    def forward(self, encoded: EncodedColbert) -> Tensor:
        mentor = self.mentor_of(encoded)
        return alignment_distance(
            encoded.queries,
            encoded.documents,
            mentor.queries,
            mentor.documents,
            query_mask=encoded.query_mask.bool() & mentor.query_mask.bool(),
            document_mask=encoded.document_mask & mentor.document_mask,
            targets=self.targets,
            temperature=self.temperature,
        )

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "targets": self.targets, "temperature": self.temperature}
