"""Which negatives."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from menura.recipe.precision import Bf16
from menura.recipe.section import Section

__all__ = ["FilterSettings", "MiningSettings", "RoundsSettings", "Sampling", "TrainingListSettings"]

Sampling = Literal["top", "random"]


class TrainingListSettings(Section):
    """Positives and negatives from a file, a folder or a hub data set, in place of mining.

    `format` is one of `menura formats` whose files name ids.
    """

    format: str
    source: str


class FilterSettings(Section):
    """Which mined passages are taken for positives nobody marked, and dropped (arXiv 2407.15831).

    A `judge` scores a query's positives and what was mined. A passage goes where its score is above `max_score`, above
    the positive's less `margin`, or above the positive's less the share `relative_margin` of its absolute value (0.05:
    above 95 % of it; "TopK-PercPos"); or where it is below `min_score`. Of several positives the ``weakest`` counts,
    the ``strongest``, or their ``mean``.

    The judge is a miner, whether it mines or not, or the ``teacher``, which drops what was mined after it has scored
    it; its logits have no natural zero, so that a relative margin means nothing there. A student judges from the second
    round on. None: the dense miner where it mines, else nobody.
    """

    judge: Literal["bm25", "dense", "colbert", "splade", "teacher"] | None = None
    positive: Literal["weakest", "mean", "strongest"] = "weakest"
    max_score: float | None = None
    min_score: float | None = None
    margin: float | None = None
    relative_margin: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _can_drop(self) -> FilterSettings:
        if {self.max_score, self.min_score, self.margin, self.relative_margin} == {None}:
            raise ValueError("give max_score, min_score, margin or relative_margin; without a filter write null")
        if self.judge == "teacher" and self.relative_margin is not None:
            raise ValueError("a teacher's logits have no zero for a relative_margin to be relative to; give a margin")
        return self


class MiningSettings(Section):
    """Negatives: from each miner the ranks after `range_min` up to `depth`, `negatives` of them per query.

    The miners take turns, in the order given: the best of each, then the second of each; ``random`` `sampling` draws
    from their ranks instead. The miner ``random`` shows what hard negatives never do, a passage about something else:
    without it students drift away from what they knew.
    `pool` is where they come from: the whole ``corpus``, or the passages that are relevant to some query of the
    ``split``. In a small collection the former teaches that the passages of held-out queries never answer anything.
    `filter` drops likely false negatives; null: none is dropped.
    Embeddings of the dense miner are kept in the folder `cache` (None: in the output folder) for the next time, in
    `embedding_dtype`; beyond `cache_gb` those of other models go, the longest unused first.
    A `training_list` is taken as it is; then nothing is mined.
    """

    miners: list[Literal["bm25", "dense", "random"]] = Field(default=["bm25", "dense"], min_length=1)
    dense_model: str | None = None
    depth: int = Field(default=50, ge=1)
    range_min: int = Field(default=0, ge=0)
    sampling: Sampling = "top"
    negatives: int = Field(default=7, ge=1)
    pool: Literal["corpus", "split"] = "corpus"
    filter: FilterSettings | None = FilterSettings(relative_margin=0.05)
    training_list: TrainingListSettings | None = None
    max_length: int | None = Field(default=None, ge=8)
    batch_size: int = Field(default=64, ge=1)
    bf16: Bf16 = False
    embedding_dtype: Literal["float16", "float32"] = "float32"
    cache: str | None = None
    cache_gb: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _has_ranks(self) -> MiningSettings:
        if self.range_min >= self.depth:
            raise ValueError(f"range_min {self.range_min} leaves nothing of depth {self.depth}")
        return self


class RoundsSettings(Section):
    """Mining, annotating and training `count` times: from the second round on the students mine as well.

    `miners` are the students that do (None: all of the recipe), beside the miners of `MiningSettings`; the teacher is
    asked only for pairs that are new. Students `start` anew from their ``initial`` model, or go on from the
    ``previous`` round's, as in ANCE (arXiv 2007.00808).
    """

    count: int = Field(default=1, ge=1)
    miners: list[Literal["colbert", "splade"]] | None = Field(default=None, min_length=1)
    start: Literal["initial", "previous"] = "initial"
