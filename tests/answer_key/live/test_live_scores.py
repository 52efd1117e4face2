"""Asking ahead: nothing twice, whoever works; errors in one line; no orphans."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from counting import CORPUS, PAIRS, QUERIES, CountingTeacher
from menura import MenuraError
from menura.answer_key import AnswerKey, WantedPairs, annotate, read_logits
from menura.answer_key.live import Asking, LiveScores, Respondent, settle
from menura.answer_key.live import asking as live_asking
from menura.answer_key.live import scores as live_scores
from menura.answer_key.live.asking import answer_of
from menura.launch import Process


class Failing(CountingTeacher):
    def score(self, pairs):
        raise ValueError("out of\nmemory")


@pytest.fixture
def key(tmp_path):
    return AnswerKey(tmp_path / "key")


def respondent(tmp_path, load, digest="teacher"):
    return Respondent({"it": load}, {"it": digest}, str(tmp_path / "key"), tmp_path / "journal")


def live(key, asking, pairs=PAIRS, corpus=CORPUS):
    return LiveScores("it", "teacher", pairs, QUERIES, corpus, key=key, asking=asking)


def expected(pairs):
    return CountingTeacher().score([(QUERIES[q], CORPUS[p]) for q, p in pairs]).tolist()


@pytest.mark.parametrize("worker", [None, "thread"])
def test_only_what_is_not_known_is_asked_and_once(key, tmp_path, worker):
    annotate(key, CountingTeacher(), PAIRS[:5], QUERIES, CORPUS)
    teacher = CountingTeacher()
    with Asking(respondent(tmp_path, lambda: teacher), worker) as asking:
        scores = live(key, asking)
        scores.ask(PAIRS[3:8])
        scores.ask([PAIRS[7], PAIRS[7], PAIRS[9]])
        assert scores.logits(PAIRS[:12]).tolist() == expected(PAIRS[:12])
        asking.settle()
        again = live(key, asking)
        assert again.logits([*PAIRS[:14], PAIRS[0]]).tolist() == expected([*PAIRS[:14], PAIRS[0]])
    assert len(teacher.asked) == len(set(teacher.asked)) == 9
    assert settle(tmp_path / "journal", key) == 2
    assert read_logits(key, "teacher", PAIRS[:14], QUERIES, CORPUS) == dict(
        zip(PAIRS[:14], expected(PAIRS[:14]), strict=True)
    )
    assert key.runs()["details"].to_pylist()[-1] == '{"engine": "online"}'


def test_one_text_under_two_ids_is_asked_once(key, tmp_path):
    teacher = CountingTeacher()
    corpus = {**CORPUS, "twin": CORPUS["p0"]}
    with Asking(respondent(tmp_path, lambda: teacher)) as asking:
        scores = live(key, asking, [("q0", "p0"), ("q0", "twin"), ("q0", "p1")], corpus)
        first, twin, other = scores.logits([("q0", "p0"), ("q0", "twin"), ("q0", "p1")]).tolist()
    assert first == twin != other
    assert len(teacher.asked) == 2


@pytest.mark.parametrize("known", [0, 4])
def test_processes_divide_what_is_asked(key, tmp_path, monkeypatch, known):
    """The second asks for the same when the first one's part was scored before, by a run that was killed."""
    if known:
        annotate(key, CountingTeacher(), PAIRS[:known], QUERIES, CORPUS)
    meeting, given = threading.Barrier(2, timeout=30), {}

    def exchange(give):
        given[threading.get_ident()] = give()
        meeting.wait()
        gifts = [given[thread] for thread in sorted(given, key=ranks.__getitem__)]
        meeting.wait()
        return gifts

    monkeypatch.setattr(live_scores, "exchange", exchange)
    ranks, teachers, processes = {}, [CountingTeacher(), CountingTeacher()], []
    for rank, teacher in enumerate(teachers):
        monkeypatch.setattr(live_scores, "launched", lambda rank=rank: Process(rank, 2, rank))
        processes.append(live(key, Asking(respondent(tmp_path, lambda teacher=teacher: teacher))))

    def learn(rank):
        ranks[threading.get_ident()] = rank
        meeting.wait()
        scores = processes[rank]
        return [scores.logits(pairs).tolist() for pairs in (PAIRS[:8], PAIRS[6:9], PAIRS[8:9])]

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(learn, range(2)))
    assert found == [[expected(PAIRS[:8]), expected(PAIRS[6:9]), expected(PAIRS[8:9])]] * 2
    texts = [(QUERIES[query_id], CORPUS[passage_id]) for query_id, passage_id in PAIRS]
    assert sorted(teachers[0].asked) == sorted(texts[known:4])
    assert sorted(teachers[1].asked) == sorted([*texts[4:8], texts[8]])


def test_what_fails_is_one_line(key, tmp_path):
    for load, message in (
        (Failing, r"^\[online\] the teacher failed: ValueError: out of$"),
        (partial(CountingTeacher, answers={CORPUS["p0"]: np.nan}), r"^\[answer_key\] the teacher answered nan to .*$"),
    ):
        with Asking(respondent(tmp_path, load), "thread") as asking:
            scores = live(key, asking)
            with pytest.raises(MenuraError, match=message):
                scores.logits(PAIRS[:1])
    with Asking(respondent(tmp_path, CountingTeacher, digest="another")) as asking:
        scores = LiveScores("it", "another", PAIRS, QUERIES, CORPUS, key=key, asking=asking)
        with pytest.raises(MenuraError, match="the teacher it is teacher where it works, and another was to be asked"):
            scores.logits(PAIRS[:1])
    assert settle(tmp_path / "journal", key) == 0


def test_the_end_of_its_process_is_one_line():
    broken = Future()
    broken.set_exception(BrokenProcessPool("a long story"))
    with pytest.raises(MenuraError, match=r"^\[online\] the teacher's process died: .*is kept; run again\.$"):
        answer_of(broken)


@pytest.mark.parametrize(("visible", "expected"), [(None, "1"), ("4,6", "6"), ("GPU-a,GPU-b", "GPU-b")])
def test_the_process_sees_its_gpu_alone(monkeypatch, visible, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
    live_asking._see_only(1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected


def test_a_process_answers_outlives_ctrl_c_and_ends_with_its_parent(key, tmp_path):
    told, tell = multiprocessing.Pipe(duplex=False)
    training = multiprocessing.get_context("fork").Process(target=train, args=(tmp_path, tell))
    training.start()
    child, answers = told.recv()
    training.kill()
    deadline, settled = time.monotonic() + 30, 0
    while (alive(child) or not settled) and time.monotonic() < deadline:
        settled += settle(tmp_path / "journal", key)  # not before the child lets go of it
        time.sleep(0.05)
    assert not alive(child)
    assert settled == 7
    wanted = WantedPairs.of(PAIRS[:7], QUERIES, CORPUS)
    assert answers == key.logits("teacher", wanted.pairs).tolist()
    assert [answers[place] for place in wanted.positions] == expected(PAIRS[:7])


def train(folder, tell):
    """In a process that is killed: a teacher's process is asked, gets Ctrl-C, and is asked again."""
    asking = Asking(respondent(folder, CountingTeacher), "process")
    answers = answer_of(asking.ask("it", WantedPairs.of(PAIRS[:4], QUERIES, CORPUS))).tolist()
    (child,) = asking._executor._processes
    os.kill(child, signal.SIGINT)
    answers += answer_of(asking.ask("it", WantedPairs.of(PAIRS[4:7], QUERIES, CORPUS))).tolist()
    tell.send((child, answers))
    time.sleep(60)


def alive(process):
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
