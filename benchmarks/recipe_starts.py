"""A model that some runs begin with and that nobody ships."""

from __future__ import annotations

from pathlib import Path

import torch
from sentence_transformers import SparseEncoder

from menura.students import save_student
from menura.weights import resolve_model

__all__ = ["write_dense_start"]

# Added to every term's bias: 96 active terms a document become 542.
RAISED = 1.0


@torch.no_grad()
def write_dense_start(folder: Path) -> None:
    """The demo's SPLADE with so many active terms that budgets of some hundred bind; nothing where it is there."""
    if folder.exists():
        return
    model = SparseEncoder(str(resolve_model("package:cognition")), device="cpu")
    model[0].model.get_output_embeddings().bias += RAISED
    save_student(model, folder)
