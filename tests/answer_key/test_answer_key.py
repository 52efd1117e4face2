"""The answer key: asked once, crash-safe, by content."""

from __future__ import annotations

import numpy as np
import pytest

from counting import CORPUS, PAIRS, QUERIES, CountingTeacher, Identity
from menura import MenuraError
from menura.answer_key import (
    AnswerKey,
    LocalEngine,
    Pairs,
    WantedPairs,
    annotate,
    hash_texts,
    other_logits,
    read_logits,
    text_hash,
)


@pytest.fixture
def key(tmp_path):
    return AnswerKey(tmp_path / "key")


def annotated(key, teacher, pairs=PAIRS, **options):
    return annotate(key, teacher, pairs, QUERIES, CORPUS, engine=LocalEngine(teacher, **options))


def test_every_pair_is_asked_once(key):
    teacher = CountingTeacher()
    first = annotated(key, teacher, chunk_size=5)
    assert (first.asked, first.known, first.scored) == (24, 0, 24)
    again = annotated(AnswerKey(key.location), teacher)
    assert (again.asked, again.known, again.scored) == (24, 24, 0)
    assert len(teacher.asked) == len(set(teacher.asked)) == 24
    logits = read_logits(key, "teacher", PAIRS, QUERIES, CORPUS)
    assert logits["q1", "p2"] == np.float32(len(QUERIES["q1"]) - 0.01 * len(CORPUS["p2"]))


def test_more_queries_cost_only_their_own_pairs(key):
    teacher = CountingTeacher()
    annotated(key, teacher, [pair for pair in PAIRS if pair[0] != "q3"])
    teacher.asked.clear()
    assert annotated(key, teacher).scored == 6
    assert {query for query, _ in teacher.asked} == {QUERIES["q3"]}


def test_the_same_text_under_another_id_is_known(key):
    annotated(key, CountingTeacher())
    renamed = {"other": CORPUS["p1"]}
    assert annotate(key, CountingTeacher(), [("q0", "other")], QUERIES, renamed).scored == 0
    assert len(text_hash("a")) == 16
    assert text_hash("a") != text_hash("b")


def test_teachers_live_side_by_side(key):
    annotated(key, CountingTeacher())
    second = CountingTeacher(Identity("second"), answers={CORPUS["p0"]: 7.0})
    assert annotated(key, second).scored == 24
    assert read_logits(key, "second", [("q0", "p0")], QUERIES, CORPUS) == {("q0", "p0"): 7.0}
    assert read_logits(key, "teacher", [("q0", "p0")], QUERIES, CORPUS) != {("q0", "p0"): 7.0}
    assert key.teachers() == {"teacher": {"model": "counting"}, "second": {"model": "counting"}}


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_no_number_stops_without_losing_any(key, value):
    bad = CountingTeacher(answers={CORPUS["p0"]: value})
    with pytest.raises(MenuraError, match=r"(nan|inf)"):
        annotated(key, bad, chunk_size=4)
    stored = np.isfinite(key.logits("teacher", WantedPairs.of(PAIRS, QUERIES, CORPUS).pairs))
    assert stored.sum() == 20, "all chunks before the bad one, nothing of it"
    assert annotated(key, CountingTeacher()).scored == 4


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (("nobody", "p0"), r"no query has the id 'nobody' \(str\); query ids look like 'q0'"),
        (("q0", "nowhere"), r"no passage has the id 'nowhere'"),
        (("q0", 10), r"no passage has the id 10 \(int\); passage ids look like 'p0'"),
    ],
)
def test_unknown_ids_are_refused_before_anything_is_asked(key, pair, message):
    teacher = CountingTeacher()
    with pytest.raises(MenuraError, match=message):
        annotated(key, teacher, [*PAIRS, pair])
    assert teacher.asked == []


def test_reading_what_was_never_scored(key):
    annotated(key, CountingTeacher(), PAIRS[:3])
    with pytest.raises(
        MenuraError, match=r"21 of 24 pairs have no score by the teacher teacher; the first is \('q0', 'p3'\)"
    ):
        read_logits(key, "teacher", PAIRS, QUERIES, CORPUS)


def test_reading_what_others_have_said(key):
    first, second = CountingTeacher(), CountingTeacher(Identity("second"))
    annotated(key, first)
    annotated(key, second, PAIRS[:3])
    key.register("silent", {})
    (name,) = other_logits(key, [first.fingerprint.digest], PAIRS, QUERIES, CORPUS)
    assert name == "counting (second)"
    (known,) = other_logits(key, ["teacher"], PAIRS, QUERIES, CORPUS).values()
    assert known == read_logits(key, "second", PAIRS[:3], QUERIES, CORPUS)
    assert len(other_logits(key, ["silent"], PAIRS, QUERIES, CORPUS)) == 2


def test_nothing_to_do(key):
    assert annotated(key, CountingTeacher(), []).asked == 0
    assert read_logits(key, "teacher", [], QUERIES, CORPUS) == {}


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MenuraError, match="cannot open a table at"):
        AnswerKey(tmp_path / "file")


def test_a_disk_that_fails_while_writing(key, monkeypatch):
    annotated(key, CountingTeacher(), PAIRS[:10])

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("menura.answer_key.tables.write_deltalake", full)
    with pytest.raises(MenuraError, match=r"No space left on device\. What was scored before is kept"):
        annotated(key, CountingTeacher())
    monkeypatch.undo()
    assert len(read_logits(key, "teacher", PAIRS[:10], QUERIES, CORPUS)) == 10


def test_two_writers_at_once(tmp_path):
    one, two = AnswerKey(tmp_path / "key"), AnswerKey(tmp_path / "key")
    annotated(one, CountingTeacher(answers=dict.fromkeys(CORPUS.values(), 1.0)), PAIRS[:12], chunk_size=3)
    annotated(two, CountingTeacher(answers=dict.fromkeys(CORPUS.values(), 2.0)), PAIRS[6:], chunk_size=3)
    annotated(one, CountingTeacher(), PAIRS[:2])
    logits = read_logits(AnswerKey(tmp_path / "key"), "teacher", PAIRS, QUERIES, CORPUS)
    assert [logits[pair] for pair in PAIRS[:12]] == [1.0] * 12
    assert [logits[pair] for pair in PAIRS[12:]] == [2.0] * 12


def test_of_two_scores_the_first_written_counts(key):
    query, passages = hash_texts(["query"]), hash_texts(["one", "two"])
    twice = np.repeat(query, 2, 0)
    key.append("teacher", twice, passages, np.array([3.0, 5.0], "f4"), run="first")
    key.append("teacher", twice, passages[::-1], np.array([1.0, 2.0], "f4"), run="second")
    key.append("teacher", twice, passages[[0, 0]], np.array([0.0, 9.0], "f4"), run="third")
    assert key.logits("teacher", Pairs(query, passages, [0, 0], [0, 1])).tolist() == [3.0, 5.0]


def test_many_small_appends_are_merged(key):
    annotated(key, CountingTeacher(), chunk_size=1)
    annotated(key, CountingTeacher(Identity("second")), chunk_size=1)
    assert len(key.scores.file_uris()) < 10
    assert len(read_logits(key, "teacher", PAIRS, QUERIES, CORPUS)) == 24
