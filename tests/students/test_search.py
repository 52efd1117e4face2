"""Exact search with both students, against scores computed one pair at a time."""

from __future__ import annotations

import pytest
import torch

from menura.ops import reference
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade, colbert_search, splade_search
from tiny import WORDS, tiny_encoder, tiny_masked_lm

CORPUS = {f"p{i:02}": " ".join(WORDS[i : i + 2 + i % 5]) for i in range(23)}
QUERIES = {f"q{i}": f"{WORDS[i]} {WORDS[i + 3]}" for i in range(4)}


@pytest.fixture(scope="module")
def colbert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoder")
    return accelerate(build_colbert(ColbertSettings(model=tiny_encoder(folder), dimension=16)))


@pytest.fixture(scope="module")
def splade(tmp_path_factory):
    return accelerate(build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path_factory.mktemp("lm")))))


def encoded(encode, texts, **options):
    return {identifier: encode([text], show_progress_bar=False, **options)[0] for identifier, text in texts.items()}


def check_run(run, expected, depth):
    for query_id, scores in expected.items():
        best = sorted(scores, key=lambda passage_id: -scores[passage_id])[:depth]
        assert list(run[query_id]) == best
        assert list(run[query_id].values()) == pytest.approx([scores[passage_id] for passage_id in best], abs=1e-4)


@pytest.mark.parametrize("batch_size", [5, 64])
def test_colbert_search_is_exact(colbert, batch_size):
    found = colbert_search(colbert, CORPUS, QUERIES, depth=7, batch_size=batch_size)
    queries, passages = encoded(colbert.encode_query, QUERIES), encoded(colbert.encode_document, CORPUS)
    expected = {
        q: {p: float(reference.maxsim_pairs(asked[None], text[None])) for p, text in passages.items()}
        for q, asked in queries.items()
    }
    check_run(found.run, expected, 7)


@pytest.mark.parametrize("batch_size", [5, 64])
def test_splade_search_is_exact(splade, batch_size):
    found = splade_search(splade, CORPUS, QUERIES, depth=7, batch_size=batch_size)
    queries = encoded(splade.encode_query, QUERIES, convert_to_sparse_tensor=False)
    passages = encoded(splade.encode_document, CORPUS, convert_to_sparse_tensor=False)
    expected = {
        q: {p: float(asked.double() @ text.double()) for p, text in passages.items()} for q, asked in queries.items()
    }
    check_run(found.run, expected, 7)
    assert found.query_terms == pytest.approx(mean_terms(queries))
    assert found.document_terms == pytest.approx(mean_terms(passages))


def mean_terms(activations):
    return torch.stack(list(activations.values())).count_nonzero(dim=1).double().mean().item()


@pytest.mark.parametrize("student", ["colbert", "splade"])
def test_passages_are_timed_apart_from_queries(student, request):
    search = {"colbert": colbert_search, "splade": splade_search}[student]
    found = search(request.getfixturevalue(student), CORPUS, QUERIES, depth=3)
    assert found.seconds > 0
    assert found.document_seconds > 0


def test_colbert_has_no_terms_to_count(colbert):
    found = colbert_search(colbert, CORPUS, QUERIES, depth=3)
    assert found.query_terms is None
    assert found.document_terms is None


def test_equal_scores_stand_in_the_order_of_their_ids(splade):
    corpus = dict.fromkeys(("c", "a", "d", "b"), "the same text")
    found = splade_search(splade, corpus, {"q": "same text"}, depth=3, batch_size=2)
    assert list(found.run["q"]) == ["a", "b", "c"]


def test_depth_beyond_the_corpus_returns_all_of_it(colbert):
    found = colbert_search(colbert, CORPUS, QUERIES, depth=1000)
    assert all(found.run[query_id].keys() == CORPUS.keys() for query_id in QUERIES)
