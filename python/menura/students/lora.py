"""Low-rank adapters under a student's encoder (Hu et al. 2021, arXiv 2106.09685), by peft."""

from __future__ import annotations

import importlib.util
from typing import Any

from sentence_transformers import MultiVectorEncoder, SparseEncoder
from sentence_transformers.base.model import BaseModel

from menura.errors import MenuraError
from menura.recipe import LoraSettings

__all__ = ["add_lora", "has_lora", "merge_lora", "require_peft"]

Student = MultiVectorEncoder | SparseEncoder


def add_lora(model: Student, settings: LoraSettings) -> None:
    """Freeze the encoder of `model` and put adapters under it, in place; they change nothing until they are trained.

    Raises:
        MenuraError: peft is not installed, or the encoder has no such modules.
    """
    require_peft()
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=settings.target_modules)
    try:
        get_peft_model(model[0].model, config)
    except ValueError as error:
        raise MenuraError(f"[students] lora.target_modules: {str(error).splitlines()[0]}") from error


def require_peft() -> None:
    """Refuse before anything long is begun.

    Raises:
        MenuraError: peft is not installed.
    """
    if importlib.util.find_spec("peft") is None:
        raise MenuraError("[students] lora needs peft; run: pip install 'menura[lora]'.")


def has_lora(model: BaseModel) -> bool:
    """Whether there are adapters under `model`."""
    return hasattr(getattr(model[0], "model", None), "peft_config")


def merge_lora(model: Student) -> None:
    """Add what adapters have learned to the weights below them, and remove them, in place."""
    if not has_lora(model):
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    encoder: Any = model[0].model
    for module in list(encoder.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, BaseTunerLayer):
                child.merge()
                setattr(module, name, child.get_base_layer())
    del encoder.peft_config
    encoder.requires_grad_(True)
