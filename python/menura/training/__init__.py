"""From examples to trained students."""

from menura.training.calibration import fit_calibration, fit_margin_scale
from menura.training.colbert import train_colbert
from menura.training.examples import build_examples
from menura.training.joint import train_joint
from menura.training.joint_trainer import JointTrainer
from menura.training.online import OnlineExamples
from menura.training.running import TrainingResult
from menura.training.splade import train_splade
from menura.training.trainers import ColbertTrainer, SpladeTrainer

__all__ = [
    "ColbertTrainer",
    "JointTrainer",
    "OnlineExamples",
    "SpladeTrainer",
    "TrainingResult",
    "build_examples",
    "fit_calibration",
    "fit_margin_scale",
    "train_colbert",
    "train_joint",
    "train_splade",
]
