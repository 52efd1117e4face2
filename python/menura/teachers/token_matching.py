"""A head for cross-encoders that compares the tokens which the encoder has read together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Module, Transformer
from sentence_transformers.util import load_file_path
from torch import Tensor, nn

from menura.ops import maxsim_pairs

__all__ = ["TokenMatching", "add_token_matching", "load_token_matching"]


class TokenMatching(Module):
    """MaxSim within a pair: `scale * mean_s max_t cos(q_s, d_t)` over the pair's query and passage tokens.

    Both sides have seen each other, as in jina-reranker-v3 (arXiv 2509.25085); special tokens take no part. With it a
    bi-encoder turned cross-encoder keeps what it knows of similarity; a classification head starts from nothing.

    Reads `token_embeddings` `[B,L,d]`, `input_ids`, `attention_mask` and `token_type_ids` `[B,L]` (0: query, 1:
    passage); writes `scores` `[B,1]`, raw logits. A passage without tokens scores lowest, `-scale`; a query without
    tokens 0.

    Args:
        special_token_ids: tokens that belong to neither text.
        scale: where the learned factor starts.
    """

    def __init__(self, special_token_ids: list[int], scale: float = 10.0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.special_token_ids = special_token_ids
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, features: dict[str, Tensor], **kwargs: Any) -> dict[str, Tensor]:
        ids = features["input_ids"]
        text = features["attention_mask"].bool() & ~torch.isin(ids, ids.new_tensor(self.special_token_ids))
        passage = features["token_type_ids"].bool()
        tokens = nn.functional.normalize(features["token_embeddings"].float(), dim=-1)
        similarity = maxsim_pairs(
            tokens, tokens, query_mask=text & ~passage, document_mask=text & passage, length_normalize=True
        )
        # maxsim puts an empty passage at -1e9; cosines end at -1.
        features["scores"] = (self.scale * similarity.clamp(min=-1.0))[:, None]
        return features

    def get_config_dict(self) -> dict[str, Any]:
        """All there is to save: the one weight is a number like any other."""
        return {"special_token_ids": self.special_token_ids, "scale": self.scale.item()}

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        self.save_config(output_path)


def add_token_matching(transformer: Transformer, device: str | None = None) -> CrossEncoder:
    """A cross-encoder of `transformer`, an encoder that knows token types, and a fresh head; `device` None: torch's.

    Raises:
        ValueError: its tokenizer does not mark the two texts of a pair.
    """
    tokenizer = transformer.tokenizer
    if tokenizer is None or "token_type_ids" not in tokenizer.model_input_names:
        raise ValueError("the head token_matching needs token types, and its tokenizer has none.")
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}  # an unknown word is a word
    return _joined(transformer, TokenMatching(sorted(special)), device)


def load_token_matching(path: str, device: str | None = None) -> CrossEncoder | None:
    """The cross-encoder saved at `path`, a folder or hub name; None where it has another head. `device` None: torch's.

    The library itself imports modules that are not its own only with `trust_remote_code`, which says yes to all.
    """
    listing = load_file_path(path, "modules.json")
    if listing is None:
        return None
    modules = json.loads(Path(listing).read_text(encoding="utf-8"))
    if not modules or modules[-1]["type"] != f"{TokenMatching.__module__}.{TokenMatching.__name__}":
        return None
    return _joined(Transformer.load(path), TokenMatching.load(path, subfolder=modules[-1]["path"]), device)


def _joined(transformer: Transformer, head: TokenMatching, device: str | None) -> CrossEncoder:
    transformer.model.config.num_labels = 1  # an encoder's own default is two
    model: CrossEncoder = CrossEncoder(modules=[transformer, head], device=device)
    return model
