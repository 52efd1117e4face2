"""The answer key at scale: writing, planning (which pairs are missing?) and reading back, each in a fresh process.

    python benchmarks/answer_key.py [--scores 1e8] [--folder FOLDER]

Rows are generated: every query with a hundred passages drawn from 8.8 million (as many as MS MARCO has). Half of the
pairs wanted are stored. Results are appended to results/answer_key.csv.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.answer_key import AnswerKey, Pairs
from menura.bench.machine import this_machine
from menura.errors import MenuraError

RESULTS = Path(__file__).parent / "results" / "answer_key.csv"
PASSAGES_PER_QUERY = 100
PASSAGES = 8_800_000
BLOCK = 1 << 22
TEACHER = "generated"


@dataclass(frozen=True)
class Figure:
    """One step: rows a second, and the largest resident set of its process, beyond that of its inputs and whole."""

    step: str
    rows: int
    seconds: float
    rows_per_second: float
    inputs_mb: float
    peak_mb: float


def hashes(count: int, *, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 16), dtype=np.uint8)


def passages_of(block: int, rows: int, *, seed: int) -> NDArray[np.int32]:
    return np.random.default_rng([seed, block]).integers(0, PASSAGES, rows, dtype=np.int32)


def blocks(scores: int) -> Iterator[tuple[int, int, int]]:
    """(number, first row, end)."""
    for number, start in enumerate(range(0, scores, BLOCK)):
        yield number, start, min(scores, start + BLOCK)


def write(folder: str, scores: int) -> tuple[int, float, float]:
    queries, passages = hashes(scores // PASSAGES_PER_QUERY + 1, seed=0), hashes(PASSAGES, seed=1)
    key = AnswerKey(folder)
    key.register(TEACHER, {"model": TEACHER})
    run = key.begin_run(TEACHER, {})
    inputs, seconds = resident(), 0.0
    for number, start, end in blocks(scores):
        rows = np.arange(start, end) // PASSAGES_PER_QUERY
        found = passages_of(number, end - start, seed=2)
        logits = np.random.default_rng([3, number]).standard_normal(end - start, np.float32)
        began = time.perf_counter()
        key.append(TEACHER, queries[rows], passages[found], logits, run=run)
        seconds += time.perf_counter() - began
    return scores, seconds, inputs


def plan(folder: str, scores: int, *, known: float = 0.5) -> tuple[int, float, float]:
    """Ask for as many pairs as are stored, of which the share `known` is; how many are missing is checked."""
    queries, passages = hashes(scores // PASSAGES_PER_QUERY + 1, seed=0), hashes(PASSAGES, seed=1)
    query_rows = np.arange(scores, dtype=np.int32) // PASSAGES_PER_QUERY
    passage_rows = np.empty(scores, np.int32)
    for number, start, end in blocks(scores):
        stored, other = (passages_of(number, end - start, seed=seed) for seed in (2, 4))
        mask = np.random.default_rng([5, number]).random(end - start) < known
        passage_rows[start:end] = np.where(mask, stored, other)
    key = AnswerKey(folder)
    inputs = resident()
    began = time.perf_counter()
    pairs = Pairs(queries, passages, query_rows, passage_rows)
    missing = int(np.isnan(key.logits(TEACHER, pairs)).sum())
    seconds = time.perf_counter() - began
    # Draws repeat a passage now and then: a stored pair may be drawn again.
    expected = (1 - known) * scores
    if abs(missing - expected) > 0.01 * scores:
        raise MenuraError(f"[benchmark] {missing} pairs are missing; expected about {expected:.0f}.")
    return scores, seconds, inputs


def read_back(folder: str, scores: int) -> tuple[int, float, float]:
    return plan(folder, scores, known=1.0)


def resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def measure(step: str, work: Callable[[str, int], tuple[int, float, float]], folder: str, scores: int) -> Figure:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        rows, seconds, inputs = pool.apply(work, (folder, scores))
        peak = pool.apply(resident)
    return Figure(step, rows, round(seconds, 2), round(rows / seconds), round(inputs), round(peak))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scores", type=float, default=1e8, help="rows to store [1e8]")
    parser.add_argument("--folder", type=Path, help="where; deleted afterwards [a temporary folder]")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=arguments.folder))
    machine = this_machine()
    try:
        for step, work in (("append", write), ("plan, half known", plan), ("read back", read_back)):
            figure = measure(step, work, str(folder / "key"), int(arguments.scores))
            print(
                f"{figure.step}: {figure.rows:,} rows in {figure.seconds:.1f} s, {figure.rows_per_second:,} a second; "
                f"peak {figure.peak_mb:,.0f} MB, of which inputs {figure.inputs_mb:,.0f}.",
                flush=True,
            )
            record = {**asdict(figure), "commit": machine.commit, "cpu": machine.cpu, "date": machine.date}
            new = not RESULTS.exists()
            with RESULTS.open("a", newline="") as file:
                writer = csv.DictWriter(file, list(record), lineterminator="\n")
                if new:
                    writer.writeheader()
                writer.writerow(record)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except MenuraError as error:
        sys.exit(f"error: {error}")
