"""Everything a recipe has, measured on the same held-out queries."""

from __future__ import annotations

import time
from collections.abc import Iterator

from menura.evaluation import Report, Row, measure, rerank
from menura.mining import Bm25Miner
from menura.pipeline.pipeline import Pipeline
from menura.pipeline.student import TITLES, Student
from menura.progress import step
from menura.recipe import BudgetSettings
from menura.stage import identity
from menura.students import Search

__all__ = ["evaluate"]


def evaluate(pipeline: Pipeline) -> Report:
    """BM25, the teachers if any, and every student before and after, of every round; the report is written, too."""
    collection, split = pipeline.collection, pipeline.recipe.evaluation.split
    queries, qrels = collection.split_queries(split), collection.qrels[split]
    measured_on = {"queries": queries, "judgements": qrels, "passages": collection.corpus}
    report = Report(
        collection.name,
        len(collection.corpus),
        len(queries),
        measured_on={name: identity(content) for name, content in measured_on.items()},
    )
    bm25 = _bm25(pipeline)
    report.rows += [_row(pipeline, "BM25", bm25)]
    for who, teacher_found in _teachers(pipeline, bm25):
        if teacher_found is None:
            report.notes.append(f"{who}: not measured, its scores were imported.")
        else:
            report.rows.append(_row(pipeline, who, teacher_found))
    for student in pipeline.students():
        report.rows += _student(pipeline, student)
        if pipeline.recipe.students.splade is not None and pipeline.recipe.students.splade.budget is not None:
            report.notes += _budgets(pipeline.recipe.students.splade.budget, report.rows[-1])
    if pipeline.has_teacher:
        report.notes += pipeline.panel.notes()
    else:
        report.notes += _without_teacher(pipeline)
    report.write(pipeline.output)
    return report


def _without_teacher(pipeline: Pipeline) -> list[str]:
    """What the students learned from instead."""
    mentored = {TITLES[student]: pipeline.model(student).mentor is not None for student in pipeline.students()}
    if not any(mentored.values()):
        return ["No teacher: students learned from labels and mined negatives alone."]
    sources = {True: "its mentor, labels and mined negatives", False: "labels and mined negatives alone"}
    return [f"{title}: no teacher; it learned from {sources[has_mentor]}." for title, has_mentor in mentored.items()]


def _bm25(pipeline: Pipeline) -> Search:
    settings = pipeline.recipe.evaluation
    queries = pipeline.collection.split_queries(settings.split)
    with step("evaluate bm25") as done:
        began = time.perf_counter()
        miner = Bm25Miner(pipeline.collection.corpus)
        started = time.perf_counter()
        run = miner.search(queries, settings.depth)
        found = Search(run, time.perf_counter() - started, document_seconds=started - began)
        done(f"{len(queries):,} queries")
    return found


def _teachers(pipeline: Pipeline, bm25: Search) -> Iterator[tuple[str, Search | None]]:
    """BM25's best, re-ranked: by each of several teachers, and by the view of them all; None by who cannot be asked."""
    if not pipeline.has_teacher:
        return
    depth, panel = pipeline.recipe.evaluation.rerank_depth, pipeline.panel
    pairs = [(query_id, passage_id) for query_id, found in bm25.run.items() for passage_id in list(found)[:depth]]
    several = panel.faculty.names if len(panel.faculty.names) > 1 else []
    for teacher in [*several, None]:
        who = f"Teacher {teacher}" if teacher else "View of the teachers" if several else "Teacher"
        who = f"{who} on BM25 top {depth}"
        if not panel.can_answer(pairs, teacher):
            yield who, None
            continue
        summary = panel.annotate(pairs, teacher)
        # The speed is only known where nothing had been scored before.
        fresh = summary.scored == summary.asked
        seconds = bm25.seconds + summary.seconds if fresh and bm25.seconds is not None else None
        yield who, Search(rerank(bm25.run, panel.scores(pairs, teacher)), seconds)


def _student(pipeline: Pipeline, student: Student) -> list[Row]:
    """Before, its mentor, and after each round."""
    title, corpus = TITLES[student], pipeline.collection.corpus
    queries = pipeline.collection.split_queries(pipeline.recipe.evaluation.split)
    rounds = range(1, pipeline.recipe.rounds.count + 1)
    folders = [pipeline.train(student, turn) for turn in rounds]
    model = pipeline.ready(student, 1)
    with step(f"evaluate {student}") as done:
        taught = pipeline.has_teacher or model.mentor is not None
        start, finish = f"{title} start", f"{title} {'distilled' if taught else 'trained'}"
        rows = [_row(pipeline, start, model.search(corpus, queries))]
        if model.mentor is not None:
            rows.append(_row(pipeline, f"{title} mentor", model.mentor.search(corpus, queries)))
        for turn, folder in zip(rounds, folders, strict=True):
            found = model.at(folder).search(corpus, queries)
            rows.append(_row(pipeline, pipeline.in_round(finish, turn), found, start))
        done(f"{len(queries):,} queries, before and after")
    return rows


def _budgets(budget: BudgetSettings, row: Row) -> Iterator[str]:
    """How many of the terms that a SPLADE may have its texts have."""
    sides = ("document", row.document_terms, budget.documents), ("query", row.query_terms, budget.queries)
    for text, terms, allowed in sides:
        if terms is not None and allowed is not None:
            yield f"SPLADE: {terms:.0f} terms a {text}, {terms / allowed:.0%} of its {allowed}."


def _row(pipeline: Pipeline, system: str, search: Search, start: str | None = None) -> Row:
    return Row(
        system,
        measure(search.run, pipeline.collection.qrels[pipeline.recipe.evaluation.split]),
        search.seconds,
        search.query_terms,
        search.document_terms,
        search.document_seconds,
        start,
    )
