"""Faults that were planted on purpose are found and named, and only they."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.special import expit

from menura.evaluation.report_card import grade_teacher
from menura.evaluation.report_card.contradictions import contradictions
from menura.evaluation.report_card.distribution import distribution


def verdict(judged):
    found = grade_teacher(judged).verdict
    return found.answer, {finding.name: finding.kind for finding in found.findings}


def test_a_good_teacher(make_judged):
    card = grade_teacher(make_judged())
    assert (card.verdict.answer, card.verdict.findings) == ("Yes", [])
    assert card.verdict.sentence.startswith(
        "On 60 judged queries it puts a relevant passage above another one in over 99% of"
    )


def test_a_squashed_teacher(make_judged):
    answer, named = verdict(make_judged(rescore=lambda q, p, score: float(expit(score))))
    assert (answer, named) == ("With care", {"squashed scores": "caution"})


def test_a_saturated_teacher(make_judged):
    judged = make_judged(rescore=lambda q, p, score: float(np.float32(expit(np.float32(6 * (score - 2))))))
    scores = distribution(judged.pairs, "a teacher")
    assert scores.squashed
    assert scores.at_ends > 0.3
    assert scores.distinct < scores.pairs
    assert verdict(judged)[1]["saturated sigmoid"] == "caution"


@pytest.mark.parametrize("value", [0.0, 7.5])
def test_a_constant_teacher(make_judged, value):
    answer, named = verdict(make_judged(rescore=lambda *_: value))
    assert answer == "No"
    assert named["constant scores"] == named["no better than chance"] == "fault"
    assert "length bias" not in named


def test_some_constant_queries(make_judged):
    judged = make_judged(rescore=lambda q, p, score: 1.0 if q < "q005" else score)
    assert distribution(judged.pairs, "a teacher").constant_queries == 5
    assert verdict(judged)[1]["constant scores"] == "caution"


def test_ties(make_judged):
    judged = make_judged(rescore=lambda q, p, score: float(round(score / 2)))
    rows = [list(judged.scores["a teacher"][query_id].values()) for query_id in judged.queries]
    couples = [row[i] == row[j] for row in rows for i in range(12) for j in range(i)]
    assert distribution(judged.pairs, "a teacher").tied == pytest.approx(np.mean(couples))
    assert "ties" in verdict(judged)[1]


def test_a_reversed_teacher(make_judged):
    answer, named = verdict(make_judged(rescore=lambda q, p, score: -score))
    assert answer == "No"
    assert named["reversed"] == named["worse than BM25"] == "fault"


def test_a_teacher_that_throws_dice(make_judged):
    generator = random.Random(1)
    answer, named = verdict(make_judged(rescore=lambda *_: generator.gauss(0, 1)))
    assert (answer, named["no better than chance"]) == ("No", "fault")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_length_bias(make_judged, sign):
    corpus = make_judged().corpus
    judged = make_judged(rescore=lambda q, p, score: score + sign * 0.1 * len(corpus[p].split()))
    answer, named = verdict(judged)
    assert answer == "With care"
    assert "length bias" in named
    bias = grade_teacher(judged).biases[0]
    assert bias.within.value * sign > 0.5
    assert abs(bias.labels.value) < 0.2


def test_what_people_favour_as_well_is_no_bias(make_judged):
    plain = make_judged()
    lengths = {passage_id: len(text.split()) for passage_id, text in plain.corpus.items()}

    def longest(query_id, _):
        ranked = sorted(plain.scores["a teacher"][query_id], key=lambda passage_id: -lengths[passage_id])
        return dict.fromkeys(ranked[:3], 1)

    judged = make_judged(rescore=lambda q, p, score: lengths[p] + score / 100, relabel=longest)
    assert grade_teacher(judged).biases[0].within.value > 0.9
    assert "length bias" not in verdict(judged)[1]


def test_every_fifth_label_is_wrong(make_judged):
    generator = random.Random(2)

    def relabel(query_id, grades):
        wrong = int(query_id[1:]) % 5 == 0
        return {f"{query_id}p{generator.randint(2, 11):02}": 1} if wrong else grades

    judged = make_judged(100, relabel=relabel)
    answer, named = verdict(judged)
    assert answer == "With care"
    assert "labels in doubt" in named
    found = contradictions(judged)
    assert {int(dispute.query_id[1:]) % 5 for dispute in found.worst} == {0}
    assert 5 <= found.reversed <= 15


def test_scores_that_differ_between_queries(make_judged):
    judged = make_judged(rescore=lambda q, p, score: score + 10 * (int(q[1:]) % 7))
    assert verdict(judged) == ("With care", {"scores differ between queries": "caution"})


def test_a_teacher_like_bm25(make_judged):
    bm25 = make_judged().scores["BM25"]
    answer, named = verdict(make_judged(rescore=lambda q, p, score: bm25[q][p]))
    assert answer == "With care"
    assert "not shown to beat BM25" in named
