"""What identifies a teacher's answers: everything that changes a score."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import torch
from torch import nn

__all__ = ["Fingerprint", "weights_digest"]

# Recorded, but not part of the identity: the same weights under another name answer the same.
INFORMATIVE = ("model",)


@dataclass(frozen=True)
class Fingerprint:
    """A teacher's identity.

    `details` say what it is made of: model, weights, tokenizer, max_length, precision, activation, library versions.
    """

    details: dict[str, str]

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
