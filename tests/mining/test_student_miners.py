"""Students as miners: they find what their exact search finds, and score what they are asked for."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.mining import ColbertMiner, SpladeMiner
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import build_colbert, build_splade, colbert_search, splade_search
from menura.students import index as index_module
from tiny import WORDS, tiny_encoder, tiny_masked_lm

CORPUS = {f"p{i:02}": " ".join(WORDS[i : i + 2 + i % 5]) for i in range(23)}
QUERIES = {f"q{i}": f"{WORDS[i]} {WORDS[i + 3]}" for i in range(4)}


@pytest.fixture(scope="module")
def colbert(tmp_path_factory):
    model = build_colbert(ColbertSettings(model=tiny_encoder(tmp_path_factory.mktemp("encoder")), dimension=16))
    return ColbertMiner, colbert_search, model


@pytest.fixture(scope="module")
def splade(tmp_path_factory):
    return SpladeMiner, splade_search, build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path_factory.mktemp("lm"))))


@pytest.fixture(params=["colbert", "splade"])
def student(request):
    return request.getfixturevalue(request.param)


def test_it_finds_what_its_search_finds(student):
    kind, search, model = student
    miner = kind(model, {**CORPUS, "blank": " "}, batch_size=4)
    expected = search(model, CORPUS, QUERIES, depth=5, batch_size=4).run
    assert miner.search(QUERIES, 5) == expected
    assert miner.search({"q1": QUERIES["q1"]}, 2)["q1"].keys() == set(list(expected["q1"])[:2])
    assert miner.search({}, 5) == {}


def test_it_scores_what_it_is_asked_for(student):
    kind, _, model = student
    miner = kind(model, CORPUS)
    found = miner.search(QUERIES, 23)
    asked = {"q2": ["p07", "p01"], "q0": ["p22"], "q1": []}
    scores = miner.score(QUERIES, asked)
    assert {q: list(row) for q, row in scores.items()} == {"q0": ["p22"], "q1": [], "q2": ["p07", "p01"], "q3": []}
    for query_id, row in scores.items():
        assert row == pytest.approx({p: found[query_id][p] for p in row}, rel=1e-5)
    assert miner.score({}, {}) == {}


def test_chunks_are_searched_as_a_whole(splade, monkeypatch):
    kind, _, model = splade
    miner = kind(model, {f"p{i:02}": WORDS[i % 3] for i in range(20)})
    whole = miner.search(QUERIES, 8)
    monkeypatch.setattr(index_module, "PASSAGE_CHUNK", 3)
    monkeypatch.setattr(index_module, "QUERY_CHUNK", 3)
    pieces = miner.search(QUERIES, 8)
    assert {q: list(found) for q, found in pieces.items()} == {q: list(found) for q, found in whole.items()}


def test_there_must_be_a_text(student):
    kind, _, model = student
    with pytest.raises(MenuraError, match="empty or all blank"):
        kind(model, {"p": " "})
