"""Objectives that compare a student with a mentor, a larger student that has learnt already: inside and out."""

from menura.losses.representations.alignment import Alignment, alignment_distance
from menura.losses.representations.hidden_states import HiddenStateDistance
from menura.losses.representations.mentor import Mentor
from menura.losses.representations.mentored import Mentored
from menura.losses.representations.scores import MentorScores
from menura.losses.representations.token_embeddings import TokenEmbeddings
from menura.losses.representations.tokens import Distance, token_distance
from menura.losses.representations.vocabulary_vectors import VocabularyVectors, vocabulary_distance

__all__ = [
    "Alignment",
    "Distance",
    "HiddenStateDistance",
    "Mentor",
    "MentorScores",
    "Mentored",
    "TokenEmbeddings",
    "VocabularyVectors",
    "alignment_distance",
    "token_distance",
    "vocabulary_distance",
]
