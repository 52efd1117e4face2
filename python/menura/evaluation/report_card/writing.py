"""A report card as files, and as a table for a terminal."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.table import Table

from menura.errors import MenuraError
from menura.evaluation.report_card.card import TeacherCard
from menura.evaluation.report_card.page import METRICS, page
from menura.evaluation.report_card.wording import interval

__all__ = ["summary", "write_card"]


def write_card(card: TeacherCard, folder: Path, name: str = "teacher_card") -> Path:
    """Write `name`.html and, with every figure behind it, `name`.json; return the page's path.

    Raises:
        MenuraError: the folder cannot be written.
    """
    figures = json.dumps(asdict(card), indent=1, ensure_ascii=False, allow_nan=False)
    path = folder / f"{name}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(page(card), encoding="utf-8")
        path.with_suffix(".json").write_text(figures, encoding="utf-8")
    except OSError as error:
        raise MenuraError(f"[report_card] cannot write the report card to {folder}: {error.strerror}.") from error
    return path


def summary(card: TeacherCard) -> Table:
    """The verdict, every system's quality, and what was found."""
    table = Table(
        title=escape(f"{card.verdict.answer}. {card.verdict.sentence}"),
        title_justify="left",
        caption=escape("\n".join(f"{finding.kind}: {finding.text}" for finding in card.verdict.findings)),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("System")
    for metric in METRICS:
        table.add_column(metric, justify="right", no_wrap=True)
    for row in card.quality:
        table.add_row(escape(row.system), *(escape(interval(row.figures[metric], "{:.2f}")) for metric in METRICS))
    return table
