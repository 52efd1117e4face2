"""Looking pairs up among stored scores, against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest

from menura import MenuraError
from menura.answer_key import AnswerKey, Pairs, hash_texts, lookup

QUERIES = hash_texts(f"query {i}" for i in range(12))
PASSAGES = hash_texts(f"passage {i}" for i in range(30))


def stored(key, generator):
    """Scores in several appends, some pairs repeatedly; what must be read: the first of each."""
    first: dict[tuple[int, int], float] = {}
    for _ in range(4):
        queries, passages = generator.integers(0, 12, 90), generator.integers(0, 30, 90)
        distinct = np.unique(np.stack([queries, passages]), axis=1)
        logits = generator.standard_normal(distinct.shape[1]).astype("f4")
        key.append("teacher", QUERIES[distinct[0]], PASSAGES[distinct[1]], logits, run="run")
        key.append("other", QUERIES[distinct[0]], PASSAGES[distinct[1]], -logits, run="run")
        for query, passage, logit in zip(*distinct.tolist(), logits.tolist(), strict=True):
            first.setdefault((query, passage), logit)
    return first


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize("compacted", [False, True])
def test_every_pair_is_found_or_missing(tmp_path, monkeypatch, step, compacted):
    monkeypatch.setattr(lookup, "STEP", step)
    generator = np.random.default_rng(step)
    key = AnswerKey(tmp_path)
    first = stored(key, generator)
    if compacted:
        key.scores.optimize.compact()
    rows = np.divmod(generator.permutation(12 * 30)[:200], 30)
    pairs = Pairs(QUERIES, PASSAGES, *rows)
    logits = key.logits("teacher", pairs)[pairs.positions(*rows)]
    expected = [first.get(pair, np.nan) for pair in zip(*(row.tolist() for row in rows), strict=True)]
    np.testing.assert_array_equal(logits, np.array(expected, "f4"))
    assert np.isnan(logits).any()
    assert np.isfinite(logits).any()
    assert np.isnan(key.logits("nobody", pairs)).all()


def test_through_the_data_set_as_in_an_object_store(tmp_path):
    key = AnswerKey(tmp_path / "a *?")
    first = stored(key, np.random.default_rng(0))
    pairs = Pairs(QUERIES, PASSAGES, *np.array(list(first)).T)
    assert key.logits("teacher", pairs).tolist() == [first[pair] for pair in sorted(first)]


def test_a_digest_that_looks_like_a_number(tmp_path):
    key = AnswerKey(tmp_path)
    for teacher in ("0012345678", "1e10"):
        key.append(teacher, QUERIES[:1], PASSAGES[:1], np.array([2.5], "f4"), run="run")
        assert key.logits(teacher, Pairs(QUERIES, PASSAGES, [0], [0])).tolist() == [2.5]


@pytest.mark.parametrize("name", ["a b", "ä#?", "a*", "a+&;'\""])
def test_folders_of_any_name(tmp_path, name):
    key = AnswerKey(tmp_path / name / "key")
    key.append("teacher", QUERIES[:1], PASSAGES[:1], np.array([2.5], "f4"), run="run")
    assert key.logits("teacher", Pairs(QUERIES, PASSAGES, [0], [0])).tolist() == [2.5]


@pytest.mark.parametrize("name", ["100%", "a[1]", "a|b", "a=b"])
def test_folders_that_no_table_can_lie_in(tmp_path, name):
    with pytest.raises(MenuraError, match="Delta tables cannot lie below a folder with any of"):
        AnswerKey(tmp_path / name)


def test_a_damaged_file_is_named(tmp_path):
    key = AnswerKey(tmp_path)
    key.append("teacher", QUERIES[:1], PASSAGES[:1], np.array([2.5], "f4"), run="run")
    (file,) = tmp_path.rglob("*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(MenuraError, match=r"\[answer_key\] cannot read .*scores"):
        key.logits("teacher", Pairs(QUERIES, PASSAGES, [0], [0]))
