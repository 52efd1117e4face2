"""A recipe, step by step: corpus and queries, candidates, teacher, answer key, students, report.

Each step reuses what an earlier run left in the output folder, as long as what it depends on is the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from rich.markup import escape

from menura.answer_key import AnnotationSummary, AnswerKey, Share, annotate, export_scores, other_logits, read_logits
from menura.answer_key.formats import Texts, format_named
from menura.collections import Collection, Run, as_run, open_collection
from menura.errors import MenuraError
from menura.evaluation import Report, Row, measure, rerank
from menura.evaluation.report_card import Judged, TeacherCard, grade_teacher, passages_to_judge, write_card
from menura.mining import (
    Bm25Miner,
    Candidates,
    TeacherJudge,
    drop_false_negatives,
    mine,
    open_cache,
    student_miners,
    to_records,
    training_list_digest,
)
from menura.progress import console
from menura.recipe import Recipe
from menura.stage import Stage, identity
from menura.students import (
    ColbertIndex,
    Search,
    SpladeIndex,
    accelerate,
    build_colbert,
    build_splade,
    colbert_search,
    splade_search,
)
from menura.teachers import CrossEncoderTeacher, finetune
from menura.training import build_examples, train_colbert, train_splade

__all__ = ["Pipeline", "Student"]

Student = Literal["colbert", "splade"]
TITLES: dict[Student, str] = {"colbert": "ColBERT", "splade": "SPLADE"}


class Pipeline:
    """One recipe in one output folder: `candidates/`, `teacher/`, `answer_key/`, `colbert/`, `splade/`, `report.*`,
    `teacher_card.*`.

    Later rounds of mining and training have `round_2/candidates/`, `round_2/colbert/` and so on.

    A step asked for runs the steps before it that are not done yet.
    """

    def __init__(self, recipe: Recipe, output: Path) -> None:
        self.recipe = recipe
        self.output = output
        self._mined: dict[int, Candidates] = {}

    @cached_property
    def collection(self) -> Collection:
        """The recipe's collection, opened and sampled."""
        with _step("collection") as done:
            collection = open_collection(self.recipe.collection, seed=self.recipe.seed)
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
            with _step(self._named("mine", turn)) as done:
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

    @cached_property
    def teacher(self) -> CrossEncoderTeacher:
        """The teacher, fine-tuned if the recipe says so."""
        settings = self.recipe.teacher
        reference = settings.model
        with _step("teacher") as done:
            if settings.finetune is not None:
                stage = Stage(
                    self.output / "teacher",
                    [settings.model, settings.max_length, settings.finetune.model_dump(), self._candidate_inputs],
                )
                reference = str(stage.folder)
                if not stage.finished:
                    stage.begin()
                    finetune(
                        settings.model,
                        settings.finetune,
                        self.candidates.by_query(),
                        self.collection.queries,
                        self.collection.corpus,
                        max_length=settings.max_length,
                        output=stage.folder,
                        seed=self.recipe.seed,
                    )
                    stage.finish()
            teacher = CrossEncoderTeacher.load(
                reference, max_length=settings.max_length, batch_tokens=settings.batch_tokens, bf16=settings.bf16
            )
            done(f"{reference}, fingerprint {teacher.fingerprint.digest}")
        return teacher

    @cached_property
    def answer_key(self) -> AnswerKey:
        """The store of all teacher scores of this output folder."""
        return AnswerKey(self.output / "answer_key")

    def annotate(self, *, limit: int | None = None, share: Share | None = None) -> AnnotationSummary:
        """Have the teacher score the candidates that the answer key lacks, or a share of them, or some."""
        return self._annotate(self.candidates.pairs(), limit=limit, share=share)

    def export(self, format_name: str, target: str | Path, *, negatives: int | None = None) -> None:
        """Write the candidates and the teacher's logits for another trainer, in a format of `menura.answer_key`."""
        format_named(format_name)
        self.annotate()
        with _step("export") as done:
            records = list(to_records(self.candidates, self._logits(self.candidates.pairs())))
            texts = Texts(self.collection.queries, self.collection.corpus)
            written = export_scores(format_name, target, records, texts, negatives=negatives)
            done(f"{written:,} of {len(records):,} queries in {target}")

    def train(self, student: Student, turn: int | None = None) -> Path:
        """Distil one student and return its folder. `turn` is the round; None: the recipe's last.

        Raises:
            MenuraError: the recipe has no such student.
        """
        turn = turn or self.recipe.rounds.count
        settings = self._settings(student)
        stage = self._student_stage(student, turn)
        candidates = None if stage.finished else self.mined(turn)
        with _step(self._named(f"train {student}", turn)) as done:
            if candidates is not None:
                self._annotate(candidates.pairs())
                logits = self._logits(candidates.pairs())
                candidates = self._trusted(candidates, turn)
                if turn > 1 and self.recipe.rounds.start == "previous":
                    settings = settings.model_copy(update={"model": str(self.train(student, turn - 1))})
                examples = build_examples(
                    candidates.by_query(),
                    logits,
                    self.collection.queries,
                    self.collection.corpus,
                    negatives=settings.negatives,
                )
                stage.begin()
                options: dict[str, Any] = {"output": stage.folder, "seed": self.recipe.seed}
                if student == "colbert":
                    model = build_colbert(settings, seed=self.recipe.seed)
                    train_colbert(model, settings, examples, **options)
                else:
                    train_splade(build_splade(settings), settings, examples, **options)
                stage.finish()
            done(f"{TITLES[student]} student in {stage.folder}")
        return stage.folder

    def evaluate(self) -> Report:
        """Measure BM25, the teacher, and every student of the recipe before and after; write the report."""
        settings = self.recipe.evaluation
        queries = self.collection.split_queries(settings.split)
        report = Report(self.collection.name, len(self.collection.corpus), len(queries))
        bm25 = self._bm25(queries)
        report.rows.append(self._row("BM25", bm25))
        report.rows.append(self._row(f"Teacher on BM25 top {settings.rerank_depth}", self._rerank(bm25)))
        for student in self.students():
            rounds = range(1, self.recipe.rounds.count + 1)
            folders = [self.train(student, turn) for turn in rounds]
            with _step(f"evaluate {student}") as done:
                title = TITLES[student]
                report.rows.append(self._row(f"{title} start", self._search(student, None, queries)))
                for turn, folder in zip(rounds, folders, strict=True):
                    found = self._search(student, folder, queries)
                    row = self._row(self._named(f"{title} distilled", turn), found, start=f"{title} start")
                    report.rows.append(row)
                done(f"{len(queries):,} queries, before and after")
            if found.document_terms is not None and self.recipe.students.splade is not None:
                budget = self.recipe.students.splade.document_budget
                verdict = "within" if found.document_terms <= budget else "OVER"
                report.notes.append(f"SPLADE: {found.document_terms:.0f} terms a document, {verdict} its {budget}.")
        report.notes.append(f"Teacher {self.teacher.fingerprint.digest}, {self.recipe.teacher.model}.")
        report.write(self.output)
        return report

    def report_teacher(self) -> TeacherCard:
        """Hold the teacher against people's judgements, BM25, the answer key's other teachers and those students that
        are trained already; write `teacher_card.html` and `.json`.
        """
        collection, settings, own = self.collection, self.recipe.evaluation, self.recipe.teacher
        queries, qrels = collection.split_queries(settings.split), collection.qrels[settings.split]
        miner, digest = Bm25Miner(collection.corpus), self.teacher.fingerprint.digest
        passages = passages_to_judge(miner.search(queries, settings.rerank_depth), qrels, collection.corpus)
        pairs = [(query_id, passage_id) for query_id, found in passages.items() for passage_id in found]
        self._annotate(pairs)
        with _step("report teacher") as done:
            others = other_logits(self.answer_key, digest, pairs, queries, collection.corpus)
            name = f"{own.model}, fine-tuned" if own.finetune else own.model
            scores = {
                name: as_run(self._logits(pairs)),
                "BM25": miner.score(queries, passages),
                **{teacher: as_run(logits) for teacher, logits in others.items()},
                **self._trained_scores(queries, passages),
            }
            card = grade_teacher(
                Judged(
                    collection.name,
                    settings.split,
                    queries,
                    collection.corpus,
                    qrels,
                    scores,
                    teacher=name,
                    baseline="BM25",
                    candidates=f"BM25's top {settings.rerank_depth} and the relevant passages",
                    fingerprint=digest,
                )
            )
            done(f"{card.verdict.answer}; {write_card(card, self.output)}")
        return card

    def students(self) -> list[Student]:
        """Which students the recipe has.

        Raises:
            MenuraError: it has none.
        """
        found: list[Student] = [name for name in TITLES if getattr(self.recipe.students, name) is not None]
        if not found:
            raise MenuraError("[pipeline] the recipe has no student; add students.colbert or students.splade.")
        return found

    @cached_property
    def _candidate_inputs(self) -> str:
        collection = self.collection
        mining = self.recipe.mining.model_dump(exclude={"cache", "cache_gb"})
        return identity(
            [
                *(collection.corpus, collection.queries, collection.qrels, mining, self.recipe.seed),
                training_list_digest(self.recipe.mining.training_list),
            ]
        )

    def _round_inputs(self, turn: int) -> str:
        if turn == 1:
            return self._candidate_inputs
        mining = [self._student_inputs(student, turn - 1) for student in self._mining_students()]
        return identity([self._candidate_inputs, mining])

    def _label_inputs(self, turn: int) -> str:
        return identity([self._round_inputs(turn), self.teacher.fingerprint.digest])

    def _student_inputs(self, student: Student, turn: int) -> list[Any]:
        inputs = [self._settings(student).model_dump(), self._label_inputs(turn)]
        if turn > 1 and self.recipe.rounds.start == "previous":
            inputs.append(self._student_inputs(student, turn - 1))
        return inputs

    def _folder(self, turn: int) -> Path:
        return self.output if turn == 1 else self.output / f"round_{turn}"

    def _named(self, name: str, turn: int) -> str:
        return name if self.recipe.rounds.count == 1 else f"{name}, round {turn}"

    def _mining_students(self) -> list[Student]:
        chosen = self.recipe.rounds.miners or self.students()
        for student in chosen:
            self._settings(student)
        return list(chosen)

    def _teacher_judge(self) -> TeacherJudge | None:
        """The teacher, where it is the one to recognise false negatives."""
        wanted = self.recipe.mining.filter
        if wanted is None or wanted.judge != "teacher":
            return None
        return TeacherJudge(self.answer_key, self.teacher.fingerprint.digest, self.collection.corpus)

    def _trusted(self, candidates: Candidates, turn: int) -> Candidates:
        """Less the negatives that the teacher takes for positives, where it is the one to recognise them."""
        wanted, judge = self.recipe.mining.filter, self._teacher_judge()
        if wanted is None or judge is None:
            return candidates
        path = self._folder(turn) / "candidates" / "trusted" / "candidates.parquet"
        with _step(self._named("filter", turn)) as done:
            trusted = drop_false_negatives(candidates, judge, wanted, self.collection.queries)
            trusted.write(path)
            done(f"{candidates.table.num_rows - trusted.table.num_rows:,} negatives dropped by the teacher; {path}")
        return trusted

    def _settings(self, student: Student) -> Any:
        settings = getattr(self.recipe.students, student)
        if settings is None:
            raise MenuraError(f"[pipeline] the recipe has no students.{student}; it has: {', '.join(self.students())}.")
        return settings

    def _student_stage(self, student: Student, turn: int) -> Stage:
        return Stage(self._folder(turn) / student, self._student_inputs(student, turn))

    def _annotate(
        self, pairs: list[tuple[str, str]], *, limit: int | None = None, share: Share | None = None
    ) -> AnnotationSummary:
        teacher = self.teacher
        with _step("annotate") as done:
            collection = self.collection
            summary = annotate(
                self.answer_key, teacher, pairs, collection.queries, collection.corpus, limit=limit, share=share
            )
            left = f", {summary.left:,} left" if summary.left else ""
            done(f"{summary.asked:,} pairs: {summary.known:,} known, {summary.scored:,} scored{left}")
        return summary

    def _logits(self, pairs: list[tuple[str, str]]) -> dict[tuple[str, str], float]:
        digest = self.teacher.fingerprint.digest
        return read_logits(self.answer_key, digest, pairs, self.collection.queries, self.collection.corpus)

    def _trained_scores(self, queries: Mapping[str, str], passages: Mapping[str, list[str]]) -> dict[str, Run]:
        """What the students of the last round make of `passages` (ids by query id), those that are trained already."""
        stages = {student: self._student_stage(student, self.recipe.rounds.count) for student in self.students()}
        return {
            f"{TITLES[student]} student": self._student_scores(student, stage.folder, queries, passages)
            for student, stage in stages.items()
            if stage.finished
        }

    def _student_scores(
        self, student: Student, folder: Path, queries: Mapping[str, str], passages: Mapping[str, list[str]]
    ) -> Run:
        """What a trained student makes of `passages` (ids by query id)."""
        settings = self._settings(student).model_copy(update={"model": str(folder)})
        evaluation = self.recipe.evaluation
        chosen = {passage_id for found in passages.values() for passage_id in found}
        corpus = {passage_id: self.collection.corpus[passage_id] for passage_id in sorted(chosen)}
        options: dict[str, Any] = {"batch_size": evaluation.batch_size, "bf16": evaluation.bf16}
        if student == "colbert":
            model = accelerate(build_colbert(settings, seed=self.recipe.seed))
            return ColbertIndex(model, corpus, **options).score(queries, passages)
        return SpladeIndex(accelerate(build_splade(settings)), corpus, **options).score(queries, passages)

    def _bm25(self, queries: Mapping[str, str]) -> Search:
        with _step("evaluate bm25") as done:
            began = time.perf_counter()
            miner = Bm25Miner(self.collection.corpus)
            started = time.perf_counter()
            run = miner.search(queries, self.recipe.evaluation.depth)
            found = Search(run, time.perf_counter() - started, document_seconds=started - began)
            done(f"{len(queries):,} queries")
        return found

    def _rerank(self, bm25: Search) -> Search:
        depth = self.recipe.evaluation.rerank_depth
        pairs = [(query_id, passage_id) for query_id, found in bm25.run.items() for passage_id in list(found)[:depth]]
        summary = self._annotate(pairs)
        # Its speed is only known where nothing had been scored before.
        fresh = summary.scored == summary.asked
        seconds = bm25.seconds + summary.seconds if fresh and bm25.seconds is not None else None
        return Search(rerank(bm25.run, self._logits(pairs)), seconds)

    def _search(self, student: Student, trained: Path | None, queries: Mapping[str, str]) -> Search:
        """Search with a student as trained, or as it starts."""
        settings = self._settings(student)
        if trained is not None:
            settings = settings.model_copy(update={"model": str(trained)})
        evaluation = self.recipe.evaluation
        options: dict[str, Any] = {
            "depth": evaluation.depth,
            "batch_size": evaluation.batch_size,
            "bf16": evaluation.bf16,
        }
        corpus = self.collection.corpus
        if student == "colbert":
            return colbert_search(
                accelerate(build_colbert(settings, seed=self.recipe.seed)), corpus, queries, **options
            )
        return splade_search(accelerate(build_splade(settings)), corpus, queries, **options)

    def _row(self, system: str, search: Search, start: str | None = None) -> Row:
        scores = measure(search.run, self.collection.qrels[self.recipe.evaluation.split])
        return Row(
            system,
            scores,
            search.seconds,
            search.query_terms,
            search.document_terms,
            search.document_seconds,
            start,
        )


@contextmanager
def _step(name: str) -> Iterator[Any]:
    """Print one line when the step is done: its name, what it says, and the time."""
    started = time.perf_counter()
    said: list[str] = []
    yield said.append
    line = f"[bold green]✓[/] {name}: {escape(' '.join(said))} ({time.perf_counter() - started:.1f} s)"
    console.print(line, highlight=False, soft_wrap=True)
