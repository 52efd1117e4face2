"""The teacher in the loop."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from menura.recipe.section import Section

__all__ = ["OnlineSettings", "RefreshSettings"]


class RefreshSettings(Section):
    """New negatives by the student while it trains (ANCE, arXiv 2007.00808): after `every` so many steps it encodes the
    passages that may be mined, or `pool` of them drawn at random, and finds `depth` for each query to come.

    It takes its turn before the miners that went first. In short the number of steps.
    """

    every: int = Field(ge=1)
    depth: int = Field(default=20, ge=1)
    pool: int | None = Field(default=None, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _steps_alone(cls, value: Any) -> Any:
        return {"every": value} if isinstance(value, int) else value


class OnlineSettings(Section):
    """Teachers are asked while students train, for what the next batches need and the answer key lacks.

    They work up to `ahead` batches before the student, in a ``process`` of their own, on the GPU `device` if it is
    named, or in a ``thread``; 0: in the step itself. Under torchrun each process has its own teachers, on its own GPU
    or as many after `device`, and what is asked is divided among them. What a view learns it learns from `fit_queries`
    of the training queries, whose candidates are asked for first.
    """

    ahead: int = Field(default=4, ge=0)
    worker: Literal["process", "thread"] = "process"
    device: int | None = Field(default=None, ge=0)
    fit_queries: int = Field(default=256, ge=1)
    refresh: RefreshSettings | None = None

    @model_validator(mode="after")
    def _device_is_of_a_process(self) -> OnlineSettings:
        if self.device is not None and (self.worker != "process" or not self.ahead):
            raise ValueError("a device is for a process that works ahead; the teacher shares the student's otherwise")
        return self
