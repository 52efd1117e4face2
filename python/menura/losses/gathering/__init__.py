"""One batch of several processes: what objectives ask of it gives each process its part of the gradient.

The convention is that of DDP, which averages gradients over the processes: the loss of the global batch is the mean of
the processes' losses. A sum over processes therefore hands its gradient back to all of them, summed.
"""

from menura.losses.gathering.batch_flops import flops
from menura.losses.gathering.collectives import mean_over_processes, of_other_processes, sum_over_processes
from menura.losses.gathering.columns import column_sums, row_count
from menura.losses.gathering.parameters import keep_together
from menura.losses.gathering.processes import process_count, require_whole_batch

__all__ = [
    "column_sums",
    "flops",
    "keep_together",
    "mean_over_processes",
    "of_other_processes",
    "process_count",
    "require_whole_batch",
    "row_count",
    "sum_over_processes",
]
