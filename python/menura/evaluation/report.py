"""The table at the end: every system on the same queries."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from rich.table import Table

from menura.errors import MenuraError
from menura.evaluation.metrics import METRICS, Scores
from menura.evaluation.significance import paired_p_value

__all__ = ["Report", "Row"]

NOTHING = "-"


@dataclass(frozen=True)
class Row:
    """One system: its values per query, its cost, and the name of the system it must be compared with."""

    system: str
    scores: Scores
    seconds: float | None = None
    query_terms: float | None = None
    document_terms: float | None = None
    start: str | None = None

    def average(self, metric: str) -> float:
        return mean(self.scores[metric].values())


@dataclass
class Report:
    """Systems measured on the same queries; the first is the baseline of every comparison."""

    collection: str
    passages: int
    queries: int
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def records(self) -> list[dict[str, Any]]:
        """One flat record per system, figures in full; None where there is no such figure."""
        return [self._record(row) for row in self.rows]

    def table(self) -> Table:
        """For a terminal."""
        table = Table(title=self._title(), caption="\n".join(self._captions()), caption_justify="left")
        header, *rows = self._cells()
        table.add_column(header[0])
        for title in header[1:]:
            table.add_column(title, justify="right")
        for row in rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """For a README."""
        header, *rows = self._cells()
        lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return "\n\n".join([self._title() + ":", table, " ".join(self._captions())]) + "\n"

    def write(self, folder: Path) -> None:
        """Write ``report.json``, ``report.csv`` and ``report.md``.

        Raises:
            MenuraError: the folder cannot be written.
        """
        records = self.records()
        sheet = io.StringIO()
        writer = csv.DictWriter(sheet, fieldnames=list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        content = {**{key: value for key, value in asdict(self).items() if key != "rows"}, "rows": records}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "report.json").write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
            (folder / "report.csv").write_text(sheet.getvalue(), encoding="utf-8")
            (folder / "report.md").write_text(self.markdown(), encoding="utf-8")
        except OSError as error:
            raise MenuraError(f"[evaluation] cannot write the report to {folder}: {error.strerror}.") from error

    def _record(self, row: Row) -> dict[str, Any]:
        start = next((other for other in self.rows if other.system == row.start), None)
        return {
            "system": row.system,
            **{metric: row.average(metric) for metric in METRICS},
            "query_terms": row.query_terms,
            "document_terms": row.document_terms,
            "queries_per_second": self.queries / row.seconds if row.seconds else None,
            "p_versus_start": self._p(row, start) if start else None,
            "p_versus_baseline": self._p(row, self.rows[0]) if row is not self.rows[0] else None,
        }

    def _p(self, row: Row, other: Row) -> float:
        return paired_p_value(row.scores["nDCG@10"], other.scores["nDCG@10"])

    def _cells(self) -> list[list[str]]:
        baseline = self.rows[0].system
        header = ["System", *METRICS, "Terms q / d", "Queries/s", "p vs start", f"p vs {baseline}"]
        cells = [header]
        for record in self.records():
            terms = [record["query_terms"], record["document_terms"]]
            cells.append(
                [
                    record["system"],
                    *(f"{record[metric]:.3f}" for metric in METRICS),
                    NOTHING if None in terms else " / ".join(f"{count:.0f}" for count in terms),
                    _optional(record["queries_per_second"], "{:,.0f}"),
                    _optional(record["p_versus_start"], "{:.4f}"),
                    _optional(record["p_versus_baseline"], "{:.4f}"),
                ]
            )
        return cells

    def _title(self) -> str:
        return f"{self.queries} held-out queries over {self.passages:,} passages of {self.collection}"

    def _captions(self) -> list[str]:
        tests = "p: two-sided paired randomization test on nDCG@10. Queries/s: encoding and exact search."
        return [tests, *self.notes]


def _optional(value: float | None, form: str) -> str:
    return NOTHING if value is None else form.format(value)
