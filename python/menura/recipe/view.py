"""The `view` of a recipe: how the scores of several teachers become one score and one weight for each pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import ConfigDict, Field, FiniteFloat, model_validator

from menura.recipe.section import Section, check_field

__all__ = [
    "CombineSettings",
    "ContradictionSettings",
    "DisagreementSettings",
    "LabelContradictionSettings",
    "LabelSettings",
    "ReferenceSettings",
    "ScaleSettings",
    "TeacherContradictionSettings",
    "ViewSettings",
]

Problem = tuple[tuple[str, ...], str]


class ReferenceSettings(Section):
    """Take over the mean and the standard deviation of the teacher `like`, over all pairs or within each query."""

    like: str
    per: Literal["all", "query"] = "all"


class ScaleSettings(Section):
    """How each teacher's logits are brought to one scale before they are combined.

    In short ``none``, ``min_max`` or ``z_score`` (within each query), ``logistic`` or ``isotonic`` (fitted to the
    labels of the training queries); or `temperature`, one number or one for each teacher, by which logits are divided;
    or `like`, see `ReferenceSettings`.
    """

    method: Literal["none", "min_max", "z_score", "logistic", "isotonic"] = "none"
    temperature: FiniteFloat | dict[str, FiniteFloat] | None = None
    like: str | None = None
    per: Literal["all", "query"] = "all"

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"method": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> ScaleSettings:
        if (self.method != "none") + (self.temperature is not None) + (self.like is not None) > 1:
            raise ValueError("choose one of method, temperature and like")
        if "per" in self.model_fields_set and self.like is None:
            raise ValueError("per belongs to like; name the teacher whose scale it is")
        if isinstance(self.temperature, Mapping):
            temperatures = list(self.temperature.values())
        else:
            temperatures = [] if self.temperature is None else [self.temperature]
        if not all(temperature > 0 for temperature in temperatures):
            raise ValueError("a temperature must be greater than 0")
        return self


class CombineSettings(Section):
    """How the scaled scores of a pair become one.

    In short ``mean``; or fixed weights by teacher (`mean`), which sum to one; or weights by how well each teacher ranks
    the labelled training queries (`quality`): a softmax of nDCG@10 over `temperature`, or inverse Brier scores. Or a
    `route`: the field ``query.NAME`` or ``passage.NAME`` says which of `teachers` answers; `default` answers where it
    has another value or none, and ``null`` makes that an error.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)  # domains are often numbers

    mean: dict[str, FiniteFloat] | None = None
    quality: Literal["ndcg", "brier"] | None = None
    temperature: FiniteFloat = Field(default=0.05, gt=0)
    route: str | None = None
    teachers: dict[str, str] = Field(default_factory=dict)
    default: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        if isinstance(value, str) and value != "mean":
            raise ValueError("expected mean, or one of the keys mean, quality and route")
        return {} if value == "mean" else value

    @model_validator(mode="after")
    def _check(self) -> CombineSettings:
        if (self.mean is not None) + (self.quality is not None) + (self.route is not None) > 1:
            raise ValueError("choose one of mean, quality and route")
        if self.mean is not None:
            if any(weight < 0 for weight in self.mean.values()):
                raise ValueError("a weight must not be negative")
            if abs(sum(self.mean.values()) - 1) > 1e-6:
                raise ValueError(f"the weights must sum to 1; they sum to {sum(self.mean.values()):g}")
        if "temperature" in self.model_fields_set and self.quality != "ndcg":
            raise ValueError("temperature belongs to quality: ndcg")
        if self.route is None and (self.teachers or "default" in self.model_fields_set):
            raise ValueError("teachers and default belong to a route; name the field that decides")
        if self.route is not None:
            check_field(self.route)
            if not self.teachers:
                raise ValueError("a route needs teachers: which value of the field belongs to which teacher")
            if "default" not in self.model_fields_set:
                raise ValueError(
                    "a route needs a default: the teacher for all other values, or null if they are an error"
                )
        return self


class DisagreementSettings(Section):
    """Pairs on which the teachers disagree count less: `1 / (1 + strength * v)`.

    `v` is the variance of the teachers' standardised scores of the ``pair``, or its mean over the ``query``. In short
    ``pair`` or ``query``.
    """

    per: Literal["pair", "query"] = "pair"
    strength: FiniteFloat = Field(default=1.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"per": value} if isinstance(value, str) else value


class LabelSettings(Section):
    """Judgements as one more voice: `weight` is its share in the score of a judged pair.

    `scores` gives each grade its score, on the scale that the view ends with.
    """

    weight: float = Field(gt=0, le=1)
    scores: dict[int, FiniteFloat] = Field(min_length=1)


class TeacherContradictionSettings(Section):
    """A pair whose standardised scores lie more than `spread` apart; `weight` 0 drops it, 1 keeps it."""

    spread: FiniteFloat = Field(default=2.0, gt=0)
    weight: float = Field(default=1.0, ge=0, le=1)


