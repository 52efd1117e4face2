"""Finished outputs side by side: who is held against whom, over queries and over seeds, and what is refused."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from scipy.stats import t

from menura import MenuraError
from menura.evaluation import METRICS, Report, Row, compare
from menura.evaluation.side_by_side import SideBySide, group_outputs
from menura.evaluation.significance import holm

QUERIES = [f"q, {i}" for i in range(30)]  # ids may hold commas
MEASURED_ON = {"queries": "a", "judgements": "b", "passages": "c"}
NOTHING = "–"  # noqa: RUF001


def values(quality, seed=0):
    generator = random.Random(seed)
    per_query = {query: quality + generator.random() / 10 for query in QUERIES}
    return dict.fromkeys(METRICS, per_query)


@pytest.fixture
def write(tmp_path):
    """Write an output of these systems."""

    def written(name, *, queries=30, measured_on=MEASURED_ON, **systems):
        rows = [Row("BM25", values(0.5)), *(Row(system, scores) for system, scores in systems.items())]
        Report("docs", 100, queries, rows, measured_on=measured_on).write(tmp_path / name)
        return tmp_path / name

    return written


def compared(*folders, seeds=1):
    return SideBySide.of(group_outputs(folders, seeds))


def test_each_output_against_the_first_on_the_same_queries(write):
    first, second = write("a", colbert=values(0.5)), write("b", colbert=values(0.6, seed=1))
    rows = compared(first, second).rows
    assert [(row.system, row.output) for row in rows] == [("BM25", "all"), ("colbert", "a"), ("colbert", "b")]
    expected = compare(values(0.6, seed=1)["nDCG@10"], values(0.5)["nDCG@10"])
    assert rows[2].difference.value == pytest.approx(expected.difference)
    assert rows[2].difference.low < expected.difference < rows[2].difference.high
    assert rows[2].p == rows[2].p_holm == expected.p
    assert rows[0].p is rows[1].p is rows[1].difference is None


def test_p_values_are_corrected_for_all_comparisons(write):
    folders = [write(name, colbert=values(0.5, seed), splade=values(0.4, seed)) for seed, name in enumerate("abc")]
    rows = [row for row in compared(*folders).rows if row.p is not None]
    assert len(rows) == 4
    assert [row.p_holm for row in rows] == holm([row.p for row in rows])


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.6, 0.5], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([], []),
    ],
)
def test_holm(p_values, expected):
    assert holm(p_values) == pytest.approx(expected)


def test_seeds_are_averaged_query_by_query(write):
    folders = [
        write(f"{name}_{seed}", colbert=values(quality, seed))
        for name, quality in (("demo", 0.5), ("joint", 0.6))
        for seed in (13, 14, 15)
    ]
    found = compared(*folders, seeds=3)
    assert [row.output for row in found.rows] == ["all", "demo", "joint"]
    joint = found.rows[2]
    means = [sum(values(0.6, seed)["nDCG@10"].values()) / 30 for seed in (13, 14, 15)]
    middle = sum(means) / 3
    deviation = (sum((mean - middle) ** 2 for mean in means) / 2) ** 0.5
    assert joint.averages["nDCG@10"] == pytest.approx(middle)
    assert joint.over_seeds[1] - middle == pytest.approx(t.ppf(0.975, 2) * deviation / 3**0.5)
    assert middle - joint.over_seeds[0] == pytest.approx(joint.over_seeds[1] - middle)
    assert joint.difference.value == pytest.approx(0.1)
    assert "Means of 3 seeds" in found.markdown()


@pytest.mark.parametrize(
    ("names", "seeds", "expected"),
    [
        (("a", "b"), 1, ["a", "b"]),
        (("x/a", "y/a"), 1, ["x/a", "y/a"]),
        (("a_1", "b-1"), 1, ["a_1", "b-1"]),
        (("a_1", "a_2", "b13", "b14"), 2, ["a", "b"]),
        (("a/1", "a/2", "b/1", "b/2"), 2, ["a", "b"]),
        (("a_1", "a_2", "a_3", "a_4"), 2, ["a_1", "a_3"]),
    ],
)
def test_how_outputs_are_called(write, tmp_path, monkeypatch, names, seeds, expected):
    for name in names:
        write(name)
    monkeypatch.chdir(tmp_path)
    assert list(group_outputs([Path(name) for name in names], seeds)) == expected


def test_what_only_one_output_has_is_not_compared(write):
    first, second = write("a", colbert=values(0.5)), write("b", splade=values(0.4))
    rows = {row.system: row for row in compared(first, second).rows}
    assert (rows["colbert"].output, rows["splade"].output) == ("a", "b")
    assert rows["splade"].p is None


def test_the_files_hold_the_same_figures(write, tmp_path):
    found = compared(write("a", colbert=values(0.5)), write("b", colbert=values(0.6, seed=1)))
    found.write(tmp_path / "new" / "folder")
    with (tmp_path / "new" / "folder" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["output"] for row in rows] == ["all", "a", "b"]
    assert float(rows[2]["difference"]) == found.rows[2].difference.value
    assert rows[0]["difference"] == rows[1]["p"] == ""
    lines = (tmp_path / "new" / "folder" / "comparison.md").read_text().splitlines()
    cells = [cell.strip() for cell in lines[-3].split("|")[1:-1]]
    assert cells[:2] == ["colbert", "b"]
    assert cells[-2:] == ["<0.0001", "<0.0001"]
    assert [cell.strip() for cell in lines[-4].split("|")[1:-1]][-4:] == [NOTHING] * 4


def test_one_query_has_no_interval(write, monkeypatch):
    monkeypatch.setattr("test_side_by_side.QUERIES", ["q"])
    found = compared(write("a", queries=1, x=values(0.5)), write("b", queries=1, x=values(0.6)))
    assert found.rows[2].over_queries.low is None
    assert found.rows[2].p == 1


@pytest.mark.parametrize("name", MEASURED_ON)
def test_outputs_that_were_measured_on_something_else(write, name):
    first, second = write("a"), write("b", measured_on={**MEASURED_ON, name: "x"})
    with pytest.raises(MenuraError, match=rf"b was measured on other {name} than .*a; only"):
        compared(first, second)


def test_folders_that_cannot_be_compared(write, tmp_path):
    folders = [write(name, x=values(0.5)) for name in ("a", "b", "c")]
    for given, seeds, expected in (
        (folders[:1], 1, "give two or more outputs; got 1"),
        (folders, 2, "give a multiple of 2 outputs; got 3"),
        ([folders[0], folders[0]], 1, "a stands twice"),
        ([folders[0], tmp_path / "nothing"], 1, "nothing/report.json: No such file"),
    ):
        with pytest.raises(MenuraError, match=expected):
            compared(*given, seeds=seeds)
    other = write("d", y=values(0.5))
    with pytest.raises(MenuraError, match=r"'x' and .*d has not"):
        compared(folders[0], other, folders[1], folders[2], seeds=2)


def test_reports_that_are_not_whole(write):
    first, second = write("a", x=values(0.5)), write("b", x=values(0.6))
    table = second / "report_queries.csv"
    whole = table.read_text()
    for text, expected in (
        (whole[: len(whole) // 2], "is not whole|lacks queries of x"),
        ("\n".join(whole.splitlines()[:-1]), "lacks queries of x"),
        (whole.replace("0.6", "much", 1), "is not whole"),
        ("", "lacks queries of all"),
    ):
        table.write_text(text)
        with pytest.raises(MenuraError, match=expected):
            compared(first, second)
    table.write_text(whole)
    report = json.loads((second / "report.json").read_text())
    (second / "report.json").write_text(json.dumps({**report, "measured_on": {}}))
    with pytest.raises(MenuraError, match=r"is not whole .'queries'.; evaluate anew"):
        compared(first, second)
