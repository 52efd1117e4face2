"""What is written is read again, in every format that can be both."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menura import MenuraError
from menura.answer_key import export_scores
from menura.answer_key.formats import FORMATS, Judged, Texts, format_named
from records import COUPLES, LABELLED, RECORDS, TEXTS, WRITTEN, margins_of, positives_of, scores_of, target_of


def there_and_back(name, records, texts, folder):
    target = target_of(name, folder)
    assert export_scores(name, target, records, texts) == len(records)
    assert [file.name for file in folder.iterdir()] == [target.name]
    return list(FORMATS[name].read(target))


def as_float32(scores):
    return {pair: np.float32(score) for pair, score in scores.items()}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_is_read_again(name, tmp_path):
    form = FORMATS[name]
    found = there_and_back(name, RECORDS, TEXTS, tmp_path)
    texts = TEXTS if form.identifies == "texts" else None
    if form.holds == "scores":
        assert as_float32(scores_of(found)) == as_float32(scores_of(RECORDS, texts))
    if form.holds == "margins":
        assert margins_of(found) == pytest.approx(margins_of(RECORDS), abs=1e-5)
    if form.holds == "lists":
        assert [record.passages for record in found] == [record.passages for record in RECORDS]
    if name in LABELLED:
        assert positives_of(found) == positives_of(RECORDS, texts)
    if name not in COUPLES | {"sbert-columns"}:
        assert len(found) == len(RECORDS)


# Of one length, for formats that need it; with ties, signs, and the ends of what float32 holds.
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**100), max_value=2.0**100)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1).filter(str.strip)


@st.composite
def collections(draw):
    identifiers = draw(st.lists(st.integers(0, 2**40), min_size=8, max_size=8, unique=True))
    passages = dict(zip(map(str, identifiers), draw(st.lists(TEXT, min_size=8, max_size=8, unique=True)), strict=True))
    queries = dict(zip("012", draw(st.lists(TEXT, min_size=3, max_size=3, unique=True)), strict=True))
    records = []
    for query in queries:
        chosen = draw(st.permutations(list(passages)))[:4]
        scores = draw(st.lists(FLOATS, min_size=4, max_size=4))
        positives = draw(st.sampled_from([1, 1, 2]) if not records else st.just(sum(records[0].relevant)))
        relevant = [position < positives for position in range(4)]
        records.append(Judged("candidates", query, chosen, scores, relevant=relevant))
    return records, Texts(queries, passages)


@pytest.mark.parametrize("name", [name for name in WRITTEN if FORMATS[name].holds == "scores"])
@settings(max_examples=6, deadline=None)
@given(collections())
def test_any_scores_and_texts_round_trip(name, drawn):
    records, texts = drawn
    with tempfile.TemporaryDirectory() as folder:
        found = there_and_back(name, records, texts, Path(folder))
    expected = scores_of(records, texts if FORMATS[name].identifies == "texts" else None)
    assert as_float32(scores_of(found)) == as_float32(expected)


@pytest.mark.parametrize("name", ["sbert-columns", "sbert-lists", "sbert-margins", "rank-distillm"])
def test_tables_are_json_lines_as_well(name, tmp_path):
    for suffix in ("parquet", "jsonl", "jsonl.gz"):
        export_scores(name, tmp_path / f"t.{suffix}", RECORDS, TEXTS)
    read = [list(FORMATS[name].read(tmp_path / f"t.{suffix}")) for suffix in ("parquet", "jsonl", "jsonl.gz")]
    plain = [[replace(record, place="", scores=None, margins=None) for record in records] for records in read]
    assert plain[0] == plain[1] == plain[2]


def test_origins_survive_where_a_format_has_them(tmp_path):
    found = there_and_back("sbert-negatives", RECORDS, TEXTS, tmp_path)
    origins = dict(zip(found[0].passages, found[0].origins, strict=True))
    assert origins == dict(zip(RECORDS[0].passages, RECORDS[0].origins, strict=True))


def test_runs_are_ranked(tmp_path):
    tied = Judged("candidates", "q", ["a", "b", "c"], [1.5, 2.5, 1.5])
    export_scores("trec-run", tmp_path / "run", [tied], TEXTS)
    assert (tmp_path / "run").read_text() == "q Q0 b 1 2.5 menura\nq Q0 a 2 1.5 menura\nq Q0 c 3 1.5 menura\n"


def test_scores_have_no_more_digits_than_float32(tmp_path):
    record = Judged("candidates", "q", ["a"], [float(np.float32(17.09))])
    export_scores("rank-distillm", tmp_path / "t.jsonl", [record], TEXTS)
    assert (tmp_path / "t.jsonl").read_text() == '{"qid": "q", "docno": "a", "rank": 1, "score": 17.09}\n'


def test_so_many_negatives(tmp_path, caplog):
    short = replace(RECORDS[0].only([0, 1, 2]), query="3")
    with pytest.raises(MenuraError, match="has 1 negatives and the first one 4, and all rows need the same columns"):
        export_scores("sbert-columns", tmp_path / "t.parquet", [RECORDS[0], short], TEXTS)
    assert export_scores("sbert-columns", tmp_path / "t.parquet", [RECORDS[0], short], TEXTS, negatives=3) == 1
    assert "1 of 2 queries have fewer than 3 negatives and are left out" in caplog.text
    found = list(FORMATS["sbert-columns"].read(tmp_path / "t.parquet"))
    assert [len(record.passages) for record in found] == [4, 4]
    with pytest.raises(MenuraError, match="there is nothing to export"):
        export_scores("sbert-columns", tmp_path / "t.parquet", RECORDS, TEXTS, negatives=5)


@pytest.mark.parametrize(
    ("name", "record", "message"),
    [
        ("colbert", Judged("c", "q1", ["1"], [1.0]), "ids must be whole numbers in this format, and 'q1' is none"),
        ("colbert", Judged("c", "1", ["01"], [1.0]), "'01' is none"),
        ("light-splade", Judged("c", "1", ["p"], [1.0]), "'p' is none"),
        ("lighton", Judged("c", "1", ["1"]), "there are no scores to write"),
        ("lighton", Judged("c", "1", ["nowhere"], [1.0]), "no passage of the collection has the id 'nowhere'"),
        ("tevatron-reranker", Judged("c", "nobody", ["1"], [1.0]), "no query of the collection has the id 'nobody'"),
        ("flagembedding", Judged("c", "1", ["1"], [1.0]), "needs a positive"),
        ("hofstatter", Judged("c", "1", ["1"], [1.0], relevant=[True]), "a format of triples needs a negative"),
        ("hofstatter", Judged("c", "1", ["1\t2", "3"], [1.0, 0.0], relevant=[True, False]), "cannot stand in a line"),
        ("gpl", Judged("c", "1", ["1", "2"], [3e38, -3e38], relevant=[True, False]), "is too large"),
        ("trec-run", Judged("c", "1", ["a b"], [1.0]), "an id with a blank in it"),
        ("score-map", Judged("c", "1", ["1"], [1.0]), "the format score-map is read, not written; there are: lighton"),
        ("csv", Judged("c", "1", ["1"], [1.0]), "there is no format 'csv'; there are: lighton, "),
    ],
)
def test_what_a_format_cannot_hold(name, record, message, tmp_path):
    with pytest.raises(MenuraError) as raised:
        export_scores(name, tmp_path / "t", [record], TEXTS)
    assert message in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_names():
    assert format_named("gpl").holds == "margins"
    assert all(name == form.name for name, form in FORMATS.items())
