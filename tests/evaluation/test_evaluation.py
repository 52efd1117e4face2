"""Searching, measuring, comparing, reporting."""

from __future__ import annotations

import csv
import json

import pytest
import torch
from rich.console import Console

from menura import MenuraError
from menura.evaluation import (
    Report,
    Row,
    Search,
    colbert_search,
    measure,
    paired_p_value,
    rerank,
    splade_search,
)
from menura.ops import reference
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade
from tiny import WORDS, tiny_encoder, tiny_masked_lm

CORPUS = {f"p{i}": " ".join(WORDS[i : i + 2 + i % 5]) for i in range(20)}
QUERIES = {f"q{i}": CORPUS[f"p{i}"] for i in range(5)}


def assert_same_ranking(run, scores, depth):
    for row, (query_id, found) in enumerate(run.items()):
        assert query_id == f"q{row}"
        expected = sorted(((-float(score), f"p{i}") for i, score in enumerate(scores[row])))[:depth]
        assert list(found) == [passage_id for _, passage_id in expected]
        assert list(found.values()) == pytest.approx([-score for score, _ in expected], rel=1e-5)


def test_colbert_search_is_exact(tmp_path):
    model = accelerate(build_colbert(ColbertSettings(model=tiny_encoder(tmp_path), dimension=8)).eval())
    search = colbert_search(model, CORPUS, QUERIES, depth=7, batch_size=3)
    queries, documents = model.encode_query(list(QUERIES.values())), model.encode_document(list(CORPUS.values()))
    scores = [[reference.maxsim(q[None], d[None]).item() for d in documents] for q in queries]
    assert_same_ranking(search.run, scores, 7)
    assert search.seconds > 0
    assert search.query_terms is None


def test_splade_search_is_exact_and_counts_terms(tmp_path):
    model = accelerate(build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path))).eval())
    search = splade_search(model, CORPUS, QUERIES, depth=7, batch_size=3)
    queries = model.encode_query(list(QUERIES.values())).to_dense()
    documents = model.encode_document(list(CORPUS.values())).to_dense()
    assert_same_ranking(search.run, queries @ documents.T, 7)
    assert search.query_terms == pytest.approx((queries > 0).sum(1).float().mean().item())
    assert search.document_terms == pytest.approx((documents > 0).sum(1).float().mean().item())
    torch.testing.assert_close(torch.tensor(search.run["q0"]["p0"]), queries[0] @ documents[0])


def test_rerank_puts_what_was_judged_first():
    run = {"q": {"a": 9.0, "b": 8.0, "c": 7.0, "d": 6.0}}
    logits = {("q", "a"): -1.0, ("q", "b"): 2.0, ("q", "c"): 2.0}
    assert list(rerank(run, logits)["q"]) == ["b", "c", "a", "d"]
    values = list(rerank(run, logits)["q"].values())
    assert values == sorted(set(values), reverse=True)


def test_metrics():
    qrels = {"one": {"a": 1}, "two": {"b": 1}, "none": {"c": 1}}
    run = {"one": {"a": 2.0, "x": 1.0}, "two": {"x": 2.0, "b": 1.0}, "none": {}}
    scores = measure(run, qrels)
    assert scores["MRR@10"] == {"one": 1.0, "two": 0.5, "none": 0.0}
    assert scores["nDCG@10"]["two"] == pytest.approx(1 / 1.584962, rel=1e-5)
    assert scores["Recall@100"] == {"one": 1.0, "two": 1.0, "none": 0.0}


def test_metrics_refuse_what_nobody_judged():
    with pytest.raises(MenuraError, match="answers the query 'stranger'"):
        measure({"stranger": {"a": 1.0}}, {"one": {"a": 1}})
    with pytest.raises(MenuraError, match="no judgements"):
        measure({}, {})


def test_significance():
    base = {f"q{i}": 0.3 + 0.01 * i for i in range(30)}
    better = {query_id: value + 0.1 for query_id, value in base.items()}
    mixed = {query_id: value + (0.1 if i % 2 else -0.1) for i, (query_id, value) in enumerate(base.items())}
    assert paired_p_value(better, base) < 0.001
    assert paired_p_value(base, better) == paired_p_value(better, base)
    assert paired_p_value(mixed, base) > 0.5
    assert paired_p_value(base, base) == 1.0
    with pytest.raises(ValueError, match="must answer the same queries; got 30 and 1"):
        paired_p_value(base, {"q0": 1.0})


def test_significance_agrees_with_enumerating_every_swap():
    first, second = {"a": 0.9, "b": 0.4, "c": 0.7}, {"a": 0.1, "b": 0.2, "c": 0.3}
    # Differences 0.8, 0.2, 0.4: of 8 sign patterns only all-plus and all-minus reach their sum.
    assert paired_p_value(first, second) == pytest.approx(2 / 8, abs=0.01)


def report():
    def scores(value):
        return {metric: {f"q{i}": value for i in range(20)} for metric in ("nDCG@10", "MRR@10", "Recall@100")}

    rows = [
        Row("BM25", scores(0.5), seconds=0.5),
        Row("SPLADE start", scores(0.4), 2.0, 20.4, 150.2),
        Row("SPLADE distilled", scores(0.6), 2.0, 21.0, 120.0, start="SPLADE start"),
    ]
    return Report("tiny", 1234, 20, rows, ["A note."])


def test_the_report_says_what_was_measured_and_no_more(tmp_path):
    table = report().markdown()
    assert "20 held-out queries over 1,234 passages of tiny" in table
    assert "| BM25 | 0.500 | 0.500 | 0.500 | - | 40 | - | - |" in table
    assert "| SPLADE distilled | 0.600 | 0.600 | 0.600 | 21 / 120 | 10 | 0.0000 | 0.0000 |" in table
    assert "A note." in table
    report().write(tmp_path / "new")
    with (tmp_path / "new" / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["system"] for row in rows] == ["BM25", "SPLADE start", "SPLADE distilled"]
    assert rows[0]["query_terms"] == ""
    stored = json.loads((tmp_path / "new" / "report.json").read_text())
    assert stored["rows"][2]["p_versus_start"] < 0.001
    assert (tmp_path / "new" / "report.md").read_text() == table


def test_the_table_fits_a_terminal():
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(report().table())
    text = console.export_text()
    assert "SPLADE distilled" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_an_unwritable_report(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MenuraError, match="cannot write the report"):
        report().write(tmp_path / "file")


def test_a_search_without_a_clock():
    assert Report("c", 1, 1, [Row("x", report().rows[0].scores)]).records()[0]["queries_per_second"] is None
    assert Search({}, None).document_terms is None
