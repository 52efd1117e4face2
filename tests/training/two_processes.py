"""Gradients of one training step of 16 rows, in one process or, under torchrun, in two with 8 rows each."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from datasets import Dataset
from sentence_transformers import (
    MultiVectorEncoderTrainer,
    MultiVectorEncoderTrainingArguments,
    SparseEncoderTrainer,
    SparseEncoderTrainingArguments,
)
from transformers import TrainerCallback

from contrastive import InBatchContrast
from menura.losses import ColbertDistillationLoss, Flops, MarginMSE, PointwiseMSE, SimCSE, SpladeDistillationLoss
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade
from menura.trainer import set_dropout
from tiny import WORDS

ROWS = 16
CASES = [(student, size) for student in ("colbert", "splade") for size in (None, 5)]


def examples():
    """Texts of all lengths; weights that differ between the halves of the batch."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for i in range(ROWS):
        texts = [
            " ".join(WORDS[(7 * i + 5 * n + k) % len(WORDS)] for k in range(1 + (i + 3 * n) % 9)) for n in range(4)
        ]
        row = dict(zip(("query", "passage_1", "passage_2", "passage_3"), texts, strict=True))
        weights = torch.rand(3, generator=generator) * (1 + i)
        rows.append({**row, "label": [torch.randn(3, generator=generator).tolist(), weights.tolist()]})
    return Dataset.from_list(rows)


class Gradients(TrainerCallback):
    """Those that the optimizer is about to see."""

    def __init__(self):
        self.found = {}
        self.loss = None

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        for name, parameter in self.loss.named_parameters():
            if parameter.grad is not None:
                self.found[name.replace("model.module.", "model.")] = parameter.grad.clone()


def gradients(folder, student, mini_batch_size, *, batch_size, again=False, **arguments):
    """By name, of a step on the models in `folder`; with `again` one that encodes texts once more."""
    seen = Gradients()
    # In the second process the objective's own parameter starts elsewhere.
    contrast = InBatchContrast()
    contrast.log_scale.data.add_(float(os.environ.get("RANK", "0")))
    objectives = [MarginMSE(pairs="all"), PointwiseMSE(), contrast]
    if student == "colbert":
        model = accelerate(build_colbert(ColbertSettings(model=str(folder / "encoder"), dimension=8)))
        objectives += [SimCSE(model, texts="passages")] * again
        seen.loss = ColbertDistillationLoss(model, objectives, mini_batch_size=mini_batch_size)
        make, make_arguments = MultiVectorEncoderTrainer, MultiVectorEncoderTrainingArguments
    else:
        model = accelerate(build_splade(SpladeSettings(model=str(folder / "lm"))))
        objectives += [Flops("document", weight=0.3), Flops("query", weight=0.2)]
        objectives += [SimCSE(model, texts="passages")] * again
        seen.loss = SpladeDistillationLoss(model, objectives, mini_batch_size=mini_batch_size)
        make, make_arguments = SparseEncoderTrainer, SparseEncoderTrainingArguments
    set_dropout(model, 0.0)
    options = {
        "output_dir": str(folder / "out"),
        "max_steps": 1,
        "per_device_train_batch_size": batch_size,
        "max_grad_norm": 0.0,
        "learning_rate": 0.0,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        **arguments,
    }
    make(
        model=model, args=make_arguments(**options), train_dataset=examples(), loss=seen.loss, callbacks=[seen]
    ).train()
    return seen.found


def main(folder):
    torch.set_num_threads(1)
    found = {
        f"{student} {size}": gradients(folder, student, size, batch_size=ROWS // 2, again=size is None)
        for student, size in CASES
    }
    torch.save(found, folder / f"gradients_{os.environ['RANK']}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
