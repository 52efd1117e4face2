"""Markdown tables drawn from the CSV, and where they stand in a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from menura.bench.cells import NOTHING, interval, number, percent, scientific, whole
from menura.bench.comparison import Comparison, comparisons
from menura.bench.machine import FORCED
from menura.bench.results import Figure
from menura.errors import MenuraError

__all__ = ["everything", "headline", "markdown", "memory", "other_shapes", "redraw", "speed", "training"]

HEADLINE_ALLOCATOR = "default"
KEEPS_PAGES = "MALLOC_TRIM_THRESHOLD_"


def headline(figures: Sequence[Figure]) -> list[Comparison]:
    """What is told first: the workloads with most threads, the default allocator and the widest instruction set."""
    plain = [
        figure
        for figure in figures
        if figure.machine.allocator == HEADLINE_ALLOCATOR and FORCED not in figure.machine.isa
    ]
    most = max((figure.threads for figure in plain), default=0)
    return comparisons(figure for figure in plain if figure.threads == most)


def speed(figures: Sequence[Figure]) -> str:
    """Milliseconds of ours and of the fastest of each kind of others; most threads, default allocator."""
    rows = []
    for each in headline(figures):
        ours = each.ours
        if ours is None or ours.median_ms is None:
            continue
        rows.append(
            [
                *_subject(each),
                number(ours.median_ms),
                percent(ours.fraction_of_peak),
                _fastest(each, each.of("torch"), named=True),
                _fastest(each, each.of("sentence-transformers"), named=False),
                _fastest(each, each.others("menura", "torch", "sentence-transformers"), named=True),
            ]
        )
    header = ["Work", "Precision", "Menura, ms", "of peak", "fastest PyTorch", "sentence-transformers", "fastest peer"]
    return markdown(header, rows, words=2)


def memory(figures: Sequence[Figure]) -> str:
    """Peak megabytes of ours, of the leanest plain PyTorch and of sentence-transformers."""
    rows = [
        [
            *_subject(each),
            whole(each.ours.peak_memory_mb),
            _leanest(each.of("torch")),
            _leanest(each.of("sentence-transformers")),
        ]
        for each in headline(figures)
        if each.ours is not None and each.ours.peak_memory_mb is not None
    ]
    return markdown(["Work", "Precision", "Menura, MB", "leanest PyTorch", "sentence-transformers"], rows, words=2)


def training(figures: Sequence[Figure]) -> str:
    """Milliseconds and peak megabytes of a training step, ours and the best that sentence-transformers has."""
    rows = []
    for each in headline(figures):
        ours, theirs = each.ours, each.of("sentence-transformers")
        if ours is not None and ours.median_ms is not None:
            times = number(ours.median_ms), _fastest(each, theirs, named=False)
            memory = whole(ours.peak_memory_mb), _leanest(theirs)
            rows.append([*_subject(each), ours.machine.isa, *times, ours.note, *memory])
    header = [
        "Step",
        "Precision",
        "Kernels",
        "Menura, ms",
        "sentence-transformers",
        "Menura",
        "Menura, MB",
        "theirs, MB",
    ]
    return markdown(header, rows, words=3)


def other_shapes(figures: Sequence[Figure]) -> str:
    """Ours against the fastest plain PyTorch, the least favourable shape first."""
    rows: list[tuple[float, list[str]]] = []
    for each in comparisons(figures):
        rivals = each.of("torch")
        rival = _best(rivals, lambda figure: figure.median_ms)
        if each.ours is not None and rival is not None and (times := each.times(rival)) is not None:
            milliseconds = number(each.ours.median_ms), number(rival.median_ms)
            rows.append((times, [each.first.title, _name(rival, rivals), *milliseconds, number(times, 2)]))
    ordered = [cells for _, cells in sorted(rows, key=lambda row: row[0])]
    return markdown(["Work", "fastest PyTorch", "Menura, ms", "PyTorch, ms", "times"], ordered, words=2)


def everything(figures: Sequence[Figure]) -> str:
    """Every figure that was taken, and what was not and why."""
    header = [
        "Work",
        "Precision",
        "Threads",
        "Kernels",
        "Allocator",
        "Provider",
        "ms",
        "p20 to p80",
        "samples",
        "of peak",
        "MB",
    ]
    header += ["output error", "gradient error", "Note"]
    rows = [
        [
            figure.title,
            figure.precision,
            str(figure.threads),
            figure.machine.isa,
            "keeps pages" if KEEPS_PAGES in figure.machine.allocator else figure.machine.allocator,
            figure.provider,
            number(figure.median_ms),
            interval(figure.p20_ms, figure.p80_ms),
            f"{figure.kept}/{figure.taken}",
            percent(figure.fraction_of_peak),
            whole(figure.peak_memory_mb),
            scientific(figure.output_error),
            scientific(figure.gradient_error),
            figure.note,
        ]
        for figure in figures
    ]
    return markdown(header, rows, words=2)


def markdown(header: list[str], rows: list[list[str]], *, words: int) -> str:
    """Markdown; the first `words` columns flush left."""
    rule = ["---"] * words + ["---:"] * (len(header) - words)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (header, rule, *rows))


def redraw(text: str, section: str, table: str) -> str:
    """Put `table` between the marks `<!-- bench: section -->` and `<!-- bench: end -->` of `text`.

    Raises:
        MenuraError: there are no such marks.
    """
    marks = re.compile(rf"(<!-- bench: {re.escape(section)} -->\n).*?(<!-- bench: end -->)", re.DOTALL)
    if marks.search(text) is None:
        raise MenuraError(f"[bench] the text has no section <!-- bench: {section} --> that <!-- bench: end --> closes.")
    return marks.sub(lambda found: f"{found[1]}{table}{found[2]}", text)


def _subject(comparison: Comparison) -> list[str]:
    return [comparison.first.title, comparison.first.precision]


def _fastest(comparison: Comparison, rivals: Sequence[Figure], *, named: bool) -> str:
    best = _best(rivals, lambda figure: figure.median_ms)
    times = comparison.times(best) if best else None
    if best is None or times is None:
        return NOTHING
    name = f" {_name(best, rivals).removeprefix('torch, ')}" if named else ""
    return f"{number(best.median_ms)}{name}, **{number(times, 2)}x**"


def _name(best: Figure, rivals: Iterable[Figure]) -> str:
    """The fastest may be one that was always disturbed."""
    disturbed = any(figure.taken and not figure.kept for figure in rivals)
    return f"{best.provider} (of those timed)" if disturbed else best.provider


def _leanest(rivals: Iterable[Figure]) -> str:
    best = _best(rivals, lambda figure: figure.peak_memory_mb)
    return whole(best.peak_memory_mb if best else None)


def _best(rivals: Iterable[Figure], value: Callable[[Figure], float | None]) -> Figure | None:
    return min((figure for figure in rivals if value(figure) is not None), key=lambda f: value(f) or 0.0, default=None)
