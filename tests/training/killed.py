"""Trainings that die at some of their steps, each in a process of its own, and one that does not."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from transformers import TrainerCallback

from contrastive import InBatchContrast
from menura.losses import MarginMSE, PointwiseMSE
from menura.recipe import ColbertSettings, LoraSettings, SpladeSettings, TrainerSettings
from menura.students import build_colbert, build_splade
from menura.trainer import running
from menura.training import OnlineExamples, colbert, splade
from tiny import WORDS

STEPS = 11
DEATHS = (5, 11)  # between two checkpoints, and after the last
DEATH_TOGETHER = 9  # in the second epoch, as is the checkpoint before
TOGETHER = "splade in mini-batches"
CASES = {"colbert with lora": {"lora": LoraSettings(rank=2)}, TOGETHER: {"mini_batch_size": 3}}


class DieAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step < STEPS:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_save(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


def examples():
    rows = []
    for i in range(10):
        texts = [f"{WORDS[i]} {WORDS[i + n]} {' '.join(WORDS[2 * i : 2 * i + n])}" for n in range(3)]
        rows.append({"query": texts[0], "passage_1": texts[1], "passage_2": texts[2], "label": [i / 10, -0.5]})
    return Dataset.from_list(rows)


class ReadyTeacher:
    """Knows what the first of two scores is."""

    def prepare(self, rows):
        pass

    def ask(self, rows):
        pass

    def labels(self, rows):
        return np.array([[int(query_id) / 10, -0.5] for query_id, _ in rows])


def online_examples():
    """The same rows, scored when they are needed."""
    rows = examples()
    ids = [str(number) for number in range(len(rows))]
    corpus = {f"{side}{i}": rows[f"passage_{side}"][int(i)] for i in ids for side in (1, 2)}
    candidates = {i: ([f"1{i}"], [f"2{i}"]) for i in ids}
    queries = dict(zip(ids, rows["query"], strict=True))
    return OnlineExamples(candidates, ReadyTeacher(), queries, corpus, negatives=1)


def train(folder, case, output, death, *, rows=None, batch_size=3):
    """Two epochs and more, with dropout, a schedule, and an objective that learns parameters of its own."""
    trainer = TrainerSettings(max_steps=STEPS, batch_size=batch_size, learning_rate=1e-2, save_steps=4, logging_steps=1)
    options = {"dropout": 0.2, "trainer": trainer, **CASES[case]}
    show = running.show_progress

    def show_and_die(trainer, description):
        show(trainer, description)
        trainer.add_callback(DieAt(death))

    running.show_progress = show_and_die
    rows = examples() if rows is None else rows
    if case.startswith("colbert"):
        settings = ColbertSettings(model=str(folder / "encoder"), dimension=8, **options)
        colbert.build_objectives = lambda *_: [MarginMSE(), InBatchContrast()]
        colbert.train_colbert(build_colbert(settings), settings, rows, output=output, seed=1)
    else:
        settings = SpladeSettings(model=str(folder / "lm"), **options)
        splade.build_objectives = lambda *_: [PointwiseMSE(), InBatchContrast()]
        splade.train_splade(build_splade(settings), settings, rows, output=output, seed=1)


def in_a_process(folder, case, output, death):
    """How it ended. A fork: what has been imported need not be again."""
    child = os.fork()
    if child == 0:
        train(folder, case, output, death)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def train_together(folder, dies):
    """One of two processes, in which an epoch has five steps: a whole training, and one in which the first dies."""
    torch.set_num_threads(1)
    death = DEATH_TOGETHER if dies and os.environ["RANK"] == "0" else None
    for name, dies_at in (("whole", None), ("killed", death)):
        output = folder / "together" / name
        train(folder, TOGETHER, output, dies_at, rows=online_examples(), batch_size=1)


def main(folder):
    torch.set_num_threads(1)
    for case in CASES:
        assert in_a_process(folder, case, folder / case / "whole", None) == 0
        for death in DEATHS:
            assert in_a_process(folder, case, folder / case / "killed", death) == -signal.SIGKILL
        assert in_a_process(folder, case, folder / case / "killed", None) == 0


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(Path(sys.argv[1]))
    else:
        train_together(Path(sys.argv[1]), sys.argv[2] == "dies")
