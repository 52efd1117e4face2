"""A made-up collection in which everything about the teacher is known."""

from __future__ import annotations

import random

import pytest

from menura.evaluation.report_card import Judged
from tiny import WORDS

CANDIDATES = 12


@pytest.fixture
def make_judged():
    """`Judged` of some queries with two relevant passages each, a good teacher and a poor BM25.

    `rescore(query_id, passage_id, score)` changes what the teacher says; `relabel(query_id, grades)` what people say.
    """

    def make(queries=60, *, rescore=None, relabel=None, relevant=2, others=None):
        generator = random.Random(0)
        texts = {f"q{i:03}": " ".join(generator.sample(WORDS, 4)) for i in range(queries)}
        corpus, qrels, teacher, bm25 = {}, {}, {}, {}
        for query_id in texts:
            passages = [f"{query_id}p{i:02}" for i in range(CANDIDATES)]
            for i, passage_id in enumerate(passages):
                corpus[passage_id] = " ".join(generator.choices(WORDS, k=generator.randint(5, 40)))
                good = 1 if i < relevant else 0
                teacher.setdefault(query_id, {})[passage_id] = 4.0 * good + generator.gauss(0, 1)
                bm25.setdefault(query_id, {})[passage_id] = 1.5 * good + generator.gauss(0, 1)
            qrels[query_id] = dict.fromkeys(passages[:relevant], 1)
        if rescore:
            teacher = {q: {p: rescore(q, p, score) for p, score in found.items()} for q, found in teacher.items()}
        if relabel:
            qrels = {query_id: relabel(query_id, grades) for query_id, grades in qrels.items()}
        scores = {"a teacher": teacher, "BM25": bm25, **(others or {})}
        return Judged("made up", "test", texts, corpus, qrels, scores, "a teacher", "BM25")

    return make
