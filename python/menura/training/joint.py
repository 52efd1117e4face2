"""Training a ColBERT and a SPLADE that teach each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from sentence_transformers.base.training_args import BaseTrainingArguments

from menura.losses import JointDistillationLoss, MutualLearning
from menura.recipe import ColbertSettings, JointSettings, SpladeSettings
from menura.students import merge_lora, save_student
from menura.trainer import run, trainer_arguments
from menura.training.colbert import colbert_loss, own_rates
from menura.training.joint_trainer import JointTrainer
from menura.training.mutual_start import MutualStart
from menura.training.objectives import learning_rates
from menura.training.online import OnlineExamples
from menura.training.running import attach, prepare, rows_of
from menura.training.splade import splade_loss

__all__ = ["train_joint"]


def train_joint(
    colbert: tuple[MultiVectorEncoder, ColbertSettings],
    splade: tuple[SparseEncoder, SpladeSettings],
    settings: JointSettings,
    examples: Dataset | OnlineExamples,
    *,
    folders: Mapping[str, Path],
    output: Path,
    seed: int,
) -> None:
    """Distil both students together: `menura.losses.JointDistillationLoss` on `examples` (see `build_examples`),
    which may be made while they train (`OnlineExamples`).

    Each step gives both of them the same rows, each through its own tokenizer; each has its own learning rate, its own
    regularizers and its own clipping of gradients, so that students which do not teach each other end as if trained
    alone, but for the random numbers of dropout. A run that was cut short goes on from its latest whole checkpoint of
    both under ``output/checkpoints``.

    Args:
        folders: where `colbert` and `splade` are saved.
        output: where the checkpoints and the history of the training go.

    Raises:
        MenuraError: a folder cannot be written, there are only broken checkpoints, or the training ends before
            `start_step`.
    """
    checkpoint = prepare(*colbert, output, seed=seed)
    prepare(*splade, output, seed=seed)
    fit_on: dict[str, Any] = {"examples": examples, "checkpoint": checkpoint, "seed": seed}
    colbert_side, of_colbert = colbert_loss(*colbert, output=folders["colbert"], log_prefix="colbert_", **fit_on)
    splade_side, of_splade = splade_loss(*splade, output=folders["splade"], log_prefix="splade_", **fit_on)
    mutual = MutualLearning(
        peer=settings.peer.both,
        ensemble=settings.ensemble.both,
        temperatures=settings.temperature.both,
        share=settings.share,
    )
    trainer = JointTrainer(
        model=JointDistillationLoss(colbert_side, splade_side, mutual),
        args=trainer_arguments(
            BaseTrainingArguments,
            colbert[1].trainer,
            output,
            seed=seed,
            whole_batches=True,
            learning_rate_mapping={
                r"^splade\.": splade[1].trainer.learning_rate,
                **{rf"^splade\.{name}": rate for name, rate in learning_rates(splade[1]).items()},
                **{rf"^colbert\.{name}": rate for name, rate in own_rates(*colbert).items()},
            },
        ),
        train_dataset=rows_of(examples),
        callbacks=[*of_colbert, *of_splade, MutualStart(mutual, settings.start_step)],
    )
    attach(examples, trainer)
    run(trainer, "Distilling both", output, checkpoint)
    for name, model in (("colbert", colbert[0]), ("splade", splade[0])):
        merge_lora(model)
        if trainer.is_world_process_zero():
            save_student(model, folders[name])
