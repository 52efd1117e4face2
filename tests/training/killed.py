"""Trainings that die at some of their steps, each in a process of its own, and one that does not."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from datasets import Dataset
from transformers import TrainerCallback

from contrastive import InBatchContrast
from menura.losses import MarginMSE, PointwiseMSE
from menura.recipe import ColbertSettings, LoraSettings, SpladeSettings, TrainerSettings
from menura.students import build_colbert, build_splade
from menura.trainer import running
from menura.training import colbert, splade
from tiny import WORDS

STEPS = 11
DEATHS = (5, 11)  # between two checkpoints, and after the last
CASES = {"colbert with lora": {"lora": LoraSettings(rank=2)}, "splade in mini-batches": {"mini_batch_size": 3}}


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


def train(folder, case, output, death):
    """Three epochs and more, with dropout, a schedule, and an objective that learns parameters of its own."""
    trainer = TrainerSettings(max_steps=STEPS, batch_size=3, learning_rate=1e-2, save_steps=4, logging_steps=1)
    options = {"dropout": 0.2, "trainer": trainer, **CASES[case]}
    show = running.show_progress

    def show_and_die(trainer, description):
        show(trainer, description)
        trainer.add_callback(DieAt(death))

    running.show_progress = show_and_die
    if case.startswith("colbert"):
        settings = ColbertSettings(model=str(folder / "encoder"), dimension=8, **options)
        colbert.build_objectives = lambda *_: [MarginMSE(), InBatchContrast()]
        colbert.train_colbert(build_colbert(settings), settings, examples(), output=output, seed=1)
    else:
        settings = SpladeSettings(model=str(folder / "lm"), **options)
        splade.build_objectives = lambda *_: [PointwiseMSE(), InBatchContrast()]
        splade.train_splade(build_splade(settings), settings, examples(), output=output, seed=1)


def in_a_process(folder, case, output, death):
    """How it ended. A fork: what has been imported need not be again."""
    child = os.fork()
    if child == 0:
        train(folder, case, output, death)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder):
    torch.set_num_threads(1)
    for case in CASES:
        assert in_a_process(folder, case, folder / case / "whole", None) == 0
        for death in DEATHS:
            assert in_a_process(folder, case, folder / case / "killed", death) == -signal.SIGKILL
        assert in_a_process(folder, case, folder / case / "killed", None) == 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
