"""Which tokens a text's active terms come from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.sparse_encoder.modules import SpladePooling

__all__ = ["dominant_token"]

# In a shorter text any token may win half of the terms.
FEWEST_TOKENS = 8


@torch.no_grad()
def dominant_token(model: SparseEncoder, texts: Sequence[str]) -> tuple[float, str] | None:
    """The share of its active terms that a text owes to one token, the one that gives most; and that token.

    The share is the mean over `texts`, the token the most frequent one. None: all texts are too short to tell, have no
    active terms, or the model does not take the maximum over tokens. The model computes as in evaluation, without
    dropout, and no random number is drawn.
    """
    transformer, pooling = model[0], model[1]
    if not isinstance(pooling, SpladePooling) or pooling.pooling_strategy != "max":
        return None
    training = transformer.training
    transformer.eval()
    try:
        found = [winner for text in texts if (winner := _winner(model, text)) is not None]
    finally:
        transformer.train(training)
    if not found:
        return None
    shares, tokens = zip(*found, strict=True)
    return sum(shares) / len(shares), max(sorted(set(tokens)), key=tokens.count)


def _winner(model: SparseEncoder, text: str) -> tuple[float, str] | None:
    transformer = model[0]
    features = model.preprocess([text], task="document")
    features = {name: value.to(model.device) if torch.is_tensor(value) else value for name, value in features.items()}
    ids = features["input_ids"].flatten()
    if len(ids) < FEWEST_TOKENS:
        return None
    # The class's own forward, which ends at the logits, also where `accelerate` has put another in its place.
    logits = type(transformer).forward(transformer, features)["token_embeddings"].reshape(len(ids), -1)
    highest, places = logits.max(dim=0)
    wins = places[highest > 0].bincount(minlength=len(ids))
    if not wins.any():
        return None
    winner = int(wins.argmax())
    return float(wins[winner] / wins.sum()), model.tokenizer.convert_ids_to_tokens(int(ids[winner]))