class LabelContradictionSettings(Section):
    """A passage labelled relevant, and at least `above` others of its query that score higher by more than `margin`.

    Others are not judged, or judged not relevant. The margin counts in standard deviations of the view's scores.
    `weight` 0 drops the relevant passage, 1 keeps it.
    """

    margin: FiniteFloat = Field(default=1.0, ge=0)
    above: int = Field(default=3, ge=1)
    weight: float = Field(default=1.0, ge=0, le=1)


class ContradictionSettings(Section):
    """Which contradictions are looked for, and the file (.csv, .parquet or .jsonl) that lists them for a person."""

    teachers: TeacherContradictionSettings | None = None
    labels: LabelContradictionSettings | None = None
    table: str = Field(default="contradictions.csv", pattern=r"^[\w.-]+\.(csv|parquet|jsonl)$")

    @model_validator(mode="after")
    def _check(self) -> ContradictionSettings:
        if self.teachers is None and self.labels is None:
            raise ValueError("say what may contradict: teachers, labels, or both")
        return self


class ViewSettings(Section):
    """Scaled, combined, rescaled, mixed with labels; then weighed.

    `rescale` gives the combined scores the mean and standard deviation of one teacher's logits (SPLADE-v3, arXiv
    2403.06789). `unjudged` says what passages that nobody judged are to calibration and Brier scores: left out, or not
    relevant, as the judgements of most training sets need, which name relevant passages only.
    """

    scale: ScaleSettings = ScaleSettings()
    combine: CombineSettings = CombineSettings()
    rescale: ReferenceSettings | None = None
    labels: LabelSettings | None = None
    disagreement: DisagreementSettings | None = None
    contradictions: ContradictionSettings | None = None
    unjudged: Literal["ignore", "irrelevant"] = "ignore"

    def voices(self, teachers: Sequence[str]) -> list[str]:
        """Those of `teachers` whose scores are combined, in their order."""
        chosen: set[str | None] = set(teachers)
        if self.combine.mean is not None:
            chosen = {name for name, weight in self.combine.mean.items() if weight > 0}
        elif self.combine.route is not None:
            chosen = {*self.combine.teachers.values(), self.combine.default}
        return [name for name in teachers if name in chosen]

    def members(self, teachers: Sequence[str]) -> list[str]:
        """Those of `teachers` that are asked at all: the voices and the references."""
        voices, references = self.voices(teachers), self.references
        return [name for name in teachers if name in voices or name in references]

    @property
    def references(self) -> list[str]:
        """The teachers whose scale is taken over; they answer every pair."""
        named = (self.scale.like, self.rescale.like if self.rescale else None)
        return [name for name in named if name is not None]

    @property
    def learns(self) -> bool:
        """Whether the training queries' scores or labels decide how it treats a pair."""
        return bool(
            self.scale.method in ("logistic", "isotonic")
            or (self.scale.like is not None and self.scale.per == "all")
            or self.combine.quality
            or (self.rescale is not None and self.rescale.per == "all")
            or self.disagreement
            or self.contradictions
        )

    @property
    def comparisons(self) -> list[tuple[str, ...]]:
        """The keys by which a pair's score or weight depends on the other passages of its query."""
        by_query = {
            ("scale",): self.scale.method in ("min_max", "z_score"),
            ("scale", "per"): self.scale.like is not None and self.scale.per == "query",
            ("rescale", "per"): self.rescale is not None and self.rescale.per == "query",
            ("disagreement",): self.disagreement is not None and self.disagreement.per == "query",
            ("contradictions",): self.contradictions is not None,
        }
        return [location for location, does in by_query.items() if does]

    def problems(self, teachers: Sequence[str]) -> Iterator[Problem]:
        """What does not fit the recipe's `teachers`: the keys down to it, and what is wrong."""
        for location, name in self._named():
            if name not in teachers:
                yield location, f"no teacher is called {name!r}; there are: {', '.join(teachers)}"
        temperature = self.scale.temperature
        if isinstance(temperature, Mapping):
            without = [name for name in self.voices(teachers) if name not in temperature]
            if without:
                yield ("scale", "temperature"), f"no temperature for: {', '.join(without)}"
        between_teachers = self.contradictions.teachers if self.contradictions else None
        for location, section in (
            (("disagreement",), self.disagreement),
            (("contradictions", "teachers"), between_teachers),
        ):
            if section is not None and self.combine.route is not None:
                yield location, "a route has one teacher answer each pair; there is nothing to compare"
            elif section is not None and len(self.voices(teachers)) < 2:
                yield location, "one teacher is combined; there is nothing to compare"

    def _named(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every mention of a teacher."""
        if isinstance(self.scale.temperature, Mapping):
            yield from ((("scale", "temperature", name), name) for name in self.scale.temperature)
        if self.scale.like is not None:
            yield ("scale", "like"), self.scale.like
        yield from ((("combine", "mean", name), name) for name in self.combine.mean or ())
        yield from ((("combine", "teachers", value), name) for value, name in self.combine.teachers.items())
        if self.combine.default is not None:
            yield ("combine", "default"), self.combine.default
        if self.rescale is not None:
            yield ("rescale", "like"), self.rescale.like
