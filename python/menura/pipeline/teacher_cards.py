"""A recipe's teachers held against people's judgements, BM25, each other and the students."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from menura.answer_key import other_logits
from menura.collections import Run, as_run
from menura.errors import MenuraError
from menura.evaluation.report_card import Judged, TeacherCard, grade_teacher, passages_to_judge, write_card
from menura.mining import Bm25Miner
from menura.pipeline.pipeline import Pipeline
from menura.pipeline.student import TITLES
from menura.progress import step

__all__ = ["teacher_cards"]


def teacher_cards(pipeline: Pipeline) -> dict[Path, TeacherCard]:
    """A card for every teacher, by its page: written as `teacher_card.html` and `.json`, of several with their names.

    Beside a teacher stand the recipe's others and their view, whoever else the answer key knows, and the students that
    are trained already.

    Raises:
        MenuraError: the recipe has no teacher.
    """
    names = pipeline.panel.faculty.names
    collection, settings = pipeline.collection, pipeline.recipe.evaluation
    queries, qrels = collection.split_queries(settings.split), collection.qrels[settings.split]
    miner = Bm25Miner(collection.corpus)
    passages = passages_to_judge(miner.search(queries, settings.rerank_depth), qrels, collection.corpus)
    scores = {"BM25": miner.score(queries, passages), **_taught(pipeline, passages)}
    for student in pipeline.students():
        stage = pipeline.student_stage(student, pipeline.recipe.rounds.count)
        if stage.finished:
            model = pipeline.model(student).at(stage.folder)
            scores[f"{TITLES[student]} student"] = model.score(collection.corpus, queries, passages)
    cards: dict[Path, TeacherCard] = {}
    for name in names:
        with step(pipeline.panel.faculty.title("report teacher", name)) as done:
            card = grade_teacher(
                Judged(
                    collection.name,
                    settings.split,
                    queries,
                    collection.corpus,
                    qrels,
                    scores,
                    teacher=_title(pipeline, name),
                    baseline="BM25",
                    candidates=f"BM25's top {settings.rerank_depth} and the relevant passages",
                    fingerprint=pipeline.panel.faculty.digests[name],
                )
            )
            file = f"teacher_card_{name}" if len(names) > 1 else "teacher_card"
            path = write_card(card, pipeline.output, file)
            cards[path] = card
            done(f"{card.verdict.answer}; {path}")
    return cards


def _taught(pipeline: Pipeline, passages: Mapping[str, list[str]]) -> dict[str, Run]:
    """What the recipe's teachers, their view and other teachers of the answer key say of `passages`."""
    panel, collection = pipeline.panel, pipeline.collection
    pairs = [(query_id, passage_id) for query_id, found in passages.items() for passage_id in found]
    scores: dict[str, Run] = {}
    for name in panel.faculty.names:
        if not panel.can_answer(pairs, name):
            raise MenuraError(
                f"[report] the scores of {panel.faculty.settings[name].source} were imported and do not cover the "
                f"{len(pairs):,} pairs of its report card. See menura key diff for a comparison with another teacher."
            )
        panel.annotate(pairs, name)
        scores[_title(pipeline, name)] = as_run(panel.scores(pairs, name))
    if len(panel.faculty.names) > 1:
        scores["View of the teachers"] = as_run(panel.scores(pairs))
    own = set(panel.faculty.digests.values())
    for images in sorted({False, bool(collection.images)}):
        seen = collection.passages(images=images)
        others = other_logits(pipeline.answer_key, own, pairs, collection.queries, seen)
        scores.update({teacher: as_run(logits) for teacher, logits in others.items()})
    return scores


def _title(pipeline: Pipeline, name: str) -> str:
    settings = pipeline.panel.faculty.settings[name]
    title = f"{settings.source}, fine-tuned" if settings.finetune else settings.source
    return title if len(pipeline.panel.faculty.names) == 1 else f"{name} ({title})"
