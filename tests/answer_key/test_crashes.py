"""The answer key when the process dies or the disk is full: what was written stays, and nothing is asked twice."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from counting import CORPUS, CountingTeacher
from menura import MenuraError
from menura.answer_key import AnswerKey, annotate, read_logits

# Random moments at which an annotation is killed.
KILLS = int(os.environ.get("MENURA_TEST_KILLS", "4"))
QUERIES = {f"q{i}": f"query number {i}" for i in range(60)}
PAIRS = [(query_id, passage_id) for query_id in QUERIES for passage_id in CORPUS]
CHUNK = 4
ANNOTATION = """
import sys, time
sys.path[:0] = {paths!r}
from test_crashes import CHUNK, CORPUS, PAIRS, QUERIES, CountingTeacher
from menura.answer_key import AnswerKey, LocalEngine, annotate

class SlowTeacher(CountingTeacher):
    def score(self, pairs):
        with open({log!r}, "a") as log:
            log.writelines(f"{{query}}|{{passage}}\\n" for query, passage in pairs)
        time.sleep(0.02)
        return super().score(pairs)

teacher = SlowTeacher()
engine = LocalEngine(teacher, chunk_size=CHUNK)
annotate(AnswerKey({folder!r}), teacher, PAIRS, QUERIES, CORPUS, engine=engine)
"""


def test_killed_at_random_moments(tmp_path):
    log = tmp_path / "asked"
    log.touch()
    here = Path(__file__).parent
    code = ANNOTATION.format(paths=[str(here), str(here.parent)], log=str(log), folder=str(tmp_path / "key"))
    generator = random.Random(0)
    # Each process gets further than the one before, by a random number of chunks and a random fraction of one.
    kills = sorted(generator.sample(range(CHUNK, len(PAIRS) - CHUNK), KILLS))
    interrupted = 0
    for lines in kills:
        process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        while process.poll() is None and len(log.read_text().splitlines()) < lines + CHUNK * interrupted:
            time.sleep(0.001)
        time.sleep(generator.uniform(0, 0.06))
        process.send_signal(signal.SIGKILL)
        interrupted += process.wait() == -signal.SIGKILL
    subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL, check=True)
    assert interrupted == KILLS

    asked = log.read_text().splitlines()
    assert len(set(asked)) == len(PAIRS)
    assert len(asked) <= len(PAIRS) + CHUNK * KILLS, "at most the chunk in flight is asked again"
    assert max(asked.count(line) for line in set(asked)) <= KILLS + 1
    whole, resumed = AnswerKey(tmp_path / "whole"), AnswerKey(tmp_path / "key")
    annotate(whole, CountingTeacher(), PAIRS, QUERIES, CORPUS)
    assert everything(resumed) == everything(whole)
    assert annotate(resumed, CountingTeacher(), PAIRS, QUERIES, CORPUS).scored == 0


def test_a_disk_that_is_full(tmp_path):
    key = AnswerKey(tmp_path)
    annotate(key, CountingTeacher(), PAIRS[:40], QUERIES, CORPUS)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        # No file may grow beyond this: writing fails as on a full disk, through the operating system.
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, before[1]))
        with pytest.raises(MenuraError, match=r"cannot write to .*What was scored before is kept") as refused:
            annotate(key, CountingTeacher(), PAIRS, QUERIES, CORPUS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(refused.value)
    reopened = AnswerKey(tmp_path)
    assert len(read_logits(reopened, "teacher", PAIRS[:40], QUERIES, CORPUS)) == 40
    assert annotate(reopened, CountingTeacher(), PAIRS, QUERIES, CORPUS).scored == len(PAIRS) - 40


READ_ONLY = """
import os, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from test_crashes import CORPUS, PAIRS, QUERIES, AnswerKey, CountingTeacher, MenuraError, annotate, read_logits

folder = Path({folder!r})
annotate(AnswerKey(folder / "key"), CountingTeacher(), PAIRS[:40], QUERIES, CORPUS)
for place in [folder, *folder.rglob("*")]:
    place.chmod(0o555 if place.is_dir() else 0o444)
if os.geteuid() == 0:  # root may write everywhere
    os.setgid(65534)
    os.setuid(65534)
key = AnswerKey(folder / "key")
print(len(read_logits(key, "teacher", PAIRS[:40], QUERIES, CORPUS)))
try:
    annotate(key, CountingTeacher(), PAIRS, QUERIES, CORPUS)
except MenuraError as error:
    print(error)
"""


def test_a_folder_that_may_only_be_read():
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        code = READ_ONLY.format(paths=[str(here), str(here.parent)], folder=folder)
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for place in [Path(folder), *Path(folder).rglob("*")]:
            place.chmod(0o755)
    read, refused = ended.stdout.splitlines()
    assert read == "40"
    assert re.fullmatch(
        r"\[answer_key\] cannot write to .*Permission denied.*What was scored before is kept\.", refused
    )


def test_two_processes_with_overlapping_work(tmp_path):
    here = Path(__file__).parent
    logs = [tmp_path / "first", tmp_path / "second"]
    paths = [str(here), str(here.parent)]
    codes = [ANNOTATION.format(paths=paths, log=str(log), folder=str(tmp_path / "key")) for log in logs]
    codes[1] = codes[1].replace(", PAIRS, QUERIES, CORPUS, engine", ", PAIRS[::-1], QUERIES, CORPUS, engine")
    processes = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) for code in codes]
    assert [process.wait(120) for process in processes] == [0, 0]
    asked = [set(log.read_text().splitlines()) for log in logs]
    assert len(asked[0] | asked[1]) == len(PAIRS)
    key = AnswerKey(tmp_path / "key")
    assert key.scores.count() == sum(len(log.read_text().splitlines()) for log in logs)
    whole = AnswerKey(tmp_path / "whole")
    annotate(whole, CountingTeacher(), PAIRS, QUERIES, CORPUS)
    assert everything(key) == everything(whole)


def everything(key):
    return read_logits(key, "teacher", PAIRS, QUERIES, CORPUS)
