"""What a teacher's scores look like as a whole, and whether a student could learn from them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from menura.answer_key.formats.judged import Judged

__all__ = ["ScoreScale"]

logger = logging.getLogger(__name__)


class ScoreScale:
    """Gathered as records pass: how many are `constant`, and whether all scores lie in [0, 1] (`squashed`)."""

    def __init__(self) -> None:
        self.constant = 0
        self.first_constant = ""
        self.lowest = float("inf")
        self.highest = float("-inf")

    @property
    def squashed(self) -> bool:
        """Whether there are scores, and all lie in [0, 1]."""
        return 0 <= self.lowest <= self.highest <= 1

    def watched(self, records: Iterable[Judged]) -> Iterator[Judged]:
        """`records` as they are, each taken note of."""
        for record in records:
            self.watch(record)
            yield record

    def watch(self, record: Judged) -> None:
        """Take note of a record, if it has scores."""
        if record.scores is None:
            return
        if record.constant:
            self.first_constant = self.first_constant or record.place
            self.constant += 1
        self.lowest = min(self.lowest, *record.scores)
        self.highest = max(self.highest, *record.scores)

    def warn(self, name: str) -> None:
        """Log what a student could not learn from the scores of `name`."""
        if self.constant:
            logger.warning(
                "%s: records that give all their passages one score teach nothing; there are %d, the first at %s.",
                name,
                self.constant,
                self.first_constant,
            )
        if self.squashed:
            logger.warning(
                "%s: all scores lie in [0, 1], as after a sigmoid or a min-max scaling; the margins between them are "
                "too small for a margin loss as they are.",
                name,
            )
