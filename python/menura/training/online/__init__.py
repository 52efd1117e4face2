"""The teacher in the loop: rows hold ids, and get texts and scores when their batch is made."""

from menura.training.online.examples import LiveTeacher, OnlineExamples, Remining
from menura.training.online.schedule import Schedule, ScheduledBatchSampler

__all__ = ["LiveTeacher", "OnlineExamples", "Remining", "Schedule", "ScheduledBatchSampler"]
