"""How much an objective counts beside the others: a number, a schedule, or what is learned."""

from menura.losses.weighing.learned import LearnedWeight
from menura.losses.weighing.scheduled import Schedule, ScheduledWeight

__all__ = ["LearnedWeight", "Schedule", "ScheduledWeight", "Weight"]

Weight = float | ScheduledWeight | LearnedWeight
