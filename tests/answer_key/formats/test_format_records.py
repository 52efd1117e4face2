"""Literal records of every format, as their makers write them; and what of them is refused."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from menura import MenuraError
from menura.answer_key.formats import FORMATS, Judged


def read(name, path, *lines):
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return list(FORMATS[name].read(path))


LITERAL = [
    (
        "lighton",
        {"query_id": 54528, "document_ids": [6862419, 335116], "scores": [0.4546, 0.6576]},
        Judged("", "54528", ["6862419", "335116"], [0.4546, 0.6576]),
    ),
    (
        "lighton",
        {"query_id": 1, "document_ids": "[6862419, 335116]", "scores": "[0.4546, 1]"},
        Judged("", "1", ["6862419", "335116"], [0.4546, 1.0]),
    ),
    (
        "lighton",
        {"query_id": "q", "document_ids": "['a', 'b']", "scores": [1, 2], "positive_ids": ["b"]},
        Judged("", "q", ["a", "b"], [1.0, 2.0], relevant=[False, True]),
    ),
    (
        "sbert-negatives",
        {"qid": 867436, "pos": [5], "neg": {"bm25": [7, 8], "tas-b": [8, 9]}},
        Judged(
            "",
            "867436",
            ["5", "7", "8", "9"],
            relevant=[True, False, False, False],
            origins=["positive", "bm25", "bm25", "tas-b"],
        ),
    ),
    (
        "sbert-negatives",
        {"qid": 1, "pos": [{"pid": 5, "ce-score": 9.7}], "neg": {"bm25": [{"pid": 7, "ce-score": -3.1}]}},
        Judged("", "1", ["5", "7"], [9.7, -3.1], relevant=[True, False], origins=["positive", "bm25"]),
    ),
    (
        "sbert-columns",
        {"query": "q", "positive": "p", "negative_1": "n", "scores": [2.5, -1]},
        Judged("", "q", ["p", "n"], [2.5, -1.0], relevant=[True, False]),
    ),
    (
        "sbert-columns",
        {"query": "q", "positive": "p", "negative_1": "n", "negative_2": "m", "label": [2.5, -1]},
        Judged("", "q", ["p", "n", "m"], margins=[2.5, -1.0], relevant=[True, False, False]),
    ),
    (
        "sbert-columns",
        {"query": "q", "positive": "p", "negative": "n", "label": 2.5},
        Judged("", "q", ["p", "n"], margins=[2.5], relevant=[True, False]),
    ),
    ("sbert-columns", {"query": "q", "passage": "p", "score": 2.5}, Judged("", "q", ["p"], [2.5])),
    (
        "sbert-lists",
        {"query_id": "1", "doc_ids": ["5", "7"], "labels": [1, 0]},
        Judged("", "1", ["5", "7"], relevant=[True, False]),
    ),
    ("sbert-lists", {"query_id": 1, "doc_ids": [5, 7]}, Judged("", "1", ["5", "7"])),
    (
        "sbert-margins",
        {"query_id": "400296", "positive_id": "1540783", "negative_id": "3518497", "score": 4.028059},
        Judged("", "400296", ["1540783", "3518497"], margins=[4.028059], relevant=[True, False]),
    ),
    ("colbert", [93927, [4867474, 17.09], [1211221, 12]], Judged("", "93927", ["4867474", "1211221"], [17.09, 12.0])),
    ("colbert", [93927, 4867474, 1211221], Judged("", "93927", ["4867474", "1211221"])),
    ("hofstatter", "9.1\t-2\t1\t5\t7", Judged("", "1", ["5", "7"], [9.1, -2.0], relevant=[True, False])),
    (
        "hofstatter-texts",
        "9.1\t-2\ta query\tits answer\tno answer",
        Judged("", "a query", ["its answer", "no answer"], [9.1, -2.0], relevant=[True, False]),
    ),
    ("gpl", "1\t5\t7\t-0.5", Judged("", "1", ["5", "7"], margins=[-0.5], relevant=[True, False])),
    ("trec-run", "q1  Q0\td9 1 12.25 tag", Judged("", "q1", ["d9"], [12.25])),
    ("rank-distillm", {"qid": "1", "docno": "7", "score": 0.5}, Judged("", "1", ["7"], [0.5])),
    ("rank-distillm", {"query_id": 1, "passage_id": 7, "score": 0.5}, Judged("", "1", ["7"], [0.5])),
    ("light-splade", {"qid": 1, "scores": {"123": 0.75, "5": 2}}, Judged("", "1", ["123", "5"], [0.75, 2.0])),
    (
        "flagembedding",
        {"query": "q", "pos": ["p"], "neg": ["n", "m"], "pos_scores": [8.1], "neg_scores": [-2.3, 0], "prompt": ""},
        Judged("", "q", ["p", "n", "m"], [8.1, -2.3, 0.0], relevant=[True, False, False]),
    ),
    (
        "flagembedding",
        {"query": "q", "pos": ["p"], "neg": ["n"]},
        Judged("", "q", ["p", "n"], relevant=[True, False]),
    ),
    (
        "tevatron",
        {
            "query_id": "1",
            "query": "q",
            "positive_passages": [{"docid": "5", "title": "T", "text": "p", "score": 1}],
            "negative_passages": [{"docid": "7", "title": "", "text": "n", "score": -1.5}],
        },
        Judged("", "q", ["T p", "n"], [1.0, -1.5], relevant=[True, False]),
    ),
    (
        "tevatron-reranker",
        {"query_id": "1", "query": "q", "passages": [{"title": "T", "text": "p"}], "scores": [0.5]},
        Judged("", "q", ["T p"], [0.5]),
    ),
    ("opensearch", {"query": "q", "docs": ["a", "b"], "scores": [1.0, 5.0]}, Judged("", "q", ["a", "b"], [1.0, 5.0])),
    (
        "opensearch",
        {"query": "q", "pos": "a", "negs": ["b"]},
        Judged("", "q", ["a", "b"], relevant=[True, False]),
    ),
]


@pytest.mark.parametrize(("name", "line", "expected"), LITERAL)
def test_literal_records(name, line, expected, tmp_path):
    (found,) = read(name, tmp_path / "file", line)
    assert found == Judged(
        f"{tmp_path / 'file'}:1",
        expected.query,
        expected.passages,
        expected.scores,
        expected.margins,
        expected.relevant,
        expected.origins,
    )


REFUSED = [
    ("lighton", {"query_id": 1, "document_ids": [1, 2], "scores": [0.5]}, "2 passages need 2 scores, not 1"),
    ("lighton", {"query_id": 1, "document_ids": [1, "2"], "scores": [0.5, 1]}, "the passage id '2' is of type str"),
    ("lighton", {"query_id": 1, "document_ids": "1, 2", "scores": [0.5, 1]}, "'document_ids' must be a list"),
    ("lighton", {"query_id": 1, "document_ids": [1], "scores": ["0.5"]}, "'scores' must hold numbers only"),
    ("lighton", {"query_id": 1, "document_ids": [1]}, "expected the column 'scores'"),
    ("lighton", {"query_id": None, "document_ids": [1], "scores": [1]}, "expected the column 'query_id'"),
    ("lighton", {"query_id": 1, "document_ids": [], "scores": []}, "there are no passages"),
    ("lighton", {"query_id": 1, "document_ids": [5, 5], "scores": [1, 2]}, "the passage '5' stands twice"),
    ("lighton", '{"query_id": 1, "document_ids": [5], "scores": [NaN]}', "nan is not a score"),
    ("lighton", '{"query_id": 1, "document_ids": [5], "scores": [-Infinity]}', "-inf is not a score"),
    ("lighton", '{"query_id": 1, "document_ids": [5], "scores": [1e39]}', "1e+39 is not a score"),
    ("sbert-negatives", {"qid": 1, "pos": [5], "neg": [7]}, "'neg' must be an object of lists"),
    ("sbert-negatives", {"qid": 1, "pos": [5], "neg": {"bm25": [5]}}, "with different scores or labels"),
    (
        "sbert-negatives",
        {"qid": 1, "pos": [5], "neg": {"bm25": [{"pid": 7, "ce-score": 1}]}},
        "some passages have a score and some have none",
    ),
    (
        "sbert-negatives",
        {
            "qid": 1,
            "pos": [{"pid": 5, "ce-score": 1}],
            "neg": {"a": [{"pid": 7, "ce-score": 1}], "b": [{"pid": 7, "ce-score": 2}]},
        },
        "the passage '7' stands twice",
    ),
    ("sbert-columns", {"query": "q", "label": 1}, "expected a column for the query and one for each passage"),
    ("sbert-columns", {"query": "q", "positive": "p", "negative": 7, "label": 1}, "'negative' must be a string"),
    (
        "sbert-columns",
        {"query": "q", "positive": "p", "negative": "n", "scores": [1, 2, 3]},
        "2 passages need 2 scores, not 3",
    ),
    (
        "sbert-columns",
        {"query": "q", "positive": "p", "negative": None, "scores": [1, 2]},
        "expected the column 'negative'",
    ),
    ("sbert-lists", {"query_id": 1, "doc_ids": [5], "labels": [0.5]}, "'labels' must be 0 or 1"),
    ("sbert-margins", {"query_id": 1, "positive_id": 5, "negative_id": "7", "score": 1}, "is of type str"),
    ("sbert-margins", {"query_id": 1, "positive_id": 5, "negative_id": 7, "score": "1"}, "must hold numbers only"),
    ("colbert", {"qid": 1}, "expected [query, [passage, score], ...]"),
    ("colbert", [1], "expected [query, [passage, score], ...]"),
    ("colbert", [1, [5, 1.0], 7], "expected [query, [passage, score], ...]"),
    ("colbert", [1, [5, "1.0"]], "expected [query, [passage, score], ...]"),
    ("colbert", [1, [9.5, 1.0]], "a passage id must be a string or a whole number"),
    ("hofstatter", "9.1\t-2\t1\t5", "expected 5 fields separated by tabs"),
    ("hofstatter", "9.1\t-2\t1\t5\t", "expected 5 fields separated by tabs"),
    ("hofstatter", "9.1\tx\t1\t5\t7", "expected a score; got 'x'"),
    ("hofstatter", "9.1\tnan\t1\t5\t7", "nan is not a score"),
    ("gpl", "1 5 7 0.5", "expected 4 fields separated by tabs"),
    ("trec-run", "1 Q0 5 1 0.5", "expected query, Q0, passage, rank, score and tag"),
    ("trec-run", "1 Q0 5 1 high tag", "expected a score; got 'high'"),
    ("rank-distillm", {"qid": "1", "docno": "7"}, "expected the column 'score'"),
    ("light-splade", {"qid": 1, "scores": [0.5]}, "'scores' must be an object"),
    ("light-splade", {"qid": 1, "scores": {"5": "0.5"}}, "'scores' must hold numbers only"),
    ("light-splade", {"qid": 1, "scores": {}}, "there are no passages"),
    ("light-splade", '{"qid": 1, "scores": {"5": 1, "5": 2}}', "the key '5' stands twice"),
    ("flagembedding", {"query": "q", "pos": "p", "neg": []}, "'pos' must be a list"),
    (
        "flagembedding",
        {"query": "q", "pos": ["p"], "neg": ["n"], "pos_scores": [1]},
        "expected the column 'neg_scores'",
    ),
    (
        "flagembedding",
        {"query": "q", "pos": ["p"], "neg": ["n"], "pos_scores": [1, 2], "neg_scores": []},
        "1 positives and 1 negatives have 2 and 0 scores",
    ),
    (
        "tevatron",
        {"query": "q", "positive_passages": [{"text": "p", "score": 1}], "negative_passages": [{"text": "n"}]},
        "some passages have a score and some have none",
    ),
    ("tevatron", {"query": "q", "positive_passages": ["p"], "negative_passages": []}, "must be a list of objects"),
    (
        "tevatron",
        {"query": "q", "positive_passages": [{"docid": "5"}], "negative_passages": []},
        "expected the column 'text'",
    ),
    ("tevatron-reranker", '{"query": "q", "passages": [{"text": "p"}], "scores": [NaN]}', "nan is not a score"),
    ("opensearch", {"query": "q", "docs": ["a"], "scores": None}, "expected the column 'scores'"),
]


@pytest.mark.parametrize(("name", "line", "message"), REFUSED)
def test_what_is_refused_is_shown_with_its_place(name, line, message, tmp_path):
    with pytest.raises(MenuraError) as raised:
        read(name, tmp_path / "file", line)
    assert f"{tmp_path / 'file'}:1: " in str(raised.value)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("lighton", *({"query_id": i, "document_ids": [1], "scores": [1]} for i in (1, "2"))),
        ("colbert", *([i, [1, 1.0]] for i in (1, "2"))),
        ("sbert-lists", *({"query_id": i, "doc_ids": [1]} for i in (1, "2"))),
        ("rank-distillm", *({"qid": i, "docno": 1, "score": 1} for i in (1, "2"))),
        ("light-splade", *({"qid": i, "scores": {"1": 1}} for i in (1, "2"))),
        ("sbert-negatives", *({"qid": i, "pos": [1], "neg": {}} for i in (1, "2"))),
    ],
)
def test_ids_of_one_type_throughout_a_file(name, first, second, tmp_path):
    with pytest.raises(MenuraError, match=r"file:2: the query id '2' is of type str, those before it are of type int"):
        read(name, tmp_path / "file", first, second)


def test_lines_of_one_query_are_one_record(tmp_path):
    found = read("trec-run", tmp_path / "run", "a Q0 x 1 2.5 t", "a Q0 y 2 1.5 t", "b Q0 x 1 1 t", "a Q0 z 1 0 t")
    assert [(record.query, record.passages) for record in found] == [("a", ["x", "y"]), ("b", ["x"]), ("a", ["z"])]
    with pytest.raises(MenuraError, match="run:1: the passage 'x' stands twice"):
        read("trec-run", tmp_path / "run", "a Q0 x 1 2.5 t", "a Q0 x 2 1.5 t")


def test_nothing_in_a_file(tmp_path):
    for name in set(FORMATS) - {"score-map"}:
        assert read(name, tmp_path / "file") == []


def test_integers_and_nulls_of_parquet(tmp_path):
    table = pa.table({"query_id": [1, 2], "document_ids": [[5, 7], [5, None]], "scores": [[1.5, 2.5], [1.5, 2.5]]})
    pq.write_table(table, tmp_path / "train.parquet")
    found = FORMATS["lighton"].read(tmp_path)
    assert next(found).passages == ["5", "7"]
    with pytest.raises(MenuraError, match=r"train.parquet row 2: a passage id must be a .* number; got None"):
        next(found)


def test_shards_are_read_in_order(tmp_path):
    for number in (1, 0):
        name = tmp_path / "train" / f"train-0000{number}-of-00002.jsonl"
        name.parent.mkdir(exist_ok=True)
        name.write_text(json.dumps({"query_id": number, "document_ids": [5], "scores": [1.0]}) + "\n")
    assert [record.query for record in FORMATS["lighton"].read(tmp_path)] == ["0", "1"]
