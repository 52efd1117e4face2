"""Processes that divide their work and tell each other what came of it, as threads around one store."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from torch import distributed

from menura import MenuraError, launch
from menura.launch import ALONE, Process, exchange

COUNT = 3


@pytest.fixture
def together(monkeypatch):
    """Calls something in three processes at once; what each of them returns or raises, and the store they share."""
    own, store = threading.local(), distributed.HashStore()
    monkeypatch.setattr(launch, "launched", lambda: own.process)
    monkeypatch.setattr(launch, "_meeting", lambda: own.meeting)

    def run(call):
        def begin(rank):
            own.process, own.meeting = Process(rank, COUNT, rank), launch._Meeting(store, count(1))
            try:
                return call(rank)
            except (MenuraError, ZeroDivisionError) as error:
                return error

        with ThreadPoolExecutor(COUNT) as pool:
            return list(pool.map(begin, range(COUNT)))

    return run, store


def test_all_learn_what_each_gives_time_after_time(together):
    run, store = together
    found = run(lambda rank: [exchange(lambda time=time: b"x" * rank * time) for time in range(20)])
    assert found == [[[b"", b"x" * time, b"xx" * time] for time in range(20)]] * COUNT
    assert store.num_keys() == 0


def test_one_that_cannot_give(together):
    run, _ = together
    first, failed, last = run(lambda rank: exchange(lambda: b"%d" % (1 // (rank - 1))))
    assert isinstance(failed, ZeroDivisionError)
    for rank, error in ((0, first), (2, last)):
        assert str(error) == f"[launch] process {rank} waited for process 1, which failed; see its error."


def test_a_process_alone():
    assert exchange(lambda: b"all") == [b"all"]
    assert ALONE.parts("abc") == ["abc"]


@pytest.mark.parametrize("length", [0, 1, 3, 7, 12])
def test_parts_are_even_and_in_order(length):
    items = list(range(length))
    parts = Process(1, 5, 1).parts(items)
    assert [item for part in parts for item in part] == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert len(parts) == 5
