"""A recipe, step by step: corpus and queries, candidates, teacher, answer key, students, report.

Each step reuses what an earlier run left in the output folder, as long as what it depends on is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from datasets import Dataset

from menura.answer_key import AnnotationSummary, AnswerKey, Share, export_scores
from menura.answer_key.formats import Texts, format_named
from menura.answer_key.live import settle
from menura.collections import Collection, open_collection
from menura.errors import MenuraError
from menura.mining import (
    Candidates,
    TeacherJudge,
    drop_false_negatives,
    mine,
    open_cache,
    student_miners,
    to_records,
    training_list_digest,
)
from menura.pipeline.online import RowTeacher, live_view
from menura.pipeline.panel import Lesson, MakeEngine, Panel
from menura.pipeline.remining import StudentRemining
from menura.pipeline.student import TITLES, Student, StudentModel, train_together
from menura.progress import step
from menura.recipe import OnlineSettings, Recipe
from menura.stage import Stage, identity
from menura.training import OnlineExamples, build_examples
from menura.weights import reference_digest

__all__ = ["Pipeline"]

# What the name of a student's mentor ends in.
OF_MENTOR = "_mentor"


class Pipeline:
    """One recipe in one output folder.

    It fills `candidates/`, `teacher/`, `answer_key/`, `view/`, `colbert/`, `splade/`, `joint/`, `report.*` and
    `teacher_card.*`; later rounds of mining and training `round_2/candidates/`, `round_2/colbert/` and so on. Online,
    scores wait in `journal/` for the key. A step asked for runs the steps before it that are not done yet.
    """

    def __init__(self, recipe: Recipe, output: Path) -> None:
        self.recipe = recipe
        self.output = output
        self._mined: dict[int, Candidates] = {}

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
            stage = Stage(self._folder(turn) / "candidates", self._round_inputs(turn))
            path = stage.folder / "candidates.parquet"
            students = self._mining_students() if turn > 1 and not stage.finished else []
            folders: dict[str, Path] = {student: self.train(student, turn - 1) for student in students}
            with step(self.in_round("mine", turn)) as done:
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
                        judge=None if turn == 1 else self._teacher_judge(),
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
        key = AnswerKey(self.recipe.answer_key or self.output / "answer_key")
        settle(self.output / "journal", key)  # what a training that was killed had scored
        return key

    def prepare(self) -> None:
        """Everything before annotating: mine, and fine-tune the teachers that are to be."""
        for name in self.panel.faculty.names:
            self.panel.faculty.ready(name)
        _ = self.candidates, self.answer_key

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
            records = list(to_records(lesson.keep(self._trusted(self.candidates, 1)), lesson.scores))
            texts = Texts(self.collection.queries, self.collection.corpus)
            written = export_scores(format_name, target, records, texts, negatives=negatives)
            done(f"{written:,} of {len(records):,} queries in {target}")

    def train(self, student: str, turn: int | None = None) -> Path:
        """Train one student, or both where they are joint, and return its folder. `turn` None: the last round.

        A mentor that the recipe trains itself is a student, too: ``colbert_mentor``.

        Raises:
            MenuraError: the recipe has no such student.
        """
        turn = turn or self.recipe.rounds.count
        stage = self.student_stage(student, turn)
        learners = self._trained_with(student)
        candidates = None if stage.finished else self.mined(turn)
        models = {} if stage.finished else {name: self._starting(name, turn) for name in learners}
        with step(self.in_round(f"train {' and '.join(learners)}", turn)) as done:
            if candidates is not None:
                self._teach(models, candidates, turn)
            done(f"{self.model(student).title} student in {stage.folder}")
        return stage.folder

    def students(self) -> list[Student]:
        """Which students the recipe has.

        Raises:
            MenuraError: it has none.
        """
        found: list[Student] = [name for name in TITLES if getattr(self.recipe.students, name) is not None]
        if not found:
            raise MenuraError("[pipeline] the recipe has no student; add students.colbert or students.splade.")
        return found

    def folders(self) -> dict[Student, Path]:
        """Where the students of the last round lie once they are trained."""
        return {student: self.student_stage(student, self.recipe.rounds.count).folder for student in self.students()}

    def model(self, student: str) -> StudentModel:
        """A student as it starts, with a mentor that may not be trained yet; see `ready`.

        Raises:
            MenuraError: the recipe has no such student.
        """
        name, *mentors = student.split(OF_MENTOR)
        settings = getattr(self.recipe.students, name)
        if settings is None:
            raise MenuraError(f"[pipeline] the recipe has no students.{student}; it has: {', '.join(self.students())}.")
        for _ in mentors:
            settings = settings.mentor.student if settings is not None and settings.mentor is not None else None
        if settings is None:
            raise MenuraError(f"[pipeline] students.{name} trains no mentor that could be {student}.")
        return StudentModel(settings, self.recipe.evaluation, settings.trainer.seed_or(self.recipe.seed))

    def ready(self, student: str, turn: int) -> StudentModel:
        """A student as it starts, with its mentor, which is trained first where the recipe says so."""
        model = self.model(student)
        if model.settings.mentor is None or model.settings.mentor.student is None:
            return model
        return model.mentored(self.train(f"{student}{OF_MENTOR}", turn))

    def student_stage(self, student: str, turn: int) -> Stage:
        """Where a student of a round lies, once it is trained."""
        return Stage(self._folder(turn) / student, self._student_inputs(student, turn))

    def in_round(self, name: str, turn: int) -> str:
        """`name`, and the round where there are several."""
        return name if self.recipe.rounds.count == 1 else f"{name}, round {turn}"

    def _trained_with(self, student: str) -> list[str]:
        """The student, or both where they are joint; a mentor is trained alone."""
        return [student] if self.recipe.joint is None or OF_MENTOR in student else list(self.students())

    def _teach(self, models: Mapping[str, StudentModel], candidates: Candidates, turn: int) -> None:
        """Have the teachers answer for the candidates, and train one student, or two that teach each other."""
        online, folder = self.recipe.online, self._folder(turn)
        joint = self.recipe.joint if len(models) > 1 else None
        first = next(iter(models))
        stages = [self.student_stage(name, turn) for name in models]
        if joint is not None:
            stages.append(Stage(folder / "joint", self._student_inputs(first, turn)))
        if online is not None:
            stages[0].begin()
            self._train_online(first, models[first], candidates, stages[0].folder, online)
        else:
            examples = self._examples(candidates, turn, models[first].settings.negatives)
            for stage in stages:
                stage.begin()
            if joint is None:
                models[first].train(examples, stages[0].folder)
            else:
                train_together(models, joint, examples, folder)
        for stage in stages:
            stage.finish()

    def _examples(self, candidates: Candidates, turn: int, negatives: int) -> Dataset:
        """Training rows, once the teachers have scored them all; without a teacher those of the labels alone."""
        lesson = self._lesson(candidates) if self.has_teacher else None
        if lesson is not None:
            candidates = lesson.keep(self._trusted(candidates, turn))
        return build_examples(
            candidates.by_query(),
            None if lesson is None else lesson.scores,
            self.collection.queries,
            self.collection.corpus,
            negatives=negatives,
            weights=None if lesson is None else lesson.weights,
        )

    def _starting(self, student: str, turn: int) -> StudentModel:
        """A student as a round finds it, with its mentor."""
        model = self.ready(student, turn)
        if turn > 1 and self.recipe.rounds.start == "previous":
            return model.at(self.train(student, turn - 1))
        return model

    def _train_online(
        self, student: str, model: StudentModel, candidates: Candidates, folder: Path, settings: OnlineSettings
    ) -> None:
        """Train without waiting for the teachers to have scored all candidates."""
        collection, trust, refresh = self.collection, self.recipe.mining.filter, settings.refresh
        judge = (self.panel.faculty.names[0], trust) if trust is not None and trust.judge == "teacher" else None
        remining = None
        if refresh is not None:
            mining, mined = self.recipe.mining, folder / "mined"
            remining = StudentRemining(student, candidates, collection, refresh, mining, mined, seed=self.recipe.seed)
        with live_view(self.panel, collection, self.answer_key, settings, self.output / "journal") as view:
            examples = OnlineExamples(
                candidates.by_query(),
                RowTeacher(view, judge),
                collection.queries,
                collection.corpus,
                negatives=model.settings.negatives,
                ahead=settings.ahead,
                remining=remining,
            )
            model.train(examples, folder)

    @cached_property
    def _candidate_inputs(self) -> str:
        collection = self.collection
        mining = self.recipe.mining.model_dump(exclude={"cache", "cache_gb"})
        return identity(
            [
                *(collection.corpus, collection.queries, collection.qrels, mining, self.recipe.seed),
                reference_digest(self.recipe.mining.dense_model),
                training_list_digest(self.recipe.mining.training_list),
            ]
        )

    def _round_inputs(self, turn: int) -> str:
        if turn == 1:
            return self._candidate_inputs
        mining = [self._student_inputs(student, turn - 1) for student in self._mining_students()]
        return identity([self._candidate_inputs, mining])

    def _label_inputs(self, turn: int) -> str:
        return identity([self._round_inputs(turn), self.panel.identity if self.has_teacher else None])

    def _student_inputs(self, student: str, turn: int) -> list[Any]:
        """What a trained student follows from; where they are joint, the other as well."""
        together = self._trained_with(student)
        if self.recipe.joint is None or len(together) == 1:
            return self._own_inputs(student, turn)
        return [self.recipe.joint.model_dump(), *(self._own_inputs(name, turn) for name in together)]

    def _own_inputs(self, student: str, turn: int) -> list[Any]:
        model = self.model(student)
        # What no weight depends on.
        told = model.settings.model_dump(exclude={"trainer": {"logging_steps", "save_steps"}})
        inputs: list[Any] = [told, *map(reference_digest, model.references), self._label_inputs(turn)]
        if turn > 1 and self.recipe.rounds.start == "previous":
            inputs.append(self._student_inputs(student, turn - 1))
        if self.recipe.online is not None:
            inputs.append(self.recipe.online.model_dump(exclude={"worker", "device"}))
        return inputs

    def _folder(self, turn: int) -> Path:
        return self.output if turn == 1 else self.output / f"round_{turn}"

    def _mining_students(self) -> list[Student]:
        chosen = self.recipe.rounds.miners or self.students()
        for student in chosen:
            self.model(student)
        return list(chosen)

    def _lesson(self, candidates: Candidates) -> Lesson:
        """What the teachers say of the candidates, who are asked first for what they have not said yet."""
        pairs = candidates.pairs()
        self.panel.annotate(pairs)
        return self.panel.lesson(pairs)

    def _teacher_judge(self) -> TeacherJudge | None:
        """The teacher, where it is the one to recognise false negatives."""
        wanted = self.recipe.mining.filter
        if wanted is None or wanted.judge != "teacher":
            return None
        ((name, digest),) = self.panel.faculty.digests.items()  # a recipe with several has no teacher for a judge
        return TeacherJudge(self.answer_key, digest, self.panel.passages(name))

    def _trusted(self, candidates: Candidates, turn: int) -> Candidates:
        """Less the negatives that the teacher takes for positives, where it is the one to recognise them."""
        wanted, judge = self.recipe.mining.filter, self._teacher_judge()
        if wanted is None or judge is None:
            return candidates
        path = self._folder(turn) / "candidates" / "trusted" / "candidates.parquet"
        with step(self.in_round("filter", turn)) as done:
            trusted = drop_false_negatives(candidates, judge, wanted, self.collection.queries)
            trusted.write(path)
            done(f"{candidates.table.num_rows - trusted.table.num_rows:,} negatives dropped by the teacher; {path}")
        return trusted
