"""From examples to trained students."""

from menura.training.calibration import fit_calibration, fit_margin_scale
from menura.training.distillation import TrainingResult, train_colbert, train_splade
from menura.training.examples import build_examples

__all__ = ["TrainingResult", "build_examples", "fit_calibration", "fit_margin_scale", "train_colbert", "train_splade"]
