"""A teacher that sees images."""

from __future__ import annotations

from pydantic import Field

from menura.recipe.section import Section

__all__ = ["DualEncoderSettings"]


class DualEncoderSettings(Section):
    """The model is a dual encoder of texts and images, as CLIP and SigLIP; see `menura.teachers.DualEncoderTeacher`.

    `image_share` is how much the image of a passage counts beside its text. `batch_size` texts or images are encoded at
    a time.
    """

    image_share: float = Field(default=0.5, ge=0, le=1)
    batch_size: int = Field(default=32, ge=1)
