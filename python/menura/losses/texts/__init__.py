"""Objectives on the texts themselves, which need no teacher: they keep a student's knowledge of language alive."""

from menura.losses.texts.columns import Texts
from menura.losses.texts.masked_words import MaskedWords
from menura.losses.texts.masking import mask_words
from menura.losses.texts.sim_cse import SimCSE, sim_cse

__all__ = ["MaskedWords", "SimCSE", "Texts", "mask_words", "sim_cse"]
