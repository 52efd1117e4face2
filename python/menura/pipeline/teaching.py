"""Students learn of candidates what the teachers say of them, beforehand or meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from datasets import Dataset

from menura.collections import Collection
from menura.launch import in_turn
from menura.mining import Candidates, TeacherJudge, drop_false_negatives
from menura.pipeline.online import RowTeacher, live_view
from menura.pipeline.panel import Panel
from menura.pipeline.remining import StudentRemining
from menura.pipeline.rounds import Rounds
from menura.pipeline.student import StudentModel, train_together
from menura.progress import step
from menura.recipe import OnlineSettings, Recipe
from menura.stage import Stage
from menura.training import OnlineExamples, build_examples

__all__ = ["Teaching"]


class Teaching:
    """Training rows of a recipe's candidates, and the students that learn from them.

    Args:
        panel: gives the teachers when called, in recipes that have any.
    """

    def __init__(self, recipe: Recipe, collection: Collection, panel: Callable[[], Panel], rounds: Rounds) -> None:
        self._recipe = recipe
        self._collection = collection
        self._panel = panel
        self._rounds = rounds

    def teach(
        self, models: Mapping[str, StudentModel], candidates: Candidates, turn: int, stages: Sequence[Stage]
    ) -> None:
        """Train one student, or two that teach each other, while or after the teachers answer.

        Args:
            stages: what is filled; the student's comes first.
        """
        online, joint = self._recipe.online, self._recipe.joint
        model = next(iter(models.values()))
        negatives = model.settings.negatives
        taught: AbstractContextManager[Dataset | OnlineExamples]
        if online is None:
            taught = nullcontext(self._examples(candidates, turn, negatives))
        else:
            taught = self._online(list(models), candidates, negatives, online, stages[-1].folder)
        with taught as examples:
            with in_turn():
                for stage in stages:
                    stage.begin()
            if joint is None or len(models) == 1:
                model.train(examples, stages[0].folder)
            else:
                train_together(models, joint, examples, self._rounds.folder(turn))
        with in_turn():
            for stage in stages:
                stage.finish()

    @property
    def judge(self) -> TeacherJudge | None:
        """The teacher, where it is the one to recognise false negatives."""
        wanted = self._recipe.mining.filter
        if wanted is None or wanted.judge != "teacher":
            return None
        panel = self._panel()
        ((name, digest),) = panel.faculty.digests.items()  # a recipe with several has no teacher for a judge
        return TeacherJudge(panel.key, digest, panel.passages(name))

    def trusted(self, candidates: Candidates, turn: int) -> Candidates:
        """Less the negatives that the teacher takes for positives, where it is the one to recognise them."""
        wanted, judge = self._recipe.mining.filter, self.judge
        if wanted is None or judge is None:
            return candidates
        path = self._rounds.folder(turn) / "candidates" / "trusted" / "candidates.parquet"
        with step(self._rounds.title("filter", turn)) as done:
            trusted = drop_false_negatives(candidates, judge, wanted, self._collection.queries)
            trusted.write(path)
            done(f"{candidates.table.num_rows - trusted.table.num_rows:,} negatives dropped by the teacher; {path}")
        return trusted

    def _examples(self, candidates: Candidates, turn: int, negatives: int) -> Dataset:
        """Training rows, once the teachers have scored them all; without a teacher those of the labels alone."""
        queries, corpus = self._collection.queries, self._collection.corpus
        if not self._recipe.all_teachers:
            return build_examples(candidates.by_query(), None, queries, corpus, negatives=negatives)
        panel, pairs = self._panel(), candidates.pairs()
        panel.annotate(pairs)
        with in_turn():
            lesson = panel.lesson(pairs, self._rounds.folder(turn))
            taught = lesson.keep(self.trusted(candidates, turn)).by_query()
        panel.faculty.dismiss()  # its memory is the student's now
        return build_examples(taught, lesson.scores, queries, corpus, negatives=negatives, weights=lesson.weights)

    @contextmanager
    def _online(
        self, students: list[str], candidates: Candidates, negatives: int, settings: OnlineSettings, folder: Path
    ) -> Iterator[OnlineExamples]:
        """Training rows whose scores come as they are needed, from teachers who work as long as the block lasts."""
        collection, panel, mining, remining = self._collection, self._panel(), self._recipe.mining, None
        trust = mining.filter
        judge = (panel.faculty.names[0], trust) if trust is not None and trust.judge == "teacher" else None
        if settings.refresh is not None:
            mined, seed = folder / "mined", self._recipe.seed
            remining = StudentRemining(students, candidates, collection, settings.refresh, mining, mined, seed=seed)
        with live_view(panel, collection, settings, self._rounds.output / "journal") as view:
            yield OnlineExamples(
                candidates.by_query(),
                RowTeacher(view, judge),
                collection.queries,
                collection.corpus,
                negatives=negatives,
                ahead=settings.ahead,
                remining=remining,
            )
