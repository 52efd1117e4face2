"""Who learns."""

from __future__ import annotations

from pydantic import Field

from menura.recipe.lora import LoraSettings
from menura.recipe.objectives import MarginMSESettings, ObjectivesSettings, PointwiseMSESettings
from menura.recipe.section import Section
from menura.recipe.trainer import TrainerSettings

__all__ = ["ColbertSettings", "SpladeSettings", "StudentsSettings"]


class ColbertSettings(Section):
    """A ColBERT student. By default it is trained pairwise: its MaxSim margins must match the teacher's.

    `layers` keeps only the encoder's first layers. `calibrate` scales the teacher's margins to the spread of the
    starting student's, whose similarities are bounded. `projection_learning_rate` (None: the trainer's) is for the
    projection to `dimension`, drawn at random above an encoder that knows much already. `dropout` None: its own.
    `mini_batch_size` is the number of texts that go through the student at a time; the gradient is that of the whole
    batch. None: all of them, or under `accumulation` those of `batch_size` rows.
    """

    model: str
    dimension: int = Field(default=128, ge=1)
    layers: int | None = Field(default=None, ge=1)
    query_length: int = Field(default=32, ge=4)
    document_length: int = Field(default=180, ge=4)
    negatives: int = Field(default=2, ge=1)
    objectives: ObjectivesSettings = ObjectivesSettings(margin_mse=MarginMSESettings())
    calibrate: bool = False
    projection_learning_rate: float | None = Field(default=None, gt=0)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    lora: LoraSettings | None = None
    mini_batch_size: int | None = Field(default=None, ge=1)
    trainer: TrainerSettings = TrainerSettings()


class SpladeSettings(Section):
    """A SPLADE student. By default its dot product must match the teacher's score; a FLOPS penalty keeps it sparse.

    The penalty's weights grow quadratically from zero over the first `regularizer_warmup` of the steps. `dropout` None:
    the model's own. `mini_batch_size` as in `ColbertSettings`.
    """

    model: str
    max_length: int = Field(default=256, ge=4)
    negatives: int = Field(default=2, ge=1)
    objectives: ObjectivesSettings = ObjectivesSettings(pointwise_mse=PointwiseMSESettings())
    query_regularizer: float = Field(default=1e-3, ge=0)
    document_regularizer: float = Field(default=1e-3, ge=0)
    regularizer_warmup: float = Field(default=1 / 3, ge=0, le=1)
    document_budget: int = Field(default=200, ge=1)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    lora: LoraSettings | None = None
    mini_batch_size: int | None = Field(default=None, ge=1)
    trainer: TrainerSettings = TrainerSettings()


class StudentsSettings(Section):
    """Which students to train; at least one."""

    colbert: ColbertSettings | None = None
    splade: SpladeSettings | None = None
