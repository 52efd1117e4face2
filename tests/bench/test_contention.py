"""What counts as disturbed is decided by run-queue waits alone."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.bench.contention import run_queue_waits, undisturbed

SECOND = 1_000_000_000


@pytest.fixture
def tasks(tmp_path):
    """Write the accounts of some threads: thread id -> (ns on a CPU, ns waited)."""

    def write(**threads):
        for thread, (on_cpu, waited) in threads.items():
            folder = tmp_path / thread
            folder.mkdir(exist_ok=True)
            (folder / "schedstat").write_text(f"{on_cpu} {waited} 7\n")
        return tmp_path

    return write


def test_waits_are_read_for_every_thread(tasks):
    assert run_queue_waits(tasks(t1=(500, 20), t2=(900, 0))) == {"t1": 20, "t2": 0}


def test_this_process_has_waits():
    waits = run_queue_waits()
    assert waits
    assert all(wait >= 0 for wait in waits.values())


def test_a_kernel_that_does_not_count_is_refused(tasks, tmp_path):
    with pytest.raises(MenuraError, match="no run-queue waits"):
        run_queue_waits(tmp_path / "nowhere")
    with pytest.raises(MenuraError, match="no run-queue waits"):
        run_queue_waits(tasks(t1=(0, 0)))


def test_a_thread_that_ended_is_passed_over(tasks):
    folder = tasks(t1=(500, 20))
    (folder / "t2").mkdir()
    assert run_queue_waits(folder) == {"t1": 20}


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ({"t1": 0}, {"t1": 0}, True),
        ({"t1": 0}, {"t1": SECOND // 51}, True),
        ({"t1": 0}, {"t1": SECOND // 50}, False),
        ({"t1": 0, "t2": 0}, {"t1": SECOND // 90, "t2": SECOND // 90}, False),
        ({"t1": 5 * SECOND}, {"t1": 5 * SECOND + 1}, True),
        ({}, {"t1": SECOND // 10}, False),
        ({"t1": SECOND, "ended": 9 * SECOND}, {"t1": SECOND}, True),
    ],
    ids=["none", "below", "at", "added_up", "only_since", "new_thread", "ended_thread"],
)
def test_the_rule_is_two_percent_of_the_wall_time(before, after, kept):
    assert undisturbed(before, after, SECOND) is kept
