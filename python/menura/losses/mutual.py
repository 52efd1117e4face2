"""Deep mutual learning: two students teach each other (Zhang et al. 2018, arXiv 1706.00384)."""

from __future__ import annotations

from torch import Tensor, nn

from menura.losses.scores import kl_divergence

__all__ = ["MutualLearning", "mutual_kl"]


def mutual_kl(student: Tensor, peer: Tensor, *, temperature: float = 1.0, peer_temperature: float = 1.0) -> Tensor:
    """The mean over queries of `KL(softmax(peer / peer_temperature) || softmax(student / temperature))`.

    Args:
        student: scores `[B,N]`, N passages a query, at least two.
        peer: the other's scores `[B,N]` of the same passages; no gradient flows to them.

    Returns:
        A scalar in the student's dtype, zero where the distributions are the same. Scores may be shifted per query at
        will.

    Raises:
        ValueError: the shapes differ, there are fewer than two passages, or a temperature is not above 0.
    """
    if not (temperature > 0 and peer_temperature > 0):
        raise ValueError(f"[mutual_kl] temperatures must be above 0; got {temperature} and {peer_temperature}.")
    return kl_divergence(
        student, peer, student_temperature=temperature, teacher_temperature=peer_temperature, scale_by_temperature=False
    )


class MutualLearning(nn.Module):
    """What a ColBERT and a SPLADE learn from each other, and from the two together.

    Of the other it is `mutual_kl`. Together they are an ensemble, as in BGE-M3's self-knowledge distillation (arXiv
    2402.03216): `share * c / T_c + (1 - share) * s / T_s` are its scores, and each learns to be like it.

    `begun` says whether they teach each other yet; a schedule may set it between steps.

    Args:
        peer: how much the other's scores count, for the ColBERT and for the SPLADE.
        ensemble: how much those of the ensemble do.
        temperatures: `T_c` and `T_s`, by which scores are divided; MaxSim and dot products differ in scale.
        share: ColBERT's share in the ensemble, from 0 to 1.
    """

    def __init__(
        self,
        *,
        peer: tuple[float, float] = (1.0, 1.0),
        ensemble: tuple[float, float] = (1.0, 1.0),
        temperatures: tuple[float, float] = (1.0, 1.0),
        share: float = 0.5,
    ) -> None:
        super().__init__()
        self.peer = peer
        self.ensemble = ensemble
        self.temperatures = temperatures
        self.share = share
        self.begun = True

    def forward(self, colbert: Tensor, splade: Tensor) -> dict[str, Tensor]:
        """By name, what each side's scores `[B,N]` of the same passages add to the loss."""
        colbert, splade = colbert / self.temperatures[0], splade / self.temperatures[1]
        ensemble = self.share * colbert + (1 - self.share) * splade
        asked = {
            "colbert_peer": (self.peer[0], colbert, splade),
            "splade_peer": (self.peer[1], splade, colbert),
            "colbert_ensemble": (self.ensemble[0], colbert, ensemble),
            "splade_ensemble": (self.ensemble[1], splade, ensemble),
        }
        return {name: self.begun * weight * mutual_kl(*sides) for name, (weight, *sides) in asked.items() if weight > 0}
