"""The page and its figures: whole, escaped, at rest on its own; and what cannot be graded is said, not crashed on."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import asdict
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from rich.console import Console

from menura import MenuraError
from menura.evaluation.report_card import Judged, grade_teacher, summary, write_card
from menura.evaluation.report_card.page import page
from menura.evaluation.report_card.svg import Plot, ticks

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """Open and closed elements, in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(judged):
    text = page(grade_teacher(judged))
    found = Outline(text)
    assert found.open == []
    assert not re.search(
        r"https?:|//[a-z]|<script|<link|<img|@import|url\(|\bnan\b|\binf\b|(?-i:None)", text, re.IGNORECASE
    )
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)
    return found, text


def test_a_page_is_well_formed_and_needs_nothing_else(make_judged):
    found, text = outline(make_judged(others={"a student": make_judged().scores["BM25"]}))
    tags = [tag for tag, _ in found.seen]
    assert tags.count("svg") == 1 + 3 + 2 + 2 + 6
    assert all(attributes["aria-label"] for tag, attributes in found.seen if tag == "svg")
    assert "prefers-color-scheme: dark" in text
    assert "Can I trust this teacher?" in text
    assert "judged not relevant" not in text


def test_explicit_judgements_are_kept_apart(make_judged):
    def relabel(query_id, grades):
        return {**grades, f"{query_id}p05": 0}

    card = grade_teacher(make_judged(relabel=relabel))
    assert (card.sample.relevant, card.sample.not_relevant, card.sample.not_judged) == (120, 60, 540)
    assert "judged not relevant" in page(card)


def test_foreign_text_is_escaped(make_judged):
    made = make_judged(10, rescore=lambda q, p, score: -score)
    evil = '<script>alert("x")</script>&amp;'
    judged = Judged(
        evil,
        evil,
        {query_id: f"{text} {evil}" for query_id, text in made.queries.items()},
        {passage_id: f"{text} {evil}" for passage_id, text in made.corpus.items()},
        made.qrels,
        {evil: made.scores["a teacher"], "<b>": made.scores["BM25"]},
        teacher=evil,
        baseline="<b>",
        candidates=evil,
        fingerprint=evil,
    )
    text = page(grade_teacher(judged))
    assert Outline(text).open == []
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "&amp;amp;" in text


def test_the_figures_are_written_whole(make_judged, tmp_path):
    card = grade_teacher(make_judged(8))
    path = write_card(card, tmp_path / "new")
    assert path.read_text(encoding="utf-8") == page(card)
    figures = json.loads(path.with_suffix(".json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert figures == json.loads(json.dumps(asdict(card)))
    assert figures["quality"][0]["per_query"].keys() == make_judged(8).queries.keys()


def test_a_folder_that_cannot_be_written(make_judged, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MenuraError, match=r"cannot write the report card to .*file"):
        write_card(grade_teacher(make_judged(2)), tmp_path / "file")


def test_the_table_for_a_terminal(make_judged):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(summary(grade_teacher(make_judged(rescore=lambda q, p, score: -score))))
    said = " ".join(console.export_text().split())
    assert said.startswith("No. On 60 judged queries")
    assert "fault: It scores relevant passages below the others" in said
    assert "[0." in said


@pytest.mark.parametrize("queries", [1, 2, 6])
def test_few_queries_say_so(make_judged, queries):
    judged = make_judged(queries)
    found = grade_teacher(judged).verdict
    assert found.answer == "Cannot tell yet"
    assert "few judged queries" in found.sentence
    outline(judged)


def test_queries_with_only_positives(make_judged):
    judged = make_judged(40, relevant=12)
    found = grade_teacher(judged).verdict
    assert found.answer == "Cannot tell yet"
    assert "every candidate is relevant" in found.sentence
    outline(judged)


def test_a_constant_teacher_has_a_page(make_judged):
    outline(make_judged(rescore=lambda *_: 0.0))


def test_one_candidate_a_query(make_judged):
    made = make_judged(3)
    run = {query_id: {f"{query_id}p00": 1.0} for query_id in made.queries}
    outline(Judged("c", "test", made.queries, made.corpus, made.qrels, {"a": run, "BM25": run}, "a", "BM25"))


def test_queries_without_a_relevant_candidate_are_left_out(make_judged):
    card = grade_teacher(make_judged(40, relabel=lambda q, grades: {} if q < "q005" else grades))
    assert (card.sample.queries, card.sample.left_out) == (35, 5)


@pytest.mark.parametrize("relabel", [lambda *_: {}, lambda q, grades: dict.fromkeys(grades, 0)])
def test_a_split_without_a_relevant_passage(make_judged, relabel):
    with pytest.raises(MenuraError, match=r"none of the 5 queries in the split 'test' of made up has a relevant"):
        grade_teacher(make_judged(5, relabel=relabel))


def test_an_empty_split():
    with pytest.raises(MenuraError, match=r"none of the 0 queries"):
        Judged("c", "dev", {}, {}, {}, {"a": {}, "BM25": {}}, "a", "BM25")


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_scores_must_be_numbers(make_judged, score):
    with pytest.raises(MenuraError, match=r"the score of a teacher for the query 'q000' and the passage 'q000p00' is"):
        make_judged(3, rescore=lambda *_: score)


def test_ids_must_be_known(make_judged):
    with pytest.raises(MenuraError, match=r"another answers the query 7, which is not in the queries"):
        make_judged(3, others={"another": {7: {"q000p00": 1.0}}})
    with pytest.raises(MenuraError, match=r"another scores the passage 'p' for the query 'q000'; the corpus has no"):
        make_judged(3, others={"another": {"q000": {"p": 1.0}}})


def test_the_baseline_must_have_scored_the_same(make_judged):
    with pytest.raises(MenuraError, match=r"BM25 has no score for 35 of the 36 pairs"):
        make_judged(3, others={"BM25": {"q000": {"q000p00": 1.0}}})
    made = make_judged(3)
    with pytest.raises(MenuraError, match=r"no scores of 'someone'; there are those of: a teacher, BM25"):
        Judged("c", "test", made.queries, made.corpus, made.qrels, made.scores, "someone", "BM25")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-0.93, 9.6, [0, 5]),
        (-3, 3, [-2, 0, 2]),
        (1e6, 1e6 + 1, [1e6 + step / 5 for step in range(6)]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_a_plot_without_an_extent_has_one():
    plot = Plot((3, 3), (0, 0), "flat")
    plot.dot(3, 0, "mark", "one & only")
    plot.x_axis("x")
    plot.y_axis()
    assert "one &amp; only" in plot.markup()
