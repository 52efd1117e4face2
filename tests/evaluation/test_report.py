"""The table: what is known as a figure, what is not as a dash."""

from __future__ import annotations

import csv
import io
import json
import random

import pytest
from rich.console import Console

from menura import MenuraError
from menura.evaluation import Report, Row

NOTHING = "–"  # noqa: RUF001


def scores(quality):
    generator = random.Random(0)
    values = {f"q{i}": quality + generator.random() / 10 for i in range(40)}
    return dict.fromkeys(("nDCG@10", "MRR@10", "Recall@100"), values)


@pytest.fixture
def report():
    rows = [
        Row("BM25", scores(0.5), seconds=0.01, document_seconds=2.0),
        Row("Teacher on BM25 top 100", scores(0.8)),
        Row("SPLADE start", scores(0.3), seconds=2.0, query_terms=60.4, document_terms=180.6),
        Row("SPLADE distilled", scores(0.7), 2.0, 31.0, 150.0, start="SPLADE start"),
    ]
    return Report("docstrings", 2500, 40, rows, ["A note."])


def cells(report):
    lines = [line for line in report.markdown().splitlines() if line.startswith("| ") and "---" not in line]
    return {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in lines}


def test_what_was_not_measured_is_a_dash(report):
    table = cells(report)
    assert table["System"][3:] == ["Terms q/d", "Queries/s", "p vs start", "p vs BM25"]
    assert table["BM25"][3:] == [NOTHING, "4,000", NOTHING, NOTHING]
    assert table["Teacher on BM25 top 100"][3:6] == [NOTHING, NOTHING, NOTHING]
    assert table["SPLADE start"][3:6] == ["60 / 181", "20", NOTHING]
    assert table["SPLADE distilled"][3:5] == ["31 / 150", "20"]


def test_no_p_value_is_shown_as_zero(report):
    assert cells(report)["SPLADE distilled"][5:] == ["<0.0001", "<0.0001"]
    assert report.records()[3]["p_versus_start"] > 0


def test_records_compare_with_the_own_start_and_with_the_first_row(report):
    distilled = report.records()[3]
    assert distilled["difference_versus_start"] == pytest.approx(0.4)
    assert distilled["difference_versus_baseline"] == pytest.approx(0.2)
    assert report.records()[0]["p_versus_baseline"] is None
    assert report.records()[0]["document_seconds"] == 2.0


def test_no_figure_is_cut_at_80_columns(report):
    console = Console(width=80, file=io.StringIO())
    console.print(report.table())
    shown = console.file.getvalue()
    assert "…" not in shown
    assert all(cell in shown for row in list(cells(report).values())[1:] for cell in row)


def test_one_line_per_system_at_100_columns(report):
    console = Console(width=100, file=io.StringIO())
    console.print(report.table())
    lines = console.file.getvalue().splitlines()
    assert all(any(row.system in line for line in lines) for row in report.rows)


def test_written_files_agree(report, tmp_path):
    report.write(tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    content = json.loads((folder / "report.json").read_text())
    assert content["rows"] == report.records()
    assert content["queries"] == 40
    with (folder / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["system"] for row in rows] == [row.system for row in report.rows]
    assert rows[1]["queries_per_second"] == ""
    assert float(rows[3]["nDCG@10"]) == pytest.approx(report.rows[3].average("nDCG@10"))
    assert (folder / "report.md").read_text() == report.markdown()


def test_a_folder_that_cannot_be_written(report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MenuraError, match=r"cannot write .*file/reports/report"):
        report.write(tmp_path / "file" / "reports")
