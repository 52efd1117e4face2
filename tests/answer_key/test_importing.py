"""Other people's scores in the answer key: streamed, checked, once."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from menura import MenuraError
from menura.answer_key import AnswerKey, export_scores, import_scores, read_logits
from menura.answer_key.formats import FORMATS, Judged, ScoreScale, Texts

QUERIES = {str(number): f"query number {number}" for number in range(6)}
CORPUS = {str(number): f"passage number {number}" for number in range(40)} | {"blank": " "}
TEXTS = Texts(QUERIES, CORPUS)


def records(count=6, offset=0.0):
    return [
        Judged(
            "here",
            str(query),
            [str(query * 5 + place) for place in range(5)],
            [query + place / 3 + offset for place in range(5)],
            relevant=[True, False, False, False, False],
        )
        for query in range(count)
    ]


@pytest.fixture
def key(tmp_path):
    return AnswerKey(tmp_path / "key")


@pytest.fixture
def run(tmp_path):
    """A TREC run of the records."""
    export_scores("trec-run", tmp_path / "run.txt", records(), TEXTS)
    return tmp_path / "run.txt"


def imported(key, source, name="bge", form="trec-run", texts=TEXTS, **options):
    return import_scores(key, form, source, texts, teacher_name=name, **options)


def known(key, teacher, found):
    pairs = [(record.query, passage) for record in found for passage in record.passages]
    return read_logits(key, teacher, pairs, QUERIES, CORPUS)


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.write and form.holds == "scores"])
def test_scores_go_out_and_come_in(key, tmp_path, name):
    export_scores(name, tmp_path / "file", records(), TEXTS)
    summary = imported(key, tmp_path / "file", form=name, texts=None if FORMATS[name].identifies == "texts" else TEXTS)
    assert (summary.read, summary.known, summary.added) == (30, 0, 30)
    expected = {
        (record.query, passage): np.float32(score)
        for record in records()
        for passage, score in zip(record.passages, record.scores, strict=True)
    }
    assert known(key, summary.teacher, records()) == expected


def test_twice_adds_nothing(key, run):
    first = imported(key, run)
    again = imported(key, run)
    assert (again.read, again.known, again.added, again.teacher) == (30, 30, 0, first.teacher)


def test_a_teacher_of_its_own(key, run, tmp_path):
    summary = imported(key, run)
    details = key.teachers()[summary.teacher]
    assert (details["kind"], details["model"], details["activation"]) == ("imported", "bge", "unknown")
    assert (details["source"], details["format"]) == (str(run), "trec-run")
    assert len(details["sha256"]) == 64
    export_scores("trec-run", tmp_path / "other.txt", records(offset=1), TEXTS)
    other = imported(key, tmp_path / "other.txt", "gemma")
    assert other.teacher != summary.teacher
    assert known(key, other.teacher, records())["0", "0"] == 1.0
    assert known(key, summary.teacher, records())["0", "0"] == 0.0


def test_the_same_scores_under_another_name(key, run, tmp_path):
    imported(key, run)
    copy = tmp_path / "copy.txt"
    copy.write_bytes(run.read_bytes())
    assert imported(key, copy).added == 0
    with pytest.raises(MenuraError, match="these very scores are in the key as 'bge'; use that name, not 'gemma'"):
        imported(key, run, "gemma")


def test_chunks(key, run):
    assert imported(key, run, chunk_size=7).added == 30
    assert len(known(key, imported(key, run).teacher, records())) == 30


def test_an_import_that_was_cut_short_goes_on(key, run, monkeypatch):
    append, calls = AnswerKey.append, []

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 3:  # a third chunk
            raise KeyboardInterrupt
        append(*arguments, **options)

    monkeypatch.setattr(AnswerKey, "append", failing)
    with pytest.raises(KeyboardInterrupt):
        imported(key, run, chunk_size=7)
    summary = imported(key, run, chunk_size=7)
    assert (summary.known, summary.added) == (20, 10)
    assert set(key.teachers()) == {summary.teacher}


def triples(path, *rows):
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("chunk_size", [2, 100])
def test_a_pair_with_two_scores(key, tmp_path, chunk_size):
    source = triples(tmp_path / "t.tsv", (9.0, 1.0, 0, 1, 2), (8.0, 1.0, 1, 1, 2), (9.5, 1.0, 0, 1, 3))
    with pytest.raises(MenuraError, match=r"t.tsv:3: a query and a passage have the score 9.5, and 9.0 before"):
        imported(key, source, form="hofstatter", chunk_size=chunk_size)
    assert key.teachers() == {}
    assert len(key.scores.to_pyarrow_table()) == 0, "of a broken file nothing is kept"


def test_an_error_later_on_takes_nothing_away(key, run):
    summary = imported(key, run)
    with pytest.raises(MenuraError, match="no query of the collection has the id '3'"):
        imported(key, run, texts=Texts({number: QUERIES[number] for number in "012"}, CORPUS))
    assert len(known(key, summary.teacher, records())) == 30


@pytest.mark.parametrize("chunk_size", [2, 100])
def test_a_pair_that_comes_back(key, tmp_path, chunk_size):
    rows = (9.0, 1.0, 0, 1, 2), (9.0, 2.0, 0, 1, 3), (4.0, 3.0, 5, 1, 3), (9.001, 2.0, 0, 1, 3)
    summary = imported(key, triples(tmp_path / "t.tsv", *rows), form="hofstatter", chunk_size=chunk_size)
    assert summary.added == 5
    expected = {("0", "1"): 9.0, ("0", "2"): 1.0, ("0", "3"): 2.0, ("5", "1"): 4.0, ("5", "3"): 3.0}
    found = [Judged("", "0", ["1", "2", "3"]), Judged("", "5", ["1", "3"])]
    assert known(key, summary.teacher, found) == expected


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            (1.0, 2.0, 99, 1, 2),
            r"t.tsv:1: no query of the collection has the id '99'; its query ids look like '0', '1'",
        ),
        ((1.0, 2.0, 0, 1, "x"), r"t.tsv:1: no passage of the collection has the id 'x'"),
        ((1.0, 2.0, 0, 1, "blank"), r"t.tsv:1: the query or a passage is blank, and yet it has a score"),
        ((1.0, "nan", 0, 1, 2), "nan is not a score"),
    ],
)
def test_what_has_no_text_is_refused(key, tmp_path, row, message):
    with pytest.raises(MenuraError, match=message):
        imported(key, triples(tmp_path / "t.tsv", row), form="hofstatter")
    assert key.teachers() == {}


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("gpl", "0\t1\t2\t0.5\n", "a margin is the difference of two scores, and tells neither"),
        ("sbert-margins", '{"query_id": 0, "positive_id": 1, "negative_id": 2, "score": 1}\n', "a margin is"),
        ("sbert-negatives", '{"qid": 0, "pos": [1], "neg": {"bm25": [2]}}\n', "no scores for the answer key"),
        ("trec-run", "", "holds no scores"),
    ],
)
def test_files_without_scores(key, tmp_path, form, content, message):
    (tmp_path / "file").write_text(content)
    with pytest.raises(MenuraError, match=message):
        imported(key, tmp_path / "file", form=form)
    assert key.teachers() == {}


def test_ids_need_a_collection(key, run):
    with pytest.raises(MenuraError, match="the format trec-run names texts by ids; say of which collection"):
        imported(key, run, texts=None)


def test_constant_records_and_squashed_scores(key, tmp_path, caplog):
    source = triples(tmp_path / "t.tsv", (0.5, 0.1, 0, 1, 2), (0.25, 0.25, 1, 1, 2), (1.0, 1.0, 2, 1, 2))
    summary = imported(key, source, form="hofstatter")
    assert (summary.constant, summary.squashed) == (2, True)
    assert "there are 2, the first at" in caplog.text
    assert "t.tsv:2" in caplog.text
    assert "all scores lie in [0, 1]" in caplog.text
    caplog.clear()
    assert not imported(key, triples(tmp_path / "u.tsv", (0.5, -0.1, 0, 1, 2)), form="hofstatter").squashed
    assert caplog.text == ""


def test_scale_without_scores():
    scale = ScoreScale()
    scale.watch(Judged("", "q", ["a", "b"]))
    assert not scale.squashed
    scale.watch(Judged("", "q", ["a"], [0.5]))
    assert (scale.squashed, scale.constant) == (True, 0), "one score alone is not constant"


def test_a_long_file_is_never_held(tmp_path):
    path = triples(tmp_path / "t.tsv", *((17.09, -1.25, query, query + 1, query + 2) for query in range(50_000)))
    tracemalloc.start()
    pairs = sum(len(record.passages) for record in FORMATS["hofstatter"].read(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pairs == 100_000
    assert peak < 500_000 < path.stat().st_size
