"""The table at the end: every system on the same queries."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from rich.table import Table

from menura.evaluation.metrics import METRICS, Scores
from menura.evaluation.significance import PERMUTATIONS, Comparison, compare
from menura.evaluation.tables import markdown_table, terminal_table
from menura.files import whole_file, write_csv, write_json

__all__ = ["COMPARED", "NOTHING", "Report", "Row", "p_value"]

NOTHING = "–"  # noqa: RUF001
# What the p-values are about.
COMPARED = "nDCG@10"


@dataclass(frozen=True)
class Row:
    """One system: its values per query, its cost, and the name of the system it must be compared with."""

    system: str
    scores: Scores
    seconds: float | None = None
    query_terms: float | None = None
    document_terms: float | None = None
    document_seconds: float | None = None
    start: str | None = None

    def average(self, metric: str) -> float:
        return mean(self.scores[metric].values())


@dataclass
class Report:
    """Systems measured on the same queries; the first is the baseline of every comparison.

    `measured_on` names queries, judgements and passages by their hashes: reports that share them can be compared.
    """

    collection: str
    passages: int
    queries: int
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measured_on: dict[str, str] = field(default_factory=dict)

    def records(self) -> list[dict[str, Any]]:
        """One flat record per system, figures in full; None where there is no such figure."""
        return [self._record(row) for row in self.rows]

    def table(self) -> Table:
        """For a terminal."""
        table = terminal_table(self._title(), self._captions())
        header, *rows = self._cells()
        table.add_column(header[0])
        for title in header[1:]:
            # On two lines, so that a narrow terminal cuts no figure.
            table.add_column("\n".join(title.rsplit(" ", 1)).replace("@", "\n@"), justify="right", no_wrap=True)
        for row, cells in zip(self.rows, rows, strict=True):
            table.add_row(*cells, style="bold" if row.start else None)
        return table

    def markdown(self) -> str:
        """For a README."""
        return markdown_table(self._title(), self._cells(), self._captions())

    def write(self, folder: Path) -> None:
        """Write ``report.json``, ``report.csv``, ``report.md``, and ``report_queries.csv`` with every query's values.

        Raises:
            MenuraError: the folder cannot be written.
        """
        records = self.records()
        content = {**{key: value for key, value in asdict(self).items() if key != "rows"}, "rows": records}
        write_json(folder / "report.json", content)
        write_csv(folder / "report.csv", records)
        write_csv(folder / "report_queries.csv", self._query_records())
        with whole_file(folder / "report.md") as unfinished:
            unfinished.write_text(self.markdown(), encoding="utf-8")

    def _query_records(self) -> list[dict[str, Any]]:
        return [
            {"system": row.system, "query": query, **{metric: row.scores[metric][query] for metric in METRICS}}
            for row in self.rows
            for query in row.scores[COMPARED]
        ]

    def _record(self, row: Row) -> dict[str, Any]:
        start = self._against(row, next((other for other in self.rows if other.system == row.start), None))
        baseline = self._against(row, self.rows[0] if row is not self.rows[0] else None)
        return {
            "system": row.system,
            **{metric: row.average(metric) for metric in METRICS},
            "query_terms": row.query_terms,
            "document_terms": row.document_terms,
            "queries_per_second": self.queries / row.seconds if row.seconds else None,
            "document_seconds": row.document_seconds,
            "difference_versus_start": start.difference if start else None,
            "p_versus_start": start.p if start else None,
            "difference_versus_baseline": baseline.difference if baseline else None,
            "p_versus_baseline": baseline.p if baseline else None,
        }

    def _against(self, row: Row, other: Row | None) -> Comparison | None:
        return None if other is None else compare(row.scores[COMPARED], other.scores[COMPARED])

    def _cells(self) -> list[list[str]]:
        baseline = self.rows[0].system
        header = ["System", *METRICS, "Terms q/d", "Queries/s", "p vs start", f"p vs {baseline}"]
        cells = [header]
        for record in self.records():
            terms = [record["query_terms"], record["document_terms"]]
            cells.append(
                [
                    record["system"],
                    *(f"{record[metric]:.3f}" for metric in METRICS),
                    NOTHING if None in terms else " / ".join(f"{count:.0f}" for count in terms),
                    _optional(record["queries_per_second"], "{:,.0f}"),
                    p_value(record["p_versus_start"]),
                    p_value(record["p_versus_baseline"]),
                ]
            )
        return cells

    def _title(self) -> str:
        return f"{self.queries} held-out queries over {self.passages:,} passages of {self.collection}"

    def _captions(self) -> list[str]:
        return [
            f"p: two-sided paired randomization test on {COMPARED}, {PERMUTATIONS:,} swappings.",
            "Queries/s: encoding the queries and exact search; preparing the passages is not counted.",
            *self.notes,
        ]


def _optional(value: float | None, form: str) -> str:
    return NOTHING if value is None else form.format(value)


def p_value(p: float | None) -> str:
    """Four decimals; never ``0.0000``, which no test can show."""
    return "<0.0001" if p is not None and p < 1e-4 else _optional(p, "{:.4f}")
