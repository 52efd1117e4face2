"""Menura's operators against sentence-transformers and plain PyTorch: one process, one machine, one CSV row a figure.

Every provider's gradients are compared with the reference before anything is timed; providers take turns, so that a
machine whose speed drifts slows them all. Run: `python benchmarks/operators.py [--threads 2] [--output FILE.csv]`.
"""

from __future__ import annotations

import argparse
import csv
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
import torch.nn.functional as F
from sentence_transformers.multi_vector_encoder.scoring import colbert_kd_scores
from sentence_transformers.sparse_encoder.modules import SpladePooling
from sentence_transformers.util.similarity import maxsim as st_maxsim
from torch import Tensor

import menura
from menura.ops import isa, reference

Operator = Callable[..., Tensor]


@dataclass
class Workload:
    """Forward and backward of `reference(*inputs)`, by several providers."""

    name: str
    inputs: list[Tensor]
    reference: Operator
    providers: dict[str, Operator]


def unit(*shape: int) -> Tensor:
    return F.normalize(torch.randn(shape), dim=-1).requires_grad_()


def sparse(rows: int, vocabulary: int, terms: int) -> Tensor:
    kept = torch.rand(rows, vocabulary) < terms / vocabulary
    return (torch.rand(rows, vocabulary) * kept).requires_grad_()


def maxsim_workloads() -> Iterator[Workload]:
    for queries, candidates in ((16, 8), (16, 32)):
        yield Workload(
            f"maxsim {queries} queries x {candidates} candidates, 32 x 180 tokens, d 128",
            [unit(queries, 32, 128), unit(queries, candidates, 180, 128)],
            reference.maxsim,
            {"menura": menura.maxsim, "sentence-transformers": colbert_kd_scores},
        )
    yield Workload(
        "maxsim 32 queries x 32 documents in batch, 32 x 180 tokens, d 128",
        [unit(32, 32, 128), unit(32, 180, 128)],
        reference.maxsim,
        {"menura": menura.maxsim, "sentence-transformers": st_maxsim},
    )


def head_workloads() -> Iterator[Workload]:
    mask = torch.ones(16, 128, dtype=torch.long)
    pooling = SpladePooling().train()

    def theirs(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        features = {"token_embeddings": F.linear(hidden, weight, bias), "attention_mask": mask}
        return pooling(features)["sentence_embedding"]

    def max_first(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.linear(hidden, weight, bias).amax(1).relu().log1p()

    for size in (128, 384):
        hidden = torch.randn(16, 128, size, requires_grad=True)
        weight = (torch.randn(30522, size) / size**0.5).requires_grad_()
        # So low a bias leaves some hundred active terms, as in a trained model.
        bias = torch.full((30522,), -4.0, requires_grad=True)
        yield Workload(
            f"splade_head 16 x 128 tokens, hidden {size}, vocabulary 30,522",
            [hidden, weight, bias],
            reference.splade_head,
            {"menura": menura.splade_head, "sentence-transformers": theirs, "torch, max first": max_first},
        )


def sparse_workloads() -> Iterator[Workload]:
    yield Workload(
        "sparse_dot 32 x 256, 50 and 200 terms of 30,522",
        [sparse(32, 30522, 50), sparse(256, 30522, 200)],
        reference.sparse_dot,
        {"menura": menura.sparse_dot, "torch": torch.nn.functional.linear},
    )
    yield Workload(
        "flops 256 x 30,522, 200 terms",
        [sparse(256, 30522, 200)],
        reference.flops,
        {"menura": menura.flops, "torch": lambda x: x.abs().mean(0).square().sum()},
    )


def gradients(operator: Operator, inputs: list[Tensor]) -> list[Tensor]:
    output = operator(*inputs)
    weights = torch.linspace(0.5, 1.5, output.numel()).view_as(output)
    return list(torch.autograd.grad(output, inputs, weights))


def check(workload: Workload) -> None:
    truth = gradients(workload.reference, workload.inputs)
    for name, operator in workload.providers.items():
        for got, expected in zip(gradients(operator, workload.inputs), truth, strict=True):
            error = (got - expected).norm() / expected.norm()
            if not error < 1e-3:
                sys.exit(f"{workload.name}: {name} is wrong by {error:.2e}; nothing is timed.")


def milliseconds(workload: Workload, repeats: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in workload.providers}
    for _ in range(repeats):
        for name, operator in workload.providers.items():
            for tensor in workload.inputs:
                tensor.grad = None
            started = time.perf_counter()
            operator(*workload.inputs).sum().backward()
            times[name].append(1000 * (time.perf_counter() - started))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/operators_cpu.csv"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rows = []
    for workload in (*maxsim_workloads(), *head_workloads(), *sparse_workloads()):
        check(workload)
        times = milliseconds(workload, options.repeats)
        ours = statistics.median(times["menura"])
        for name, values in times.items():
            low, middle, high = (
                statistics.quantiles(values, n=5)[0],
                statistics.median(values),
                statistics.quantiles(values, n=5)[3],
            )
            rows.append(
                {
                    "workload": workload.name,
                    "provider": name,
                    "forward_backward_ms": f"{middle:.2f}",
                    "p20_ms": f"{low:.2f}",
                    "p80_ms": f"{high:.2f}",
                    "times_menura": f"{middle / ours:.2f}",
                    "threads": options.threads,
                    "isa": isa(),
                    "cpu": cpu_name(),
                    "torch": torch.__version__,
                    "sentence_transformers": version("sentence-transformers"),
                    "menura": menura.__version__,
                }
            )
            print(f"{workload.name:75} {name:22} {middle:9.2f} ms {middle / ours:6.2f}x", flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with options.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
