"""What a student loses in a batch: its objectives, weighed and added up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, cast

from torch import Tensor, nn

from menura.losses.affine import Affine
from menura.losses.encoded import Encoded, Features, record_layers
from menura.losses.gathering import keep_together, process_count
from menura.losses.labels import split_labels
from menura.losses.mini_batches import MiniBatches
from menura.losses.objective import Objective
from menura.losses.representations import Mentor, Mentored
from menura.losses.weighing import Weight

__all__ = ["DistillationLoss"]


class DistillationLoss(nn.Module, ABC):
    """A loss for sentence-transformers' trainers: a batch is encoded once, for all of the `objectives`.

    Columns of the data set: query, passage_1, ..., passage_N, and `label` with the N logits of the teacher, or with
    these and the weight of each. Objectives that need no logits do without `label`.

    Args:
        model: the student.
        objectives: what it is asked for; each name once.
        calibration: from the teacher's scale to the student's. None: they share one.
        mini_batch_size: texts that go through the student at a time, for batches larger than memory; the gradient is
            that of the whole batch (see `MiniBatches`). None: all of them.
        mentor: a larger student, for the objectives that look at one.

    Under torchrun the gradient is that of one process with the batches of all of them.

    `last_parts` holds what each objective added in the last batch, without gradient.

    Raises:
        ValueError: there are no objectives, or two of one name, or a mini-batch without texts; mini-batches beside
            objectives that encode again or ask for hidden states; or the mentor cannot read what the student reads.
    """

    # What the student makes of a text that objectives look at, and what of it is kept sparse in mini-batches.
    outputs: Sequence[str]
    sparse_outputs: Sequence[str] = ()

    last_parts: dict[str, Tensor]

    def __init__(
        self,
        model: nn.Module,
        objectives: Sequence[Objective[Any]],
        *,
        calibration: Affine | None = None,
        mini_batch_size: int | None = None,
        mentor: Mentor | None = None,
    ) -> None:
        super().__init__()
        names = [objective.name for objective in objectives]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"[losses] objectives must be one or more, each name once; got {', '.join(names)}.")
        if mini_batch_size is not None and mini_batch_size < 1:
            raise ValueError(f"[losses] mini_batch_size must be 1 text or more; got {mini_batch_size}.")
        again = [objective.name for objective in objectives if objective.encodes_again]
        if mini_batch_size is not None and again:
            raise ValueError(
                f"[losses] {', '.join(again)} send the batch through the student once more, and whole, which "
                "mini_batch_size cannot bound; leave one of the two out."
            )
        self.model = model
        self.objectives = nn.ModuleList(objectives)
        self.calibration = calibration or Affine()
        self.mini_batch_size = mini_batch_size
        self.mentor = mentor
        self._together = False
        if mini_batch_size is not None and self._layers:
            raise ValueError(
                "[hidden_states] mini-batches keep representations alone, and no states of layers; leave hidden_states "
                f"out, or mini_batch_size and accumulation; got mini-batches of {mini_batch_size} texts."
            )
        if mentor is not None:
            mentor.check(model)

    def forward(self, sentence_features: Iterable[Features], labels: Tensor | None = None) -> dict[str, Tensor]:
        """By name, what each objective adds to the loss.

        Raises:
            ValueError: an objective needs logits, and there are no labels.
        """
        return self.parts(self.encode_batch(sentence_features, labels))

    def encode_batch(self, sentence_features: Iterable[Features], labels: Tensor | None) -> Encoded:
        """The batch through the student, beside the logits on its scale, and through its mentor."""
        logits, weights = (None, None) if labels is None else split_labels(labels)
        wanting = [objective.name for objective in self._objectives() if objective.needs_logits]
        if logits is not None:
            logits = self.calibration(logits)
        elif wanting:
            raise ValueError(
                f"[losses] {', '.join(wanting)} need a teacher's logits, and the batch has no labels; add a column "
                "`label`, or choose objectives that do without: contrastive, constant_margin."
            )
        if process_count() > 1 and not self._together:
            keep_together(self.own_parameters().values())
            self._together = True
        with record_layers(self.model, self._layers) as states:
            encoded = self.encode(self._encoder(self.model), list(sentence_features), logits, weights)
        encoded.hidden_states = states
        if self.mentor is not None:
            encoded.mentor = self.mentor.encode(encoded, self._mentor_layers, through=self._encoder)
        return encoded

    def parts(self, encoded: Encoded) -> dict[str, Tensor]:
        """By name, what each objective adds to the loss of an encoded batch."""
        parts = {objective.name: objective.weigh(objective(encoded)) for objective in self._objectives()}
        self.last_parts = {name: part.detach() for name, part in parts.items()}
        return parts

    @abstractmethod
    def encode(
        self, encoder: nn.Module, features: list[Features], logits: Tensor | None, weights: Tensor | None
    ) -> Encoded:
        """Queries and passages through the student, which `encoder` stands for."""

    def own_parameters(self) -> dict[str, nn.Parameter]:
        """By name, what is trained beside the student: parameters that only objectives have."""
        of_model = {id(parameter) for parameter in self.model.parameters()}
        return {
            name: parameter
            for name, parameter in self.objectives.named_parameters("objectives")
            if parameter.requires_grad and id(parameter) not in of_model
        }

    def own_state(self) -> dict[str, Tensor]:
        """By name, what a checkpoint of the student lacks: `own_parameters` and persistent buffers of objectives."""
        buffers = {
            f"{place}.{name}": buffer
            for place, module in self.objectives.named_modules(prefix="objectives")
            if isinstance(module, Objective)
            for name, buffer in module.named_buffers(recurse=False)
            if name not in module._non_persistent_buffers_set
        }
        return {**self.own_parameters(), **buffers}

    @property
    def weights(self) -> dict[str, Weight]:
        """How much each objective counts, by name."""
        return {objective.name: objective.weight for objective in self._objectives()}

    def get_config_dict(self) -> dict[str, Any]:
        """What the model card says of the loss."""
        parts = {objective.name: objective.get_config_dict() for objective in self._objectives()}
        return {
            "objectives": parts,
            "calibration": str(self.calibration),
            "mini_batch_size": self.mini_batch_size,
        }

    def _encoder(self, model: nn.Module) -> nn.Module:
        """`model`, the student or its mentor, or what stands for it."""
        if self.mini_batch_size is None:
            return model
        return MiniBatches(model, self.mini_batch_size, self.outputs, sparse=self.sparse_outputs)

    def _objectives(self) -> Iterable[Objective[Any]]:
        return cast("Iterable[Objective[Any]]", self.objectives)

    @property
    def _layers(self) -> list[int]:
        """The student's whose states objectives look at."""
        return [layer for objective in self.objectives if isinstance(objective, Mentored) for layer in objective.layers]

    @property
    def _mentor_layers(self) -> list[int]:
        mentored = [objective for objective in self.objectives if isinstance(objective, Mentored)]
        return [layer for objective in mentored for layer in objective.mentor_layers]
