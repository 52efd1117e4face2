"""What a student has made of a batch: the ground on which objectives stand."""

from menura.losses.encoded.colbert import EncodedColbert
from menura.losses.encoded.encoded import Encoded, Features, stack_padded
from menura.losses.encoded.splade import EncodedSplade

__all__ = ["Encoded", "EncodedColbert", "EncodedSplade", "Features", "stack_padded"]
