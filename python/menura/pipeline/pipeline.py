"""A recipe, step by step: corpus and queries, candidates, teacher, answer key, students, report.

Each step reuses what an earlier run left in the output folder, as long as what it depends on is the same.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from menura.answer_key import AnnotationSummary, AnswerKey, Share, export_scores
from menura.answer_key.formats import Texts, format_named
from menura.answer_key.live import settle
from menura.collections import Collection, open_collection
from menura.errors import MenuraError
from menura.launch import in_turn
from menura.mining import Candidates, mine, open_cache, student_miners, to_records
from menura.pipeline.inputs import Inputs
from menura.pipeline.panel import MakeEngine, Panel
from menura.pipeline.roster import Roster
from menura.pipeline.rounds import Rounds
from menura.pipeline.student import Student, StudentModel
from menura.pipeline.teaching import Teaching
from menura.progress import step
from menura.recipe import Recipe
from menura.stage import Stage
from menura.students import require_peft

__all__ = ["Pipeline"]


class Pipeline:
    """One recipe in one output folder.

    It fills `candidates/`, `teacher/`, `answer_key/`, `view/`, `colbert/`, `splade/`, `joint/`, `report.*` and
    `teacher_card.*`; later rounds of mining and training `round_2/candidates/`, `round_2/colbert/` and so on. Online,
    scores wait in `journal/` for the key. A step asked for runs the steps before it that are not done yet.
    """

    def __init__(self, recipe: Recipe, output: Path) -> None:
        self.recipe = recipe
        self.output = output
        self._roster = Roster(recipe)
        self._rounds = Rounds(output, recipe.rounds.count)
        self._inputs = Inputs(recipe, self._roster, lambda: self.collection, lambda: self.panel)
        self._mined: dict[int, Candidates] = {}
        self._trained: dict[tuple[str, int], Path] = {}

    @cached_property
    def collection(self) -> Collection:
        """The recipe's collection, opened and sampled."""
        with step("collection") as done:
            recipe = self.recipe
            collection = open_collection(
                recipe.collection, seed=recipe.seed, fields=recipe.fields, images=recipe.images
            )
            splits = ", ".join(f"{len(qrels):,} {split}" for split, qrels in collection.qrels.items())
            done(f"{len(collection.corpus):,} passages of {collection.name}; queries: {splits}")
        return collection

    @cached_property
    def candidates(self) -> Candidates:
        """Positives and mined negatives of the training queries, in the first round."""
        return self.mined(1)

    def mined(self, turn: int) -> Candidates:
        """The candidates of round `turn`, from 1; from the second on, the students of the round before mine too."""
        if turn not in self._mined:
            stage = Stage(self._rounds.folder(turn) / "candidates", self._inputs.candidates(turn))
            path = stage.folder / "candidates.parquet"
            students = self._roster.miners if turn > 1 and not stage.finished else []
            folders: dict[str, Path] = {student: self.train(student, turn - 1) for student in students}
            with in_turn(), step(self.in_round("mine", turn)) as done:
                if stage.finished:
                    candidates = Candidates.read(path)
                else:
                    stage.begin()
                    settings = self.recipe.mining
                    candidates = mine(
                        self.collection,
                        settings,
                        seed=self.recipe.seed,
                        miners=student_miners(folders, self.recipe.students, settings, self.collection),
                        judge=None if turn == 1 else self._teaching.judge,
                        cache=open_cache(settings, self.output / "embeddings"),
                    )
                    candidates.write(path)
                    stage.finish()
                dropped = "".join(f", {count:,} dropped ({why})" for why, count in candidates.drop_counts().items())
                done(f"{candidates.table.num_rows:,} candidates in {path}{dropped}")
            self._mined[turn] = candidates
        return self._mined[turn]

    @property
    def has_teacher(self) -> bool:
        """Whether somebody is asked at all; without, students learn from labels and mined negatives alone."""
        return bool(self.recipe.all_teachers)

    @cached_property
    def panel(self) -> Panel:
        """The recipe's teachers, and what they say.

        Raises:
            MenuraError: the recipe has no teacher.
        """
        if not self.has_teacher:
            raise MenuraError("[pipeline] the recipe has no teacher to ask; add teacher, or several under teachers.")
        return Panel(self.recipe, self.output, self.collection, self.answer_key, lambda: self.candidates)

    @cached_property
    def answer_key(self) -> AnswerKey:
        """The store of all teacher scores: where the recipe says, else in this output folder."""
        with in_turn():
            key = AnswerKey(self.recipe.answer_key or self.output / "answer_key")
            settle(self.output / "journal", key)  # what a training that was killed had scored
        return key

    def annotate(
        self, *, limit: int | None = None, share: Share | None = None, engine: MakeEngine | None = None
    ) -> AnnotationSummary:
        """Have the teachers score the candidates that the answer key lacks, or a share of them, or some."""
        pairs = self.candidates.pairs()
        return self.panel.annotate(pairs, limit=limit, share=share, engine=engine)

    def export(self, format_name: str, target: str | Path, *, negatives: int | None = None) -> None:
        """Write the candidates and what is taught of them for another trainer, in a format of `menura.answer_key`."""
        format_named(format_name)
        self.annotate()
        with step("export") as done:
            lesson = self.panel.lesson(self.candidates.pairs())
            records = list(to_records(lesson.keep(self._teaching.trusted(self.candidates, 1)), lesson.scores))
            texts = Texts(self.collection.queries, self.collection.corpus)
            written = export_scores(format_name, target, records, texts, negatives=negatives)
            done(f"{written:,} of {len(records):,} queries in {target}")

    def students(self) -> list[Student]:
        """Which students the recipe has.

        Raises:
            MenuraError: it has none.
        """
        return self._roster.names

    def model(self, student: str) -> StudentModel:
        """A student as it starts, with a mentor that may not be trained yet; see `ready`.

        Raises:
            MenuraError: the recipe has no such student.
        """
        return self._roster.model(student)

    def ready(self, student: str, turn: int) -> StudentModel:
        """A student as it starts, with its mentor, which is trained first where the recipe says so."""
        model = self.model(student)
        if model.settings.mentor is None or model.settings.mentor.student is None:
            return model
        return model.mentored(self.train(self._roster.mentor_of(student), turn))

    def train(self, student: str, turn: int | None = None) -> Path:
        """Train one student, or both where they are joint, and return its folder. `turn` None: the last round.

        A mentor that the recipe trains itself is a student, too: ``colbert_mentor``.

        Processes of torchrun train together: a step has as many batches as there are processes.

        Raises:
            MenuraError: the recipe has no such student, or what it needs is not installed.
        """
        turn = turn or self.recipe.rounds.count
        if (student, turn) in self._trained:
            return self._trained[student, turn]
        learners = self._roster.trained_with(student)
        if any(self.model(name).settings.lora for name in learners):
            require_peft()
        stage = self.student_stage(student, turn)
        candidates = None if stage.finished else self.mined(turn)
        models = {} if stage.finished else {name: self._starting(name, turn) for name in learners}
        with step(self.in_round(f"train {' and '.join(learners)}", turn)) as done:
            if candidates is not None:
                self._teaching.teach(models, candidates, turn, self._stages(learners, turn))
            done(f"{self.model(student).title} student in {stage.folder}")
        self._trained[student, turn] = stage.folder
        return stage.folder

    def train_all(self) -> None:
        """Train every student in every round."""
        for student in self.students():
            for turn in range(1, self.recipe.rounds.count + 1):
                self.train(student, turn)

    def student_stage(self, student: str, turn: int) -> Stage:
        """Where a student of a round lies, once it is trained."""
        return Stage(self._rounds.folder(turn) / student, self._inputs.student(student, turn))

    def folders(self) -> dict[Student, Path]:
        """Where the students of the last round lie once they are trained."""
        return {student: self.student_stage(student, self.recipe.rounds.count).folder for student in self.students()}

    def in_round(self, name: str, turn: int) -> str:
        """`name`, and the round where there are several."""
        return self._rounds.title(name, turn)

    @cached_property
    def _teaching(self) -> Teaching:
        return Teaching(self.recipe, self.collection, lambda: self.panel, self._rounds)

    def _starting(self, student: str, turn: int) -> StudentModel:
        """A student as a round finds it, with its mentor."""
        model = self.ready(student, turn)
        if turn > 1 and self.recipe.rounds.start == "previous":
            return model.at(self.train(student, turn - 1))
        return model

    def _stages(self, learners: list[str], turn: int) -> list[Stage]:
        """All that one training fills: a student's folder, or those of two and what is of both."""
        stages = [self.student_stage(name, turn) for name in learners]
        if len(learners) > 1:
            stages.append(Stage(self._rounds.folder(turn) / "joint", self._inputs.student(learners[0], turn)))
        return stages
