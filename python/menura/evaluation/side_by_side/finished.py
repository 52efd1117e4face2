"""What an output folder has measured."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from menura.errors import MenuraError
from menura.evaluation.metrics import METRICS, Scores
from menura.evaluation.report import COMPARED

__all__ = ["MEASURED_ON", "Finished", "read_finished"]

# What outputs must share to be comparable.
MEASURED_ON = ("queries", "judgements", "passages")


@dataclass(frozen=True)
class Finished:
    """The values of every system and query in a report, and what they were measured on."""

    folder: Path
    collection: str
    passages: int
    queries: int
    measured_on: dict[str, str]
    systems: dict[str, Scores]


def read_finished(folder: Path) -> Finished:
    """The report in `folder`.

    Raises:
        MenuraError: there is none, or it is not one that can be compared.
    """
    try:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        measured_on = {name: str(report["measured_on"][name]) for name in MEASURED_ON}
        systems: dict[str, Scores] = {}
        with (folder / "report_queries.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                scores = systems.setdefault(row["system"], {metric: {} for metric in METRICS})
                for metric in METRICS:
                    scores[metric][row["query"]] = float(row[metric])
        finished = Finished(folder, report["collection"], report["passages"], report["queries"], measured_on, systems)
    except OSError as error:
        raise MenuraError(
            f"[compare] cannot read {error.filename}: {error.strerror}; fill the folder first, with menura run or "
            "menura evaluate."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise MenuraError(f"[compare] the report in {folder} is not whole ({error}); evaluate anew.") from error
    short = next((name for name, scores in systems.items() if len(scores[COMPARED]) != finished.queries), None)
    if short is not None or not systems:
        raise MenuraError(f"[compare] {folder}/report_queries.csv lacks queries of {short or 'all'}; evaluate anew.")
    return finished
