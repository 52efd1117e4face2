"""Training rows whose passages and scores are looked up when their batch is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from datasets import Dataset
from numpy.typing import NDArray

from menura.errors import MenuraError
from menura.training.examples import Row, column_texts, deal
from menura.training.online.callback import OnlineProgress
from menura.training.online.collator import OnlineCollator
from menura.training.online.schedule import Schedule, ScheduledBatchSampler

__all__ = ["LiveTeacher", "OnlineExamples", "Remining"]

# Query id -> (positive ids, negative ids)
Candidates = Mapping[str, tuple[list[str], list[str]]]


class LiveTeacher(Protocol):
    """Who knows or scores the passages of rows; a row's first passage is its positive.

    Under torchrun each process has one, and all are told, and asked for, the same rows in the same order.
    """

    def prepare(self, rows: Sequence[Row]) -> None:
        """These, and no others, may be asked for from now on; find out what is known of them."""
        ...

    def ask(self, rows: Sequence[Row]) -> None:
        """Begin to score what is not known of `rows`, without waiting."""
        ...

    def labels(self, rows: Sequence[Row]) -> NDArray[Any]:
        """Logits `[B,N]`, or `[B,2,N]` logits and weights; waits for them."""
        ...


class Remining(Protocol):
    """Where new negatives come from: after every `every` steps, from the student as it is then."""

    every: int

    def mine(self, model: Any, query_ids: Sequence[str], step: int) -> Candidates:
        """New candidates for some queries, kept under the number of the step."""
        ...

    def kept(self, step: int) -> Candidates:
        """What was mined after that step."""
        ...


@dataclass(frozen=True)
class _Generation:
    """Rows with new passages, from one batch on."""

    since: int
    rows: dict[int, Row]


class OnlineExamples:
    """What `menura.training.build_examples` makes, made batch by batch; for any sentence-transformers trainer.

    While the student learns from one batch, the `teacher` may score the next ones. New negatives, mined after step s,
    come into the rows as many batches later as have been announced by then: what a batch holds follows from its number
    and not from who was faster, and a run that is resumed sees the same. Under torchrun a batch is that of all
    processes, each of which trains on its part of the rows.

    Args:
        candidates: query id -> (positive ids, negative ids).
        queries: query id -> text.
        corpus: passage id -> text.
        negatives: how many a row has.
        ahead: how many batches the teacher is told of before they are needed.
        remining: mines while the student trains. None: the candidates stay.

    Raises:
        MenuraError: no query has enough negatives.
    """

    def __init__(
        self,
        candidates: Candidates,
        teacher: LiveTeacher,
        queries: Mapping[str, str],
        corpus: Mapping[str, str],
        *,
        negatives: int,
        ahead: int = 0,
        remining: Remining | None = None,
    ) -> None:
        self._teacher = teacher
        self._queries = queries
        self._corpus = corpus
        self._negatives = negatives
        self._ahead = ahead
        self._remining = remining
        self._first = deal(candidates, negatives)
        self._numbers = {(query_id, passages[0]): number for number, (query_id, passages) in enumerate(self._first)}
        self._generations: list[_Generation] = []
        self._schedule = Schedule(len(self._first), 1, seed=0)
        self._own = slice(None)
        self._next = self._end = self._announced = 0
        self.rows = Dataset.from_dict(
            {
                "row": list(range(len(self._first))),
                "query_id": [query_id for query_id, _ in self._first],
                "positive_id": [passages[0] for _, passages in self._first],
            }
        )

    def first_texts(self, count: int) -> tuple[list[str], list[str]]:
        """The first rows' queries, and their passages."""
        rows = self._first[:count]
        passages = [self._corpus[passage] for _, own in rows for passage in own]
        return [self._queries[query] for query, _ in rows], passages

    def attach(self, trainer: Any) -> None:
        """Make `trainer`, whose `train_dataset` is `rows`, learn from the teacher.

        Raises:
            MenuraError: its data loader has workers.
        """
        args = trainer.args
        if args.dataloader_num_workers:
            raise MenuraError(
                f"[online] batches are made in the process that trains; got {args.dataloader_num_workers} workers of "
                "the data loader. Use none, or annotate first."
            )
        size = args.train_batch_size
        self._own = slice(args.process_index * size, (args.process_index + 1) * size)
        self._schedule = Schedule(
            len(self._first),
            args.world_size * size,
            seed=args.seed,
            drop_last=args.dataloader_drop_last,
            accumulation=args.gradient_accumulation_steps,
        )
        args.batch_sampler = ScheduledBatchSampler
        trainer.data_collator = OnlineCollator(trainer.data_collator, self)
        trainer.add_callback(OnlineProgress(self))

    def labelled(self, rows: Dataset) -> Dataset:
        """Some of `rows` as `build_examples` gives them, for a calibration before the first step."""
        dealt = [self._first[number] for number in rows["row"]]
        self._teacher.prepare(dealt)
        return Dataset.from_list(self._filled(dealt, slice(None)))

    def start(self, step: int, steps: int) -> None:
        """Get ready for the training's steps from `step` up to `steps`."""
        self._next = self._schedule.first_batch(step)
        self._end = self._schedule.first_batch(steps)
        self._announced = self._next
        self._generations = []
        if self._remining is not None:
            for mined in range(self._remining.every, step + 1, self._remining.every):
                if self._since(mined) < self._end and self._since(mined + self._remining.every) > self._next:
                    self._add(mined, self._remining.kept(mined))
        self._prepare(step)

    def refresh(self, step: int, model: Any) -> None:
        """After `step` steps: have the student mine for the queries to come, if it is time."""
        if self._remining is None or step % self._remining.every:
            return
        coming = self._schedule.rows(*self._span(step))
        if coming:
            query_ids = list(dict.fromkeys(self._first[row][0] for row in coming))
            self._add(step, self._remining.mine(model, query_ids, step))
            self._prepare(step)

    def batch(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """This process's part of the next batch, whose rows must be `numbers`: texts and labels.

        Raises:
            MenuraError: the trainer draws another one, or the teacher failed.
        """
        foreseen = self._schedule.batch(self._next)[self._own]
        if list(numbers) != foreseen:
            raise MenuraError(
                f"[online] the trainer drew the rows {list(numbers)[:4]} where {foreseen[:4]} were foreseen; its "
                "batch_sampler, seed and batch size must stay as they were when the examples were attached."
            )
        rows = self._rows(self._next)
        self._announce(min(self._next + 1 + self._ahead, self._end))
        self._next += 1
        return self._filled(rows, self._own)

    def _announce(self, end: int) -> None:
        for number in range(max(self._announced, self._next), end):
            self._teacher.ask(self._rows(number))
        self._announced = max(self._announced, end)

    def _rows(self, number: int) -> list[Row]:
        """A batch's rows, with the passages that they have by then."""
        reached = [generation.rows for generation in self._generations if generation.since <= number]
        mined = reached[-1] if reached else {}
        return [mined.get(row, self._first[row]) for row in self._schedule.batch(number)]

    def _filled(self, rows: Sequence[Row], own: slice) -> list[dict[str, Any]]:
        """Texts and labels of some of `rows`."""
        labels = self._teacher.labels(rows)
        return [
            {**column_texts(row, self._queries, self._corpus), "label": label}
            for row, label in zip(rows[own], labels[own].tolist(), strict=True)
        ]

    def _since(self, step: int) -> int:
        """The first batch with what was mined after `step`: the loader holds one, and as many more are announced."""
        return self._schedule.first_batch(step) + 1 + self._ahead

    def _span(self, step: int) -> tuple[int, int]:
        """The batches for which is mined after `step`."""
        every = self._remining.every if self._remining else 0
        return min(self._since(step), self._end), min(self._since(step + every), self._end)

    def _add(self, step: int, candidates: Candidates) -> None:
        rows = {self._numbers[row[0], row[1][0]]: row for row in deal(candidates, self._negatives)}
        # Batches that are announced may still have the passages of an earlier one.
        past = [generation for generation in self._generations if generation.since <= self._next]
        self._generations = [*self._generations[max(0, len(past) - 1) :], _Generation(self._since(step), rows)]

    def _prepare(self, step: int) -> None:
        """Tell the teacher which rows may come before it is told again."""
        end = self._end
        if self._remining is not None:
            end = self._span(step - step % self._remining.every)[1]
        distinct = {
            (query_id, *passages): (query_id, passages)
            for number in range(self._next, end + 1)  # the loader makes one batch more than is trained on
            for query_id, passages in self._rows(number)
        }
        self._teacher.prepare(list(distinct.values()))
