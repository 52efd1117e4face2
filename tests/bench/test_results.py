"""The CSV, and the tables drawn from it."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from menura import MenuraError
from menura.bench import results, tables, terminal
from menura.bench.machine import Machine, this_machine
from menura.bench.results import Figure

MACHINE = Machine("c0ffee", "0.1.0", "2.13.0", "6.2.0", "A CPU (6/7)", "avx512", "default", "2026-11-21")
OURS = Figure(
    workload="maxsim_kd-16x8",
    title="maxsim, 16 queries x 8 candidates",
    precision="float32",
    provider="menura",
    package="menura 0.1.0",
    threads=2,
    median_ms=2.0,
    p20_ms=1.9,
    p80_ms=2.25,
    kept=15,
    taken=17,
    gflop_per_s=94.372,
    fraction_of_peak=0.75,
    peak_memory_mb=12.25,
    output_error=1.5e-7,
    gradient_error=None,
    note="",
    machine=MACHINE,
)
TORCH = replace(OURS, provider="torch, einsum", package="torch 2.13.0", median_ms=8.0, peak_memory_mb=27.5)
GATHER = replace(TORCH, provider="torch, gather", median_ms=5.0, peak_memory_mb=40.0)
FAILED = replace(
    OURS,
    provider="peer",
    package="peer 1.0",
    median_ms=None,
    p20_ms=None,
    p80_ms=None,
    gflop_per_s=None,
    fraction_of_peak=None,
    peak_memory_mb=None,
    note='wrong: "off", by 3',
)
FIGURES = [OURS, TORCH, GATHER, FAILED]


def test_round_trip(tmp_path):
    path = tmp_path / "new" / "figures.csv"
    results.write(FIGURES, path)
    assert results.read(path) == FIGURES


def test_one_row_each(tmp_path):
    results.write(FIGURES, tmp_path / "figures.csv")
    header, *rows = (tmp_path / "figures.csv").read_text().splitlines()
    assert header.split(",") == results.HEADER
    assert len(rows) == len(FIGURES)


def test_no_file_is_no_figures(tmp_path):
    assert results.read(tmp_path / "none.csv") == []


def test_a_table_may_lack_later_columns(tmp_path):
    path = tmp_path / "figures.csv"
    results.write(FIGURES, path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(
            file, [name for name in results.HEADER if name not in results.LATER], extrasaction="ignore"
        )
        writer.writeheader()
        writer.writerows(rows)
    assert results.read(path) == FIGURES


@pytest.mark.parametrize("content", ["workload,provider\na,b\n", "workload,provider\n"])
def test_somebody_elses_table_is_refused(tmp_path, content):
    path = tmp_path / "figures.csv"
    path.write_text(content)
    with pytest.raises(MenuraError, match="is no table of benchmark figures"):
        results.read(path)


def test_a_renewed_figure_takes_the_place_of_the_old():
    renewed = replace(TORCH, median_ms=7.0, machine=replace(MACHINE, commit="f00d", date="2026-11-22"))
    elsewhere = replace(TORCH, machine=replace(MACHINE, allocator="MALLOC_TRIM_THRESHOLD_=1"))
    assert results.merge(FIGURES, [renewed, elsewhere]) == [OURS, renewed, GATHER, FAILED, elsewhere]


def test_what_is_known_of_this_machine(monkeypatch):
    for name in ("MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD"):
        monkeypatch.delenv(name, raising=False)
    assert this_machine().allocator == "default"
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "17")
    monkeypatch.setenv("LD_PRELOAD", "/usr/lib/libjemalloc.so.2")
    machine = this_machine()
    assert machine.allocator == "LD_PRELOAD=libjemalloc.so.2 MALLOC_TRIM_THRESHOLD_=17"
    assert machine.cpu
    assert machine.torch


def test_the_speed_table_names_the_fastest_rival():
    *_, row = tables.speed(FIGURES).splitlines()
    assert row == "| maxsim, 16 queries x 8 candidates | float32 | 2 | 75% | 5 gather, **2.5x** | – | – |"  # noqa: RUF001


def test_a_rival_that_was_always_disturbed_is_not_passed_over_in_silence():
    disturbed = replace(FAILED, provider="torch, loop", package="torch 2.13.0", kept=0, taken=60)
    assert "5 gather (of those timed), **2.5x**" in tables.speed([*FIGURES, disturbed])
    assert "| torch, gather (of those timed) | 2 | 5 | 2.5 |" in tables.other_shapes([*FIGURES, disturbed])


def test_the_memory_table_names_the_leanest_rival():
    *_, row = tables.memory(FIGURES).splitlines()
    assert row == "| maxsim, 16 queries x 8 candidates | float32 | 12 | 28 | – |"  # noqa: RUF001


def test_the_training_table_takes_the_best_that_sentence_transformers_has():
    theirs = [
        replace(TORCH, provider="sentence-transformers", package="sentence-transformers 6.2.0", peak_memory_mb=20.0),
        replace(TORCH, provider="sentence-transformers, eager", package="sentence-transformers 6.2.0", median_ms=3.0),
    ]
    *_, row = tables.training([replace(OURS, note="9 passages/s"), *theirs]).splitlines()
    assert row == "| maxsim, 16 queries x 8 candidates | float32 | avx512 | 2 | 3, **1.5x** | 9 passages/s | 12 | 20 |"


def test_the_headline_is_most_threads_and_the_default_allocator():
    single = [replace(figure, threads=1, median_ms=99.0) for figure in (OURS, TORCH)]
    kept = [replace(figure, machine=replace(MACHINE, allocator="X=1"), threads=4) for figure in (OURS, TORCH)]
    assert tables.speed([*single, *FIGURES, *kept]) == tables.speed(FIGURES)


def test_other_shapes_begin_with_the_worst():
    slower = [replace(figure, workload="b", title="b") for figure in (OURS, replace(TORCH, median_ms=1.0))]
    _, _, first, second = tables.other_shapes([*FIGURES, *slower]).splitlines()
    assert first == "| b | torch, einsum | 2 | 1 | 0.5 |"
    assert second.startswith("| maxsim, 16 queries x 8 candidates | torch, gather | 2 | 5 | 2.5 |")


def test_a_full_table_hides_nothing():
    table = tables.everything(FIGURES)
    assert 'wrong: "off", by 3' in table
    assert len(table.splitlines()) == 2 + len(FIGURES)


def test_numbers_have_no_exponent():
    assert "1,230" in tables.speed([replace(OURS, median_ms=1234.5)])


def test_a_section_is_redrawn_and_the_rest_left():
    text = (
        "before\n<!-- bench: speed -->\nold\n<!-- bench: end -->\n<!-- bench: memory -->\nkept\n<!-- bench: end -->\n"
    )
    redrawn = tables.redraw(text, "speed", "| \\1 new |\n")
    assert redrawn == text.replace("old", "| \\1 new |")
    assert tables.redraw(redrawn, "speed", "old\n") == text


def test_a_missing_section_is_named():
    with pytest.raises(MenuraError, match="no section <!-- bench: speed -->"):
        tables.redraw("text", "speed", "table")


def test_the_terminal_tables_fit_eighty_columns(capsys):
    from rich.console import Console

    for table in terminal.tables(
        [replace(figure, median_ms=1234.5, p20_ms=1201.0, p80_ms=1299.0) for figure in FIGURES]
    ):
        Console(width=80).print(table)
    lines = capsys.readouterr().out.splitlines()
    assert any("1,230" in line and "1,200 – 1,300" in line and "12.2" in line for line in lines)  # noqa: RUF001
    assert not any("…" in line for line in lines)
    assert terminal.notes(FIGURES) == ['peer: wrong: "off", by 3']
