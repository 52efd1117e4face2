"""Contradictions as a table for a person: the texts, everyone's scores, and why."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import csv

from menura.answer_key.views.answers import Answers
from menura.answer_key.views.contradictions import Contradiction
from menura.files import whole_file, write_json_lines

__all__ = ["contradiction_rows", "write_contradictions"]


def contradiction_rows(
    contradictions: list[Contradiction],
    answers: Answers,
    scores: NDArray[np.float64],
    queries: Mapping[str, str],
    corpus: Mapping[str, str],
) -> list[dict[str, Any]]:
    """One row for each contradiction: ids, texts, label, the view's score, each teacher's logit, and why.

    Args:
        scores: `[P]` of the view.
    """
    rows = []
    for contradiction in contradictions:
        position, rival = contradiction.position, contradiction.rival
        query_id, passage_id = answers.pairs[position]
        rival_id = None if rival is None else answers.pairs[rival][1]
        rows.append(
            {
                "query_id": query_id,
                "passage_id": passage_id,
                "query": queries[query_id],
                "passage": corpus[passage_id],
                "why": contradiction.why,
                "weight": contradiction.weight,
                "label": _known(answers.labels[position]),
                "score": _known(scores[position]),
                **{f"logit_{name}": _known(answers.of(name)[position]) for name in answers.teachers},
                "rival_id": rival_id,
                "rival": None if rival_id is None else corpus[rival_id],
                "rival_score": None if rival is None else _known(scores[rival]),
            }
        )
    return rows


def write_contradictions(rows: list[dict[str, Any]], path: Path) -> None:
    """Write CSV, Parquet or JSON lines, by the name's ending; whole or not at all.

    Raises:
        MenuraError: the place cannot be written.
    """
    if path.suffix == ".jsonl":
        write_json_lines(path, rows)
        return
    write = pq.write_table if path.suffix == ".parquet" else csv.write_csv
    with whole_file(path) as unfinished:
        write(pa.Table.from_pylist(rows), unfinished)


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
