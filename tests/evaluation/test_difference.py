"""What a new teacher changed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from menura import MenuraError
from menura.answer_key import AnswerKey, hash_texts
from menura.evaluation.difference import difference

QUERIES = [f"query {i}" for i in range(12)]
PASSAGES = [f"passage {i}" for i in range(9)]
OLD, NEW = "0ld", "2e2"


@pytest.fixture
def scored(tmp_path):
    """A key, and both teachers' scores `[12,9]`: the new one turns query 3 round and does not know query 7's last."""
    generator = np.random.default_rng(0)
    key = AnswerKey(tmp_path)
    old = generator.standard_normal((12, 9)).astype("f4")
    new = old + generator.standard_normal((12, 9)).astype("f4") / 3
    new[3] = -old[3]
    queries = np.repeat(hash_texts(QUERIES), 9, 0)
    passages = np.tile(hash_texts(PASSAGES), (12, 1))
    known = np.ones((12, 9), bool)
    known[7, 8] = False
    for teacher, scores, mask in ((OLD, old, np.ones_like(known)), (NEW, new, known)):
        key.register(teacher, {"model": teacher})
        chosen = mask.ravel()
        key.append(teacher, queries[chosen], passages[chosen], scores.ravel()[chosen], run="run")
        key.append(teacher, queries[:5], passages[:5], np.full(5, 9.0, "f4"), run="later")  # the first counts
    new[7, 8] = np.nan
    return key, old, new


def test_it_says_what_changed(scored):
    key, old, new = scored
    found = difference(key, OLD, NEW, worst=2)
    assert (found.queries, found.both, found.only_first, found.only_second) == (12, 107, 1, 0)
    rows = [(a[~np.isnan(b)], b[~np.isnan(b)]) for a, b in zip(old, new, strict=True)]
    assert found.agreement.tau_b.value == pytest.approx(np.mean([kendalltau(*row).statistic for row in rows]))
    assert found.agreement.spearman.value == pytest.approx(np.mean([spearmanr(*row).statistic for row in rows]))
    text = {hashed.tobytes().hex(): text for text, hashed in zip(PASSAGES, hash_texts(PASSAGES), strict=True)}
    worst = found.worst[0]
    assert worst.query == hash_texts(QUERIES)[3].tobytes().hex()
    assert worst.tau_b == pytest.approx(-1)
    assert text[worst.first_favourite] == PASSAGES[old[3].argmax()]
    assert text[worst.second_favourite] == PASSAGES[old[3].argmin()]
    assert found.worst[1].tau_b == sorted(found.agreement.per_query.values())[1]


def test_a_sample_stays_the_same_and_is_part_of_the_whole(scored):
    key, _, _ = scored
    sample, whole = difference(key, OLD, NEW, queries=5), difference(key, OLD, NEW, queries=None)
    assert sample.queries == 5
    assert sample.agreement.per_query.items() <= whole.agreement.per_query.items()


def test_nothing_to_compare(tmp_path, scored):
    key, _, _ = scored
    with pytest.raises(MenuraError, match=r"there is no teacher 'nobody' in .*; it has: "):
        difference(key, OLD, "nobody")
    key.register("new", {"model": "silent"})
    with pytest.raises(MenuraError, match="share no query with two passages that both tell apart"):
        difference(key, OLD, "new")
