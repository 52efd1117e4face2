"""How sparse a SPLADE becomes, and by what means."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from menura.recipe.section import Section

__all__ = [
    "BudgetSettings",
    "DocumentFrequencyFlopsSettings",
    "FlopsSettings",
    "PenaltiesSettings",
    "PenaltySettings",
    "RegularizersSettings",
]


class PenaltySettings(Section):
    """A penalty's weight; what it is of; and the number of active terms up to which a text goes unpenalised.

    `reduction`: ``batch`` takes one penalty of all documents of a batch; ``position_mean`` and ``position_sum`` take
    one for each place behind the query, and their mean or sum.
    """

    weight: float = Field(default=1e-3, ge=0)
    reduction: Literal["batch", "position_mean", "position_sum"] = "batch"
    threshold: int = Field(default=0, ge=0)


class FlopsSettings(PenaltySettings):
    """FLOPS (arXiv 2004.05665). The ``unbiased`` estimator means the same at any batch size."""

    estimator: Literal["mean", "unbiased"] = "mean"


class DocumentFrequencyFlopsSettings(FlopsSettings):
    """DF-FLOPS (arXiv 2505.15070); document frequencies are those of the last `memory` texts of the training."""

    memory: int = Field(default=10_000, ge=1)


class PenaltiesSettings(Section):
    """Penalties of one side by name; they add up. `anti_zero` pushes the other way, and never grows or shrinks."""

    flops: FlopsSettings | None = None
    df_flops: DocumentFrequencyFlopsSettings | None = None
    l1: PenaltySettings | None = None
    anti_zero: PenaltySettings | None = None

    @property
    def scheduled(self) -> list[PenaltySettings]:
        """Those whose weight grows, or is found by a budget."""
        return [penalty for penalty in (self.flops, self.df_flops, self.l1) if penalty is not None]


class RegularizersSettings(Section):
    """Penalties of documents and queries. None: FLOPS; under a budget, unbiased.

    Without a budget, weights grow quadratically from zero over the first `warmup` of the steps.
    """

    documents: PenaltiesSettings | None = None
    queries: PenaltiesSettings | None = None
    warmup: float = Field(default=1 / 3, ge=0, le=1)


class BudgetSettings(Section):
    """How many active terms documents and queries may have on average; None: any number.

    With `hold`, the penalties of a side that has a budget find their weight: those given only say how they relate to
    one another. Without, it is what the report compares the finished student with.
    """

    documents: int | None = Field(default=None, ge=1)
    queries: int | None = Field(default=None, ge=1)
    hold: bool = True

    @model_validator(mode="after")
    def _is_one(self) -> BudgetSettings:
        if self.documents is None and self.queries is None:
            raise ValueError("give a number for documents, for queries or for both")
        return self

    @property
    def held(self) -> dict[str, int]:
        """The budgets that penalties have to hold, by side."""
        budgets = {"documents": self.documents, "queries": self.queries}
        return {side: budget for side, budget in budgets.items() if budget is not None and self.hold}
