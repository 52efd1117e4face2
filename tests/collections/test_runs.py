"""The best of a row of scores."""

from __future__ import annotations

import numpy as np
import pytest

from menura import MenuraError
from menura.collections import top


def test_top_breaks_ties_by_id():
    assert list(top(np.array([1, 3, 3, 2], np.float32), ["d", "c", "b", "a"], 3)) == ["b", "c", "a"]
    assert top(np.array([1.0], np.float32), ["a"], 5) == {"a": 1.0}


def test_nan_scores_are_refused():
    with pytest.raises(MenuraError, match="the score of passage 'b' is NaN"):
        top(np.array([1, np.nan, 2], np.float32), ["a", "b", "c"], 2)
