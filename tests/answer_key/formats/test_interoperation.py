"""What is exported is read by those it is for, as far as they are installed here."""

from __future__ import annotations

import datasets
import ir_measures
import numpy as np
import pytest
from datasets import load_dataset
from sentence_transformers.util.dataset import resolve_ids

from menura.answer_key import export_scores
from records import RECORDS, TEXTS

FIRST = RECORDS[0]
FIRST_TEXTS = [TEXTS.passage(passage, "") for passage in FIRST.passages]


@pytest.fixture
def load(tmp_path):
    """`load_dataset` with a cache of its own."""
    datasets.disable_progress_bars()
    return lambda *arguments, **options: load_dataset(*arguments, cache_dir=str(tmp_path / "cache"), **options)


def test_sentence_transformers_resolves_three_tables(tmp_path, load):
    export_scores("lighton", tmp_path / "kd", RECORDS, TEXTS)
    tables = {name: load(str(tmp_path / "kd"), name, split="train") for name in ("train", "queries", "documents")}
    lookups = {"query_id": tables["queries"], "document_ids": tables["documents"]}
    tables["train"].set_transform(resolve_ids(lookups))
    row = tables["train"][0]
    assert row["query"] == TEXTS.query(FIRST.query, "")
    assert [row[f"document_{place}"] for place in range(1, 7)] == FIRST_TEXTS
    assert row["scores"] == pytest.approx(FIRST.scores, abs=1e-6)
    assert next(iter(row)) == "query"


@pytest.mark.parametrize(("kind", "name"), [("parquet", "t.parquet"), ("json", "t.jsonl"), ("json", "t.jsonl.gz")])
def test_sentence_transformers_columns(tmp_path, load, kind, name):
    export_scores("sbert-columns", tmp_path / name, RECORDS, TEXTS)
    table = load(kind, data_files=str(tmp_path / name), split="train")
    assert table.column_names == ["query", "positive", *(f"negative_{place}" for place in range(1, 5)), "scores"]
    assert len(table) == 2 * len(RECORDS)
    assert table[1]["positive"] == FIRST_TEXTS[1]
    assert table[1]["scores"] == pytest.approx(FIRST.scores[1:], abs=1e-6)


@pytest.mark.parametrize("name", ["flagembedding", "tevatron", "tevatron-reranker", "opensearch", "sbert-negatives"])
def test_json_lines_load_as_tables(tmp_path, load, name):
    export_scores(name, tmp_path / "t.jsonl", RECORDS, TEXTS)
    assert len(load("json", data_files=str(tmp_path / "t.jsonl"), split="train")) == len(RECORDS)


def test_sentence_transformers_resolves_margins(tmp_path, load):
    export_scores("sbert-margins", tmp_path / "t.parquet", RECORDS, TEXTS)
    table = load("parquet", data_files=str(tmp_path / "t.parquet"), split="train")
    corpus = datasets.Dataset.from_dict({"passage_id": list(TEXTS.corpus), "passage": list(TEXTS.corpus.values())})
    queries = datasets.Dataset.from_dict({"query_id": list(TEXTS.queries), "query": list(TEXTS.queries.values())})
    table.set_transform(resolve_ids({"query_id": queries, "positive_id": corpus, "negative_id": corpus}))
    row = table[0]
    assert (row["query"], row["positive"], row["negative"]) == (
        TEXTS.query(FIRST.query, ""),
        FIRST_TEXTS[0],
        FIRST_TEXTS[2],
    )
    assert row["score"] == pytest.approx(FIRST.scores[0] - FIRST.scores[2], abs=1e-6)


def test_trec_tools_read_runs(tmp_path):
    export_scores("trec-run", tmp_path / "run.txt", RECORDS, TEXTS)
    found = [
        (row.query_id, row.doc_id, np.float32(row.score))
        for row in ir_measures.read_trec_run(str(tmp_path / "run.txt"))
    ]
    expected = {
        (record.query, passage, np.float32(score))
        for record in RECORDS
        for passage, score in zip(record.passages, record.scores, strict=True)
    }
    assert set(found) == expected
    assert len(found) == len(expected)
