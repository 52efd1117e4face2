"""Finding millions of pairs among millions of stored ones, in bounded memory.

DuckDB streams the stored rows past the hashes of the wanted texts; what is left of a row is a number and a logit, and
the number is looked up in a sorted array. Nothing of the size of the stored table is ever held.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote

import duckdb
import numpy as np
import pyarrow as pa
from deltalake import DeltaTable
from numpy.typing import NDArray

from menura.answer_key.hashing import hash_column
from menura.answer_key.pairs import Pairs

__all__ = ["find_logits", "stored_scores"]

# Rows a step; what is looked up together is sorted first, so that the memory is walked in order.
STEP = 1 << 20
# What DuckDB does not take for the name of one file on this machine.
PATTERN = re.compile(r"://|[*?]")
# DuckDB's own, for the hash tables of the texts; beyond it, it spills to the disk.
MEMORY_LIMIT = "1GB"


def find_logits(table: DeltaTable, teacher: str, pairs: Pairs) -> NDArray[np.float32]:
    """The logits `[len(pairs)]` that `teacher` gave; NaN where it gave none; of several, the first written."""
    logits = np.full(len(pairs), np.nan, np.float32)
    if not len(pairs):
        return logits
    with stored_scores(table, teacher) as database:
        database.register("query", _numbered("query_hash", pairs.query_hashes))
        database.register("passage", _numbered("passage_hash", pairs.passage_hashes))
        repeated = _fill(logits, pairs.codes, _matches(database, len(pairs.passage_hashes)))
        if repeated.size:
            logits[repeated] = _first_written(database, pairs, repeated)
    return logits


@contextmanager
def stored_scores(table: DeltaTable, teacher: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the view `stored`: the scores of `teacher`, or of all."""
    filters = None if teacher is None else [("teacher", "=", teacher)]
    files = [unquote(file) for file in table.file_uris(file_pruning_predicate=filters)]
    with duckdb.connect() as database:
        database.execute("SET memory_limit = $1", [MEMORY_LIMIT])
        database.execute("SET temp_directory = $1", [tempfile.gettempdir()])
        database.execute("SET preserve_insertion_order = false")
        database.execute("SET enable_progress_bar = false")
        if files and not any(PATTERN.search(file) for file in files):
            # Several times as fast as through the data set, which serves all other places.
            database.sql(
                "SELECT * FROM read_parquet($files, hive_partitioning = true, hive_types_autocast = false)",
                params={"files": files},
            ).create_view("stored")
        else:
            database.register("stored", table.to_pyarrow_dataset(file_pruning_predicate=filters))
        yield database


def _numbered(name: str, hashes: NDArray[np.uint8]) -> pa.Table:
    return pa.table({name: hash_column(hashes), "number": np.arange(len(hashes))})


def _matches(
    database: duckdb.DuckDBPyConnection, passages: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Codes and logits of the stored rows between wanted texts."""
    found = database.sql(
        f"""
        SELECT query.number * {passages} + passage.number AS code, logit
        FROM stored JOIN query USING (query_hash) JOIN passage USING (passage_hash)
        """
    )
    for batch in found.to_arrow_reader(STEP):
        yield batch.column("code").to_numpy(), batch.column("logit").to_numpy()


def _fill(
    logits: NDArray[np.float32],
    codes: NDArray[np.int64],
    matches: Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]],
) -> NDArray[np.intp]:
    """Write what `matches` hold to the places of their codes; return the places to which more than one came."""
    repeated: list[NDArray[np.intp]] = []
    for found, values in matches:
        order = np.argsort(found)
        found = found[order]
        places = np.minimum(np.searchsorted(codes, found), len(codes) - 1)
        wanted = codes[places] == found
        places, order = places[wanted], order[wanted]
        again = ~np.isnan(logits[places])
        again[1:] |= places[1:] == places[:-1]
        repeated.append(places[again])
        logits[places] = values[order]
    return np.unique(np.concatenate(repeated)) if repeated else np.empty(0, np.intp)


def _first_written(database: duckdb.DuckDBPyConnection, pairs: Pairs, places: NDArray[np.intp]) -> NDArray[np.float32]:
    """The first written logits `[N]` of the pairs at `places`."""
    queries, passages = pairs.hashes(places)
    repeated = {"query_hash": hash_column(queries), "passage_hash": hash_column(passages), "place": places}
    database.register("repeated", pa.table(repeated))
    first = database.sql(
        """
        SELECT arg_min(logit, (created, logit)) AS logit
        FROM stored JOIN repeated USING (query_hash, passage_hash) GROUP BY place ORDER BY place
        """
    )
    logits: NDArray[np.float32] = first.to_arrow_table()["logit"].to_numpy()
    return logits
