"""What a student has made of a batch: the ground on which objectives stand."""

from menura.losses.encoded.colbert import EncodedColbert
from menura.losses.encoded.encoded import Encoded
from menura.losses.encoded.features import Features, text_keys
from menura.losses.encoded.hidden_states import HiddenStates, record_layers
from menura.losses.encoded.splade import EncodedSplade

__all__ = ["Encoded", "EncodedColbert", "EncodedSplade", "Features", "HiddenStates", "record_layers", "text_keys"]
