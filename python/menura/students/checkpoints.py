"""Saving students so that every version of their libraries reads them, with or without Menura."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from sentence_transformers import MultiVectorEncoder, SparseEncoder
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.base.modules.dense import Dense
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from sentence_transformers.sparse_encoder.modules import SpladePooling

from menura.errors import MenuraError

__all__ = ["save_student"]


def save_student(model: MultiVectorEncoder | SparseEncoder, folder: str | Path) -> Path:
    """Write a student to `folder` and return it.

    A ColBERT is written in PyLate's layout, which sentence-transformers 6 reads as well; a SPLADE in that of
    sentence-transformers 5, which 6 reads as well, around a plain masked LM. A model that these layouts cannot say (a
    ColBERT with prompts, expansion tokens or mean similarities, other modules) is written in the library's own.

    Raises:
        MenuraError: the folder cannot be written.
    """
    folder = Path(folder)
    try:
        model.save_pretrained(str(folder))
        if isinstance(model, MultiVectorEncoder) and _is_plain_colbert(model):
            _write_pylate_layout(model, folder)
        elif isinstance(model, SparseEncoder) and _is_plain_splade(model):
            _write_splade_layout(model, folder)
    except OSError as error:
        raise MenuraError(f"[students] cannot write {folder}: {error.strerror or error}.") from error
    return folder


def _is_plain_colbert(model: MultiVectorEncoder) -> bool:
    kinds = [Transformer, Dense, MultiVectorMask, Normalize]
    if [type(module) for module in model] != kinds:
        return False
    transformer, _, mask, _ = model
    return (
        model.similarity_fn_name == "maxsim"
        and transformer.query_expansion is None
        and not any(model.prompts.values())
        and mask.skiplist_tasks == ["document"]
        and not mask.keep_only_token_ids
    )


def _is_plain_splade(model: SparseEncoder) -> bool:
    return len(model) == 2 and isinstance(model[0], Transformer) and isinstance(model[1], SpladePooling)


def _write_pylate_layout(model: MultiVectorEncoder, folder: Path) -> None:
    transformer, dense, mask, _ = model
    _write_modules(folder, ["sentence_transformers.models.Transformer", ("1_Dense", "pylate.models.Dense.Dense")])
    _write_json(folder / "sentence_bert_config.json", _transformer_config(model))
    _write_json(
        folder / "1_Dense" / "config.json",
        {
            "in_features": dense.in_features,
            "out_features": dense.out_features,
            "bias": dense.bias,
            "activation_function": "torch.nn.modules.linear.Identity",
            "use_residual": dense.use_residual,
        },
    )
    _update_json(
        folder / "config_sentence_transformers.json",
        {
            "model_type": "ColBERT",
            "similarity_fn_name": "MaxSim",
            "query_prefix": "",
            "document_prefix": "",
            "query_length": transformer.query_length,
            "document_length": transformer.document_length,
            "attend_to_expansion_tokens": False,
            "skiplist_words": mask.skiplist_words,
            "do_query_expansion": False,
        },
    )
    for leftover in ("2_MultiVectorMask", "3_Normalize"):
        shutil.rmtree(folder / leftover, ignore_errors=True)


def _write_splade_layout(model: SparseEncoder, folder: Path) -> None:
    pooling = model[1]
    package = "sentence_transformers.sparse_encoder.models"
    _write_modules(folder, [f"{package}.MLMTransformer", ("1_SpladePooling", f"{package}.SpladePooling")])
    _write_json(folder / "sentence_bert_config.json", _transformer_config(model))
    _write_json(
        folder / "1_SpladePooling" / "config.json",
        {
            "pooling_strategy": pooling.pooling_strategy,
            "activation_function": pooling.activation_function,
            "word_embedding_dimension": pooling.embedding_dimension,
        },
    )


def _transformer_config(model: MultiVectorEncoder | SparseEncoder) -> dict[str, Any]:
    return {"max_seq_length": model.max_seq_length, "do_lower_case": False}


def _write_modules(folder: Path, modules: list[Any]) -> None:
    rows = []
    for index, module in enumerate(modules):
        path, kind = module if isinstance(module, tuple) else ("", module)
        rows.append({"idx": index, "name": str(index), "path": path, "type": kind})
    _write_json(folder / "modules.json", rows)


def _update_json(path: Path, values: dict[str, Any]) -> None:
    _write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **values})


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
