"""Passages with images in the answer key: known by text and image together."""

from __future__ import annotations

import numpy as np
import pytest

from menura import MenuraError
from menura.answer_key import AnswerKey, annotate, hash_texts, read_logits, text_hash
from menura.answer_key.hashing import passage_hash
from menura.collections import IllustratedPassage, Image
from menura.teachers import FunctionTeacher
from tiny import tiny_images

QUERIES = {"q": "which one?"}
PAIRS = [("q", "a"), ("q", "b"), ("q", "c")]


@pytest.fixture
def images(tmp_path):
    return [Image(path) for path in tiny_images(tmp_path / "images", 2)]


def corpus(first, second):
    return {"a": IllustratedPassage("one", first), "b": IllustratedPassage("one", second), "c": "one"}


def counting(asked):
    def score(pairs):
        asked.extend(passage for _, passage in pairs)
        return [float(len(asked) - len(pairs) + i) for i in range(len(pairs))]

    return FunctionTeacher(score, name="counting", version="1", images=True)


def test_one_text_with_two_images_is_three_passages(images):
    first, second = images
    passages = list(corpus(first, second).values())
    assert len({passage_hash(passage) for passage in passages}) == 3
    assert passage_hash("one") == text_hash("one") == hash_texts(passages)[2].tobytes()
    same = IllustratedPassage("one", Image(first.content))
    assert passage_hash(same) == passage_hash(passages[0]) != passage_hash(IllustratedPassage("two", first))


def test_a_teacher_is_asked_again_for_a_new_image_and_for_nothing_else(tmp_path, images):
    key, asked = AnswerKey(tmp_path / "key"), []
    teacher = counting(asked)
    first, second = images
    assert annotate(key, teacher, PAIRS, QUERIES, corpus(first, second)).scored == 3
    assert {passage if isinstance(passage, str) else passage.image for passage in asked} == {first, second, "one"}
    moved = corpus(Image(first.content), second)  # the same bytes from elsewhere
    assert annotate(key, teacher, PAIRS, QUERIES, moved).scored == 0
    changed = corpus(Image(first.content + b" "), second)
    assert annotate(key, teacher, PAIRS, QUERIES, changed).scored == 1
    before, after = (read_logits(key, teacher.fingerprint.digest, PAIRS, QUERIES, c) for c in (moved, changed))
    assert [pair for pair in PAIRS if before[pair] != after[pair]] == [("q", "a")]
    assert np.isfinite(list(after.values())).all()


def test_an_image_that_went_away(tmp_path, images):
    images[0].source.unlink()
    with pytest.raises(MenuraError, match=r"cannot read the image .*0.png"):
        annotate(AnswerKey(tmp_path / "key"), counting([]), PAIRS, QUERIES, corpus(*images))
