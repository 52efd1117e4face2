"""A dual encoder of texts and images as teacher, as CLIP (arXiv 2103.00020) and SigLIP (arXiv 2303.15343)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers.util import get_device_name
from torch import Tensor
from torch.nn.functional import normalize
from transformers import AutoModel, AutoProcessor

from menura.collections import Image, Passage, text_of
from menura.errors import MenuraError
from menura.teachers.fingerprint import (
    Fingerprint,
    config_digest,
    content_digest,
    library_versions,
    tokenizer_digest,
    weights_digest,
)
from menura.weights import resolve_model

__all__ = ["DualEncoderTeacher"]

Item = TypeVar("Item", bound=Hashable)


class DualEncoderTeacher:
    """Scores a query against the text and the image of a passage: with cosines, and the model's own scale,

    `scale * ((1 - image_share) cos(query, text) + image_share cos(query, image)) + bias`.

    Texts are alike in another range than a text and an image are, so a passage without an image has no comparable
    score: with an `image_share` above 0 it is an error. Texts are cut at the model's positions.

    Args:
        model: has `get_text_features` and `get_image_features`.
        processor: its tokenizer and image processor.
        name: where it came from; recorded only.
        image_share: from 0, the text alone, to 1, the image alone.
        batch_size: texts or images that are encoded at a time.
        bf16: run under bf16 autocast; recorded in the fingerprint.
    """

    def __init__(
        self,
        model: Any,
        processor: Any,
        *,
        name: str,
        image_share: float = 0.5,
        batch_size: int = 32,
        bf16: bool = False,
    ) -> None:
        self._model = model.eval()
        self._processor = processor
        self._name = name
        self._image_share = image_share
        self._batch_size = batch_size
        self._bf16 = bf16
        self._positions = model.config.get_text_config().max_position_embeddings

    @classmethod
    def load(
        cls,
        reference: str,
        *,
        image_share: float = 0.5,
        batch_size: int = 32,
        bf16: bool = False,
        device: str | None = None,
    ) -> DualEncoderTeacher:
        """Load from a folder, hub name or ``package:NAME``. `device` None: torch's default.

        Raises:
            MenuraError: it cannot be loaded, or does not encode both texts and images.
        """
        try:
            path = resolve_model(reference)
            model, processor = AutoModel.from_pretrained(path), AutoProcessor.from_pretrained(path)
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
            raise MenuraError(f"[teachers] cannot load the dual encoder {reference!r}: {reason}") from error
        ways = ("get_text_features", "get_image_features")
        if not all(hasattr(model, way) for way in ways) or not hasattr(processor, "image_processor"):
            raise MenuraError(
                f"[teachers] {reference} is a {type(model).__name__}, which does not encode texts and images apart, as "
                "CLIP and SigLIP do; leave teacher.dual_encoder out."
            )
        model = model.to(device or get_device_name())
        return cls(model, processor, name=reference, image_share=image_share, batch_size=batch_size, bf16=bf16)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Changes with whatever changes a score; what a passage shows is in the passage's own hash."""
        model, processor = self._model, self._processor
        return Fingerprint(
            {
                "model": self._name,
                "weights": weights_digest(model),
                "config": config_digest(model),
                "tokenizer": tokenizer_digest(processor.tokenizer),
                "image_processor": content_digest(processor.image_processor.to_dict()),
                "sees": f"text and image; image_share {self._image_share}",
                "precision": "bf16 autocast" if self._bf16 else str(model.dtype),
                **library_versions("torch", "transformers", "pillow"),
            }
        )

    @torch.inference_mode()
    def score(self, pairs: Sequence[tuple[str, Passage]]) -> NDArray[np.float32]:
        """Raw logits `[len(pairs)]` of queries and passages, in their order; a higher logit is a better match.

        Raises:
            MenuraError: a passage has no image, or one that cannot be read.
        """
        if not pairs:
            return np.empty(0, np.float32)
        queries = self._embedded([query for query, _ in pairs], self._texts)
        cosines = torch.zeros(len(pairs), device=queries.device)
        if self._image_share < 1:
            texts = self._embedded([text_of(passage) for _, passage in pairs], self._texts)
            cosines += (1 - self._image_share) * (queries * texts).sum(-1)
        if self._image_share > 0:
            images = self._embedded([_image(passage) for _, passage in pairs], self._images)
            cosines += self._image_share * (queries * images).sum(-1)
        scale, bias = getattr(self._model, "logit_scale", None), getattr(self._model, "logit_bias", None)
        logits = cosines * (1 if scale is None else scale.exp()) + (0 if bias is None else bias)
        return logits.float().cpu().numpy()

    def _embedded(self, items: list[Item], encode: Callable[[list[Item]], Any]) -> Tensor:
        """Unit vectors `[len(items),d]` in float32; what comes several times is encoded once."""
        places = {item: place for place, item in enumerate(dict.fromkeys(items))}
        distinct, device = list(places), self._model.device
        vectors = []
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
            for start in range(0, len(distinct), self._batch_size):
                encoded = encode(distinct[start : start + self._batch_size])
                # Older versions of transformers return the vectors themselves.
                vectors.append(getattr(encoded, "pooler_output", encoded).float())
        return normalize(torch.cat(vectors), dim=-1)[[places[item] for item in items]]

    def _texts(self, texts: list[str]) -> Any:
        # SigLIP has learned from texts padded to its full length, without a mask.
        padding = "max_length" if self._model.config.model_type.startswith("siglip") else True
        tokens = self._processor.tokenizer(
            texts, padding=padding, truncation=True, max_length=self._positions, return_tensors="pt"
        )
        return self._model.get_text_features(**tokens.to(self._model.device))

    def _images(self, images: list[Image]) -> Any:
        opened = [_pixels(image) for image in images]
        pixels = self._processor.image_processor(images=opened, return_tensors="pt")
        return self._model.get_image_features(**pixels.to(self._model.device))


def _image(passage: Passage) -> Image:
    if isinstance(passage, str):
        raise MenuraError(
            f"[teachers] a dual encoder needs an image, and the passage {passage[:60]!r} has none; leave such passages "
            "out of the collection, or set dual_encoder.image_share to 0."
        )
    return passage.image


def _pixels(image: Image) -> Any:
    try:
        return image.open().convert("RGB")
    except OSError as error:
        raise MenuraError(f"[teachers] cannot decode {image}: {error}.") from error
