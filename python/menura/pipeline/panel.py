"""What the teachers of a recipe say, asked once and seen through the recipe's view."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from menura.answer_key import (
    AnnotationSummary,
    AnswerKey,
    Engine,
    Share,
    Teacher,
    annotate,
    are_scored,
    find_imported,
    read_logits,
)
from menura.answer_key.views import (
    Answers,
    Contradiction,
    Fit,
    contradiction_rows,
    fit_view,
    pairs_to_ask,
    read_answers,
    view_scores,
    view_targets,
    write_contradictions,
    write_fit,
)
from menura.collections import Collection, Passage, Qrels
from menura.launch import alone, launched, meet
from menura.mining import Candidates
from menura.progress import step
from menura.recipe import Recipe, TeacherSettings, ViewSettings
from menura.stage import identity
from menura.teachers import AnyTeacher, Faculty, ImportedFingerprint, ImportedTeacher, load_teacher

__all__ = ["Lesson", "MakeEngine", "Panel"]

logger = logging.getLogger(__name__)

# What is known of the view goes into this folder of an output.
VIEW = "view"

Pair = tuple[str, str]
MakeEngine = Callable[[Callable[[], Teacher]], Engine]


@dataclass(frozen=True)
class Lesson:
    """What the students are taught: a score for each pair, and a weight unless all count the same."""

    scores: dict[Pair, float]
    weights: dict[Pair, float] | None = None

    def keep(self, candidates: Candidates) -> Candidates:
        """Those that are taught; a view may leave some out."""
        taught = [pair in self.scores for pair in candidates.pairs()]
        return replace(candidates, table=candidates.table.filter(taught))


class Panel:
    """The teachers of one recipe and output folder, and their answers in `key`.

    Args:
        candidates: the training queries' candidates, for fine-tuning and for fitting the view; mined when called.
            Online, the view is fitted to those of some queries.
    """

    def __init__(
        self,
        recipe: Recipe,
        output: Path,
        collection: Collection,
        key: AnswerKey,
        candidates: Callable[[], Candidates],
    ) -> None:
        self.faculty = Faculty(
            recipe.all_teachers,
            output / "teacher",
            collection,
            lambda: candidates().by_query(),
            seed=recipe.seed,
            load=self._load,
        )
        self.view = recipe.view or ViewSettings()  # of one teacher that is its logits as they are
        self._output = output
        self._collection = collection
        self.key = key
        self._candidates = candidates
        self._fit_queries = recipe.online.fit_queries if recipe.online else None
        self._seed = recipe.seed

    @property
    def identity(self) -> str:
        """Changes with whatever changes what the students are taught of the same candidates."""
        parts = [self.faculty.digests, self.view.model_dump(), self._collection.fields]
        seen = {name: image.digest.hex() for name, image in self._collection.images.items()}
        return identity([*parts, seen] if seen else parts)

    def notes(self) -> list[str]:
        """For a report: who the teachers were, and how they were seen."""
        faculty = self.faculty
        notes = [
            f"{faculty.title('Teacher', name)}: {faculty.digests[name]}, {settings.source}."
            for name, settings in faculty.settings.items()
        ]
        if len(faculty.names) > 1:
            counts = "".join(f", {name} {weight:.2f}" for name, weight in self.fit.weights.items())
            notes.append(f"View: {self.view.model_dump_json(exclude_defaults=True)}{counts}.")
        return notes

    @property
    def seeing(self) -> set[str]:
        """The teachers that see images."""
        return {name for name, settings in self.faculty.settings.items() if settings.sees_images}

    def passages(self, name: str) -> Mapping[str, Passage]:
        """The corpus as a teacher sees it: its texts, or its texts and images."""
        return self._collection.passages(images=name in self.seeing)

    def annotate(
        self,
        pairs: Sequence[Pair],
        name: str | None = None,
        *,
        limit: int | None = None,
        share: Share | None = None,
        engine: MakeEngine | None = None,
    ) -> AnnotationSummary:
        """Have one teacher score `pairs`, or every teacher those that the view needs of it.

        Processes of torchrun divide them among themselves.

        Args:
            limit: score at most so many, by all teachers together.
            share: score this part of the pairs only.
            engine: who does the work, given what loads the teacher. None: this process.
        """
        done: list[AnnotationSummary] = []
        for teacher, needed in self._wanted(pairs, name).items():
            if not needed:  # a route gives it nothing; it need not be loaded
                continue
            left = None if limit is None else limit - sum(summary.scored for summary in done)
            done.append(self._ask(teacher, needed, left, share, engine))
        return AnnotationSummary(
            asked=sum(summary.asked for summary in done),
            known=sum(summary.known for summary in done),
            scored=sum(summary.scored for summary in done),
            seconds=sum(summary.seconds for summary in done),
        )

    def scores(self, pairs: Sequence[Pair], name: str | None = None) -> dict[Pair, float]:
        """One teacher's logits, or the view's scores; pairs on which every teacher abstains are left out.

        No label is looked at: these may be the held-out queries.
        """
        if name is not None:
            digest = self.faculty.digests[name]
            return read_logits(self.key, digest, pairs, self._collection.queries, self.passages(name))
        scores = view_scores(self.view, self.fit, self._answers(pairs))
        return {pair: score for pair, score in zip(pairs, scores.tolist(), strict=True) if not math.isnan(score)}

    def lesson(self, pairs: Sequence[Pair], output: Path | None = None) -> Lesson:
        """What the students learn of training `pairs`; contradictions are listed in `view/` of `output` (a round's)."""
        answers = self._answers(pairs, self._collection.qrels.get("train", {}))
        targets = view_targets(self.view, self.fit, answers)
        if targets.silent:
            logger.warning(
                "%d of %d pairs are left out: no teacher tells them from the others of their query.",
                targets.silent,
                len(pairs),
            )
        if self.view.contradictions is not None:
            path = (output or self._output) / VIEW / self.view.contradictions.table
            self._list(targets.contradictions, answers, path)
        kept = [pairs[position] for position in targets.positions.tolist()]
        scores = dict(zip(kept, targets.scores.tolist(), strict=True))
        even = bool((targets.weights == 1).all())
        return Lesson(scores, None if even else dict(zip(kept, targets.weights.tolist(), strict=True)))

    def can_answer(self, pairs: Sequence[Pair], name: str | None = None) -> bool:
        """Whether the teacher, or all that the view needs, can be asked for `pairs`: imported ones cannot."""
        collection, faculty = self._collection, self.faculty
        return all(
            are_scored(self.key, faculty.digests[teacher], needed, collection.queries, self.passages(teacher))
            for teacher, needed in self._wanted(pairs, name).items()
            if faculty.settings[teacher].imported is not None
        )

    @cached_property
    def fit(self) -> Fit:
        """What the view learns from the training candidates and their judgements, written to `view/fit.json`."""
        if not self.view.learns:
            return fit_view(self.view, self._answers([]))
        pairs = self._pairs_to_fit()
        self.annotate(pairs)
        with step("view") as done:
            fit = fit_view(self.view, self._answers(pairs, self._collection.qrels.get("train", {})))
            path = self._output / VIEW / "fit.json"
            write_fit(fit, path)
            counts = ", ".join(f"{name} {weight:.2f}" for name, weight in fit.weights.items())
            done(f"fitted to {len(pairs):,} pairs{counts and f' ({counts})'}: {path}")
        return fit

    def _wanted(self, pairs: Sequence[Pair], name: str | None) -> dict[str, list[Pair]]:
        """By teacher, what is to be known of it: all `pairs` by one, or what the view needs by each."""
        if name is not None:
            return {name: list(pairs)}
        return pairs_to_ask(self.view, self.faculty.names, pairs, self._collection)

    def _load(self, settings: TeacherSettings) -> AnyTeacher:
        if settings.imported is None:
            return load_teacher(settings)
        return ImportedTeacher(ImportedFingerprint(*find_imported(self.key, settings.imported)))

    def _pairs_to_fit(self) -> list[Pair]:
        pairs = self._candidates().pairs()
        query_ids = sorted({query_id for query_id, _ in pairs})
        if self._fit_queries is None or self._fit_queries >= len(query_ids):
            return pairs
        chosen = set(random.Random(self._seed).sample(query_ids, self._fit_queries))
        return [pair for pair in pairs if pair[0] in chosen]

    def _answers(self, pairs: Sequence[Pair], qrels: Qrels | None = None) -> Answers:
        digests = self.faculty.digests
        return read_answers(self.key, self.view, digests, pairs, self._collection, qrels, seeing=self.seeing)

    def _list(self, contradictions: list[Contradiction], answers: Answers, path: Path) -> None:
        with step("contradictions") as done:
            scores = view_scores(self.view, self.fit, answers)
            collection = self._collection
            rows = contradiction_rows(contradictions, answers, scores, collection.queries, collection.corpus)
            write_contradictions(rows, path)
            done(f"{len(rows):,} of {len(answers.pairs):,} pairs: {path}")

    def _ask(
        self, name: str, pairs: list[Pair], limit: int | None, share: Share | None, engine: MakeEngine | None
    ) -> AnnotationSummary:
        if self.faculty.settings[name].imported is not None:
            engine = None  # no worker could load it
        process = launched()
        if process is not None:
            share = (share or Share(1, 1)).part(process.rank, process.count)
        teacher = self.faculty.on_call(name)
        with alone(), step(self.faculty.title("annotate", name)) as done:
            summary = annotate(
                self.key,
                teacher,
                pairs,
                self._collection.queries,
                self.passages(name),
                limit=limit,
                share=share,
                engine=engine and engine(partial(load_teacher, self.faculty.ready(name))),
            )
            left = f", {summary.left:,} left" if summary.left else ""
            done(f"{summary.asked:,} pairs: {summary.known:,} known, {summary.scored:,} scored{left}")
        meet()  # what the others scored may be read from here on
        return replace(summary, seconds=summary.seconds - teacher.seconds)
