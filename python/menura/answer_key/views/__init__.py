"""Views: several teachers' raw logits as one score and one weight for each pair, computed when the key is read."""

from menura.answer_key.views.answers import Answers, labels_of
from menura.answer_key.views.contradiction_table import contradiction_rows, write_contradictions
from menura.answer_key.views.contradictions import Contradiction
from menura.answer_key.views.fit import Fit, write_fit
from menura.answer_key.views.fitting import fit_view
from menura.answer_key.views.reading import pairs_to_ask, read_answers
from menura.answer_key.views.scoring import view_scores
from menura.answer_key.views.targets import Targets, view_targets

__all__ = [
    "Answers",
    "Contradiction",
    "Fit",
    "Targets",
    "contradiction_rows",
    "fit_view",
    "labels_of",
    "pairs_to_ask",
    "read_answers",
    "view_scores",
    "view_targets",
    "write_contradictions",
    "write_fit",
]
