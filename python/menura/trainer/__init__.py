"""What every sentence-transformers trainer of ours shares, the teacher's and the students'."""

from menura.trainer.arguments import trainer_arguments
from menura.trainer.checkpoint import latest_checkpoint
from menura.trainer.modules import checkpoint_layers, plain_attention, set_dropout
from menura.trainer.running import open_output, run

__all__ = [
    "checkpoint_layers",
    "latest_checkpoint",
    "open_output",
    "plain_attention",
    "run",
    "set_dropout",
    "trainer_arguments",
]
