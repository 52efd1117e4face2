"""A function as teacher: its identity is what its user says, and its errors are one line."""

from __future__ import annotations

import numpy as np
import pytest

from menura import MenuraError
from menura.teachers import FunctionTeacher

PAIRS = [("read file", "open the file"), ("sort", "sort")]


def shared_words(pairs):
    return [len(set(query.split()) & set(passage.split())) for query, passage in pairs]


def test_a_function_scores():
    scores = FunctionTeacher(shared_words, name="shared words", version="1").score(PAIRS)
    assert scores.dtype == np.float32
    assert scores.tolist() == [1.0, 1.0]


def test_its_identity_is_its_name_and_version():
    def digest(name, version, function=shared_words):
        return FunctionTeacher(function, name=name, version=version).fingerprint.digest

    assert digest("words", "1") == digest("words", "1", function=len)
    assert len({digest("words", "1"), digest("words", "2"), digest("other", "1")}) == 3


def test_no_pairs_are_no_question():
    def refuse(pairs):
        raise AssertionError("asked")

    assert FunctionTeacher(refuse, name="refuse", version="1").score([]).shape == (0,)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda pairs: [1.0], r"one number for each of 2 pairs; got shape \[1\]"),
        (lambda pairs: [[1.0], [2.0]], r"got shape \[2, 1\]"),
        (lambda pairs: None, r"got shape \[\]"),
        (lambda pairs: ["a", "b"], "failed on 2 pairs: ValueError: could not convert"),
        (lambda pairs: 1 / 0, "failed on 2 pairs: ZeroDivisionError: division by zero"),
    ],
)
def test_answers_that_are_none(answer, message):
    with pytest.raises(MenuraError, match=message) as raised:
        FunctionTeacher(answer, name="odd", version="1").score(PAIRS)
    assert "\n" not in str(raised.value)


def test_the_cause_is_kept():
    def fail(pairs):
        raise KeyError("one line\nand another")

    with pytest.raises(MenuraError) as raised:
        FunctionTeacher(fail, name="failing", version="1").score(PAIRS)
    assert isinstance(raised.value.__cause__, KeyError)


def test_a_function_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "my_scores.py").write_text("LIMIT = 3\ndef score(pairs):\n    return [LIMIT for _ in pairs]\n")
    (tmp_path / "my_broken_scores.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    teacher = FunctionTeacher.load("my_scores:score", version="1")
    assert teacher.score(PAIRS).tolist() == [3.0, 3.0]
    assert teacher.fingerprint.details == {"function": "my_scores:score", "version": "1"}
    for name, message in (
        ("my_scores:scores", "AttributeError: .*no attribute 'scores'"),
        ("my_scores:LIMIT", "is not a function; got int"),
        ("my_scoring:score", "No module named 'my_scoring'. Install it, or put its folder on PYTHONPATH"),
        ("my_broken_scores:score", "No module named 'no_such_module'"),
    ):
        with pytest.raises(MenuraError, match=message):
            FunctionTeacher.load(name, version="1")
