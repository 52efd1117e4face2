"""What identifies a teacher's answers: everything that changes a score."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version

import torch
from sentence_transformers.base.model import BaseModel
from sentence_transformers.base.modules import Module
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Fingerprint", "config_digest", "content_digest", "library_versions", "tokenizer_digest", "weights_digest"]

# Recorded, but not part of the identity: the same weights under another name answer the same.
INFORMATIVE = ("model",)
# What a config says of its origin, or what the fingerprint records elsewhere; none of it changes a score.
PROVENANCE = {"_name_or_path", "transformers_version", "sentence_transformers", "dtype", "id2label", "label2id"}


@dataclass(frozen=True)
class Fingerprint:
    """A teacher's identity.

    `details` say what it is made of: of a model its weights, config, tokenizer, prompts or template, max_length,
    precision and library versions; of a function its name and version.
    """

    details: dict[str, str]

    @classmethod
    def of(cls, model: BaseModel, *, name: str, max_length: int, precision: str | None, **others: str) -> Fingerprint:
        """That of a sentence-transformers model called `name`; `precision` None: its weights'."""
        return cls(
            {
                "model": name,
                "weights": weights_digest(model),
                "config": config_digest(model),
                "tokenizer": tokenizer_digest(model.tokenizer),
                "prompts": f"{model.prompts}, default {model.default_prompt_name}",
                "max_length": str(max_length),
                "precision": precision or str(next(model.parameters()).dtype),
                **others,
                **library_versions("torch", "transformers", "sentence_transformers"),
            }
        )

    @property
    def digest(self) -> str:
        """A short hash of all details but the model's name."""
        essential = {key: value for key, value in self.details.items() if key not in INFORMATIVE}
        return hashlib.blake2b(json.dumps(essential, sort_keys=True).encode(), digest_size=8).hexdigest()


def weights_digest(model: nn.Module) -> str:
    """A hash of all parameters and buffers, whichever file they came from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def config_digest(model: BaseModel | PreTrainedModel) -> str:
    """A hash of what the weights leave open: the transformer's config and the settings of the modules around it."""
    config = model.config.to_dict() if model.config else {}
    config = {key: value for key, value in config.items() if key not in PROVENANCE}
    modules = model if isinstance(model, nn.Sequential) else ()
    return content_digest([config, [module.get_config_dict() for module in modules if isinstance(module, Module)]])


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """A hash of how text becomes token ids, whatever was tokenized before."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    content = json.loads(backend.to_str()) if backend else {"vocabulary": tokenizer.get_vocab()}
    # The last call's truncation and padding; both are set anew with every batch.
    content = {key: value for key, value in content.items() if key not in ("truncation", "padding")}
    return content_digest([content, tokenizer.truncation_side, tokenizer.chat_template])


def library_versions(*names: str) -> dict[str, str]:
    """``2.13`` of ``2.13.0+cpu``: scores do not move with a patch release."""
    return {name: ".".join(version(name).split(".")[:2]) for name in names}


def content_digest(content: object) -> str:
    """A hash of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
