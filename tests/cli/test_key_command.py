"""`menura key`: what an answer key holds, what a new teacher changed, what may go."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from counting import CORPUS, PAIRS, QUERIES, CountingTeacher, Identity
from menura.answer_key import AnswerKey, LocalEngine, annotate
from menura.answer_key.overview import overview
from menura.collections import Collection, write_beir


@pytest.fixture
def key(tmp_path):
    """Two teachers; the second prefers other passages for the last query, with texts that look like markup."""
    opened = AnswerKey(tmp_path / "key")
    old, new = CountingTeacher(Identity("aaaa", {"model": "old"})), CountingTeacher(Identity("bbbb", {"model": "new"}))
    new.answers = {CORPUS["p5"]: 99.0}
    annotate(opened, old, PAIRS, QUERIES, CORPUS, engine=LocalEngine(old, chunk_size=5))
    annotate(opened, new, PAIRS[:-2], QUERIES, CORPUS)
    return opened


def test_info(key, run):
    code, out, _ = run("key", "info", key.location)
    assert code == 0
    assert [line.split()[:6] for line in out.splitlines() if line.startswith((" old", " new", "old", "new"))] == [
        ["old", "aaaa", "24", "4", "6", "1"],
        ["new", "bbbb", "22", "4", "6", "1"],
    ]
    (first, second) = json.loads(run("key", "info", key.location, "--json")[1])
    assert (first["teacher"], first["scores"], first["files"]) == ("aaaa", 24, 5)
    assert second["details"] == {"model": "new"}


def test_diff(key, run, tmp_path):
    write_beir(Collection("c", CORPUS, QUERIES, {"test": {"q0": {"p0": 1}}}), tmp_path / "collection")
    code, out, _ = run("key", "diff", key.location, "aaaa", "bbbb", "--collection", tmp_path / "collection")
    assert code == 0
    assert "22 of 4 queries" in out
    assert "second prefers passage number 5" in out
    found = json.loads(run("key", "diff", key.location, "aaaa", "bbbb", "--json")[1])
    assert (found["both"], found["only_first"], found["only_second"]) == (22, 2, 0)
    assert run("key", "diff", key.location, "aaaa", "cccc")[0] == 2


def test_gc_forgets_teachers_and_files(key, run):
    before = run("key", "gc", key.location, "--forget", "bbbb", "--hours", "0", "--dry-run")
    assert "22 scores would be deleted" in before[1]
    assert len(overview(key)) == 2
    _, out, _ = run("key", "gc", key.location, "--forget", "bbbb", "--hours", "0")
    assert "22 scores deleted" in out
    (left,) = overview(AnswerKey(key.location))
    assert (left.teacher, left.scores) == ("aaaa", 24)
    assert key.vacuum(older_than=timedelta(0)) == []
    again = CountingTeacher(Identity("bbbb", {"model": "new"}))
    assert annotate(AnswerKey(key.location), again, PAIRS, QUERIES, CORPUS).scored == 24
    assert np.isfinite(list(again.answers.values())).all()


def test_gc_keeps_what_others_still_read(key, run):
    key.forget("bbbb")
    _, out, _ = run("key", "gc", key.location)
    assert "0 files removed" in out


def test_a_key_that_is_not_there(run, tmp_path):
    code, _, err = run("key", "info", tmp_path / "nowhere")
    assert code == 2
    assert "there is no answer key at" in err
    assert not (tmp_path / "nowhere").exists()
    assert run("key", "gc", tmp_path / "nowhere")[0] == 2
