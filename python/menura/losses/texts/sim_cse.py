"""SimCSE beside distillation: a text must know itself through dropout (Gao et al. 2021, arXiv 2104.08821)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from menura.losses.encoded import Encoded, text_keys
from menura.losses.gathering import of_other_processes, require_whole_batch
from menura.losses.labels import weighted_mean
from menura.losses.objective import Objective
from menura.losses.texts.columns import COLUMNS, Texts
from menura.losses.weighing import Weight

__all__ = ["SimCSE", "sim_cse"]


def sim_cse(first: Tensor, second: Tensor, *, temperature: float = 0.05, same: Tensor | None = None) -> Tensor:
    """The mean over i of `-log (exp(cos(x_i, y_i) / t) / sum_j exp(cos(x_i, y_j) / t))`.

    Args:
        first: vectors `[R,D]` of R texts, the x.
        second: vectors `[S,D]` of the same texts, encoded once more, the y; more that follow are negatives of all.
        same: `[R,S]` bool, which texts are one; these are no negatives of each other. None: all differ.

    Raises:
        ValueError: the shapes do not fit, or the temperature is not positive.
    """
    if first.dim() != 2 or second.dim() != 2 or len(second) < len(first) or first.shape[1] != second.shape[1]:
        raise ValueError(
            f"[sim_cse] views must be [R,D] and [R or more,D]; got {list(first.shape)} and {list(second.shape)}."
        )
    if not temperature > 0:
        raise ValueError(f"[sim_cse] the temperature must be positive; got {temperature}.")
    similarities = normalize(first, dim=-1) @ normalize(second, dim=-1).T / temperature
    own = torch.arange(len(first), device=first.device)
    if same is not None:
        others = own[:, None] != torch.arange(len(second), device=first.device)
        similarities = similarities.masked_fill(same & others, -torch.inf)
    return weighted_mean(cross_entropy(similarities, own, reduction="none"), None)


class SimCSE(Objective[Encoded]):
    """`sim_cse` of the texts of the global batch, whose first view is what distillation has encoded anyway.

    Compared are `Encoded.vectors`: the mean of a ColBERT's token embeddings, a SPLADE's vocabulary vector.

    Args:
        model: the student; it encodes the texts a second time, with its dropout drawn anew.
        texts: whose.

    Raises:
        ValueError: the student has no dropout, so that both views would be one.
    """

    encodes_again = True

    def __init__(
        self, model: nn.Module, *, temperature: float = 0.05, texts: Texts = "positives", weight: Weight = 1.0
    ) -> None:
        super().__init__("sim_cse", weight=weight)
        if not any(isinstance(module, nn.Dropout) and module.p > 0 for module in model.modules()):
            raise ValueError("[sim_cse] the student has no dropout, so both views would be one; set dropout, say 0.1.")
        self.model = model
        self.temperature = temperature
        self.texts = texts

    def forward(self, encoded: Encoded) -> Tensor:
        require_whole_batch("negatives of SimCSE")
        columns = encoded.features[COLUMNS[self.texts]]
        first = torch.cat(encoded.vectors[COLUMNS[self.texts]])
        second = torch.cat(encoded.embed(self.model, columns))
        keys = torch.cat([text_keys(column) for column in columns])
        return sim_cse(
            first,
            torch.cat([second, of_other_processes(second)]),
            temperature=self.temperature,
            same=keys[:, None] == torch.cat([keys, of_other_processes(keys)]),
        )

    def get_config_dict(self) -> dict[str, Any]:
        return {**super().get_config_dict(), "temperature": self.temperature, "texts": self.texts}
