"""From examples to trained students."""

from menura.training.distillation import TrainingResult, fit_calibration, train_colbert, train_splade
from menura.training.examples import build_examples

__all__ = ["TrainingResult", "build_examples", "fit_calibration", "train_colbert", "train_splade"]
