"""The workloads that are measured: the table's, other shapes, and tiny ones."""

from __future__ import annotations

import torch

from menura.bench import workloads as of
from menura.bench.workload import Workload
from menura.errors import MenuraError

__all__ = ["chosen", "find", "other_shapes", "standard", "tiny"]

FP32, BF16 = torch.float32, torch.bfloat16
BERT, QWEN = 30_522, 151_936


def standard() -> list[Workload]:
    """What the README's table is about."""
    return [
        *(of.maxsim_score(documents, dtype=dtype) for documents in (1_000, 10_000) for dtype in (FP32, BF16)),
        *(of.maxsim_int8(documents) for documents in (1_000, 10_000)),
        *(of.maxsim_kd(16, candidates, 32, 180, 128, dtype=dtype) for candidates in (8, 32) for dtype in (FP32, BF16)),
        *(of.maxsim_batch(32, 32, 32, 180, 128, dtype=dtype) for dtype in (FP32, BF16)),
        *(of.splade_head(16, 128, 384, BERT, dtype=dtype) for dtype in (FP32, BF16)),
        *(of.splade_head(32, 256, 768, BERT, dtype=dtype, timed=False) for dtype in (FP32, BF16)),
        of.sparse_dot(32, 256, BERT, 50, 200, dtype=FP32),
        of.sparse_dot_csr(32, 256, BERT, 50, 200, dtype=FP32),
        of.flops(288, BERT, 200, dtype=FP32),
    ]


def other_shapes() -> list[Workload]:
    """Shapes that nobody tuned for: one token, one row, odd sizes, long texts, large vocabularies."""
    kd = [
        (16, 8, 1, 180, 128),
        (16, 8, 8, 180, 128),
        (16, 8, 33, 180, 128),
        (4, 8, 128, 180, 128),
        (1, 4, 512, 1024, 128),
        (16, 8, 32, 1, 128),
        (16, 8, 32, 17, 128),
        (4, 4, 32, 1024, 128),
        (1, 2, 32, 8192, 128),
        (16, 8, 32, 180, 33),
        (16, 8, 32, 180, 96),
        (4, 8, 32, 180, 768),
        (4, 8, 32, 180, 1024),
        (1, 1, 1, 1, 128),
        (1, 1, 32, 180, 128),
        (1, 64, 32, 180, 128),
    ]
    batch = [(1, 1, 32, 180, 128), (64, 64, 32, 180, 128), (128, 1, 32, 180, 128), (8, 8, 512, 512, 64)]
    head = [
        (1, 1, 384, BERT),
        (1, 16, 768, BERT),
        (1, 512, 768, BERT),
        (64, 16, 256, BERT),
        (8, 64, 33, BERT),
        (8, 64, 1024, BERT),
        (1, 32, 384, QWEN),
        (8, 128, 384, QWEN),
    ]
    dot = [(1, 1), (1, 1000), (32, 32), (128, 1024)]
    return [
        *(
            of.maxsim_score(documents, tokens, dim, dtype=FP32)
            for documents, tokens, dim in [(1, 32, 128), (100, 8, 96)]
        ),
        *(of.maxsim_kd(*shape, dtype=FP32) for shape in kd),
        *(of.maxsim_batch(*shape, dtype=FP32) for shape in batch),
        *(of.splade_head(*shape, dtype=FP32) for shape in head),
        *(of.sparse_dot(*shape, BERT, 50, 200, dtype=FP32) for shape in dot),
        of.sparse_dot(32, 256, QWEN, 50, 200, dtype=FP32),
        *(of.flops(rows, BERT, 200, dtype=FP32) for rows in (1, 32)),
        of.flops(288, QWEN, 200, dtype=FP32),
    ]


def tiny() -> list[Workload]:
    """Every task once, in next to no time."""
    return [
        of.maxsim_score(20, 8, 16, dtype=FP32),
        of.maxsim_score(20, 8, 16, dtype=BF16),
        of.maxsim_int8(20, 8, 16),
        of.maxsim_kd(4, 3, 8, 20, 16, dtype=FP32),
        of.maxsim_batch(4, 3, 8, 20, 16, dtype=FP32),
        of.splade_head(2, 8, 16, 500, dtype=FP32),
        of.sparse_dot(4, 6, 500, 10, 20, dtype=FP32),
        of.sparse_dot_csr(4, 6, 500, 10, 20, dtype=FP32),
        of.flops(4, 500, 20, dtype=FP32),
    ]


def chosen(workloads: list[Workload], only: str | None) -> list[Workload]:
    """Those whose name begins with `only`; None: all.

    Raises:
        MenuraError: there are none.
    """
    named = [workload for workload in workloads if only is None or workload.name.startswith(only)]
    if not named:
        names = ", ".join(dict.fromkeys(workload.name for workload in workloads))
        raise MenuraError(f"[bench] no workload's name begins with {only!r}; there are: {names}.")
    return named


def find(name: str, precision: str) -> Workload:
    """The workload of any catalogue that has this name and precision.

    Raises:
        MenuraError: there is none.
    """
    for workload in (*standard(), *other_shapes(), *tiny()):
        if (workload.name, workload.precision) == (name, precision):
            return workload
    raise MenuraError(f"[bench] there is no workload {name} in {precision}.")
