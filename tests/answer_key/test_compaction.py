"""Merging small files while others write and merge, too."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from menura.answer_key import AnswerKey, Pairs, hash_texts
from menura.answer_key.overview import overview

MERGING = """
import sys
from menura.answer_key import AnswerKey
key = AnswerKey({folder!r})
sys.stdin.readline()
key.compact()
"""


def test_several_processes_that_merge_at_once(tmp_path):
    key = AnswerKey(tmp_path)
    queries, passages = hash_texts(["query"]), hash_texts(f"passage {i}" for i in range(40))
    key.register("teacher", {"model": "m"})
    for i in range(40):
        key.append("teacher", queries, passages[i : i + 1], np.array([i], "f4"), run="run")
    code = MERGING.format(folder=str(tmp_path))
    processes = [subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:  # all have opened the table as it was; all begin at once
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(120) for process in processes] == [0] * 4
    merged = AnswerKey(tmp_path)
    (part,) = overview(merged)
    assert (part.scores, part.files) == (40, 1)
    pairs = Pairs(queries, passages, np.zeros(40, int), np.arange(40))
    assert merged.logits("teacher", pairs).tolist() == list(range(40))
