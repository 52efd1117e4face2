"""Systems of several finished outputs, on the same held-out queries."""

from menura.evaluation.side_by_side.comparing import Compared, compare_outputs
from menura.evaluation.side_by_side.finished import Finished, read_finished
from menura.evaluation.side_by_side.grouping import group_outputs
from menura.evaluation.side_by_side.table import SideBySide

__all__ = ["Compared", "Finished", "SideBySide", "compare_outputs", "group_outputs", "read_finished"]
