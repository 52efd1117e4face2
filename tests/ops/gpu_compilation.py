"""Compiles every GPU kernel for a target, without a GPU, as the operators launch it.

`python gpu_compilation.py sm_90` prints what each kernel needs, `python gpu_compilation.py sm_90 --sweep` how often it
is compiled. The operators run on CPU tensors with a driver that only names the target: what would be launched is
compiled instead, so outputs are never written. `python gpu_compilation.py` renews the budget, gpu_budget.csv.
"""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import JITFunction, driver

TARGETS = {
    "sm_80": GPUTarget("cuda", 80, 32),
    "sm_90": GPUTarget("cuda", 90, 32),
    "sm_100": GPUTarget("cuda", 100, 32),
    "gfx942": GPUTarget("hip", "gfx942", 64),
}
BUDGET = Path(__file__).with_name("gpu_budget.csv")
HALVES_AND_FLOAT = (torch.bfloat16, torch.float16, torch.float32)


class Driver:
    """A device that is not there."""

    def __init__(self, target: GPUTarget) -> None:
        self.target = target

    def get_current_target(self) -> GPUTarget:
        return self.target

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, _device: int) -> int:
        return 0


def compile_launches(target: str) -> list[tuple[str, object]]:
    """From here on, launches compile for `target`; the list grows with (kernel, compiled object)."""
    compiled = []
    run = JITFunction.run

    def compile_only(self, *args, grid, warmup, **options):
        compiled.append((self.__name__, run(self, *args, grid=grid, warmup=True, **options)))

    driver.set_active(Driver(TARGETS[target]))
    JITFunction.run = compile_only
    return compiled


def needs(compiled) -> dict[str, int]:
    """Registers of a thread, bytes that it spills, bytes of shared memory of a program."""
    shared = compiled.metadata.shared
    if "cubin" not in compiled.asm:
        text = compiled.asm["amdgcn"]
        registers, spilled = (
            int(re.search(rf"\.{name}:\s+(\d+)", text)[1]) for name in ("vgpr_count", "vgpr_spill_count")
        )
        return {"registers": registers, "spilled": 4 * spilled, "shared": shared}
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
        text = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    registers, spilled = (int(re.search(rf"{name}:(\d+)", text)[1]) for name in ("REG", "STACK"))
    return {"registers": registers, "spilled": spilled, "shared": shared}


def cases() -> Iterator[tuple[torch.dtype, Callable[[torch.dtype], None]]]:
    """Every operator in the sizes that models have, with each dtype."""
    for dtype in HALVES_AND_FLOAT:
        yield dtype, maxsim
        yield dtype, maxsim_normalized
        yield dtype, maxsim_packed
        yield dtype, splade_head
    yield torch.int8, maxsim_int8
    yield torch.float32, sparse_dot
    yield torch.float32, flops


def maxsim(dtype):
    from menura.ops.library import gpu

    queries, documents, masks = masked_texts(dtype)
    for texts, texts_masks in (
        ((queries, documents), (None, None)),
        ((queries, documents), masks),
        ((queries, documents.view(64, 1, 180, 128)), (masks[0], masks[1].view(64, 1, 180))),
        ((queries[:1], documents), (None, None)),
        (wide_texts(dtype), (None, None)),
    ):
        gpu.maxsim(*texts, *texts_masks, None, None, False, False)
        scores, argmax = gpu.maxsim(*texts, *texts_masks, None, None, False, True)
        gpu.maxsim_backward(scores, *texts, *texts_masks, False, argmax, True, True)


def maxsim_normalized(dtype):
    from menura.ops.library import gpu

    queries, documents, masks = masked_texts(dtype)
    for texts, texts_masks in (((queries, documents), masks), (wide_texts(dtype), (None, None))):
        scores, argmax = gpu.maxsim(*texts, *texts_masks, None, None, True, True)
        gpu.maxsim_backward(scores, *texts, *texts_masks, True, argmax, True, True)


def masked_texts(dtype):
    queries, documents = torch.zeros(64, 32, 128, dtype=dtype), torch.zeros(64, 180, 128, dtype=dtype)
    return queries, documents, (torch.ones(64, 32, dtype=torch.bool), torch.ones(64, 180, dtype=torch.bool))


def wide_texts(dtype):
    return torch.zeros(8, 32, 1024, dtype=dtype), torch.zeros(8, 300, 1024, dtype=dtype)


def maxsim_packed(dtype):
    from menura.ops.library import gpu

    texts = torch.zeros(2048, 128, dtype=dtype), torch.zeros(8192, 128, dtype=dtype)
    offsets = torch.arange(0, 2049, 32), torch.arange(0, 8193, 128)
    pairs = torch.zeros(64, 2, dtype=torch.int64)
    for listed in (None, pairs):
        scores, argmax = gpu.maxsim_packed(*texts, *offsets, listed, None, None, False, True)
        gpu.maxsim_packed_backward(scores, *texts, *offsets, listed, False, argmax, True, True)


def maxsim_int8(dtype):
    from menura.ops.library import gpu

    queries, documents = torch.zeros(1, 32, 128, dtype=dtype), torch.zeros(64, 180, 128, dtype=dtype)
    gpu.maxsim(queries, documents, None, None, torch.ones(1, 32), torch.ones(64, 180), False, False)


def csr(rows, vocabulary, entries):
    """A matrix of so many entries a row: values, crow and col."""
    return torch.zeros(rows * entries), torch.arange(rows + 1) * entries, torch.randint(vocabulary, (rows * entries,))


def sparse_dot(dtype):
    from menura.ops.library import gpu

    vocabulary = 30522
    dense = [(torch.zeros(rows, vocabulary, dtype=dtype), None, None) for rows in (64, 512)]
    sparse = [csr(64, vocabulary, 30), csr(512, vocabulary, 200)]
    for query in (dense[0], sparse[0]):
        for document in (dense[1], sparse[1]):
            scores, *bitmaps = gpu.sparse_dot(*query, *document, vocabulary, False, True)
            gpu.sparse_dot_backward(scores, *query, *document, vocabulary, False, *bitmaps, True, True)
        for document in (dense[0], sparse[0]):
            scores, *bitmaps = gpu.sparse_dot(*query, *document, vocabulary, True, True)
            gpu.sparse_dot_backward(scores, *query, *document, vocabulary, True, *bitmaps, True, True)


def flops(dtype):
    from menura.ops.library import gpu

    vocabulary = 30522
    for matrix in ((torch.zeros(512, vocabulary, dtype=dtype), None, None), csr(512, vocabulary, 200)):
        for weights in (None, torch.ones(vocabulary, dtype=dtype)):
            for estimator in ("mean", "unbiased"):
                value, totals = gpu.flops(*matrix, weights, vocabulary, estimator)
                gpu.flops_backward(value, *matrix, weights, vocabulary, totals, estimator)


def splade_head(dtype):
    from menura.ops.library import gpu

    weight, bias = torch.zeros(30522, 768, dtype=dtype), torch.zeros(30522)
    for batch, tokens, activation in ((64, 256, "relu"), (64, 32, "log1p_relu")):
        hidden, mask = torch.zeros(batch, tokens, 768, dtype=dtype), torch.ones(batch, tokens, dtype=torch.bool)
        inputs = hidden, weight, bias, mask, None
        gpu.splade_head(*inputs, "sum", activation, None, False)
        output, argmax = gpu.splade_head(*inputs, "max", activation, None, True)
        gpu.splade_head_backward(*inputs, "max", activation, output, None, None, output, argmax, *[True] * 3)
    inputs = torch.zeros(4096, 768, dtype=dtype), weight, None, None, torch.arange(0, 4097, 128)
    gpu.splade_head(*inputs, "max", "relu", None, False)
    gpu.splade_head_csr(*inputs, "max", "relu", 200, True)
    crow, col, values = torch.arange(33), torch.zeros(32, dtype=torch.int64), torch.zeros(32)
    gpu.splade_head_backward(*inputs, "max", "relu", values, crow, col, values, col, True, True, False)


def report(compiled: list) -> list[dict[str, object]]:
    """What each kernel needs at most, by what it is for and dtype."""
    most: dict[tuple[str, str, str], dict[str, int]] = {}
    for dtype, run in cases():
        del compiled[:]
        run(dtype)
        for kernel, result in {id(result): (kernel, result) for kernel, result in compiled}.values():
            found = needs(result)
            known = most.setdefault((run.__name__, kernel, str(dtype).removeprefix("torch.")), found)
            known.update({name: max(value, known[name]) for name, value in found.items()})
    return [{"work": work, "kernel": kernel, "dtype": dtype, **used} for (work, kernel, dtype), used in most.items()]


def sweep(compiled: list) -> dict[str, int]:
    """How many compilations the lengths and batch sizes of a training run cause, by kernel."""
    for run in SWEEPS:
        run()
    distinct = {(kernel, id(result)) for kernel, result in compiled}
    return dict(Counter(kernel for kernel, _ in distinct))


def sweep_maxsim():
    from menura.ops.library import gpu

    for count, query_tokens, document_tokens in product(
        (1, 2, 16, 33), (1, 20, 32, 33, 64, 128), (1, 50, 180, 257, 512)
    ):
        queries = torch.zeros(count, query_tokens, 128, dtype=torch.bfloat16)
        documents = torch.zeros(count, document_tokens, 128, dtype=torch.bfloat16)
        scores, argmax = gpu.maxsim(queries, documents, None, None, None, None, False, True)
        gpu.maxsim_backward(scores, queries, documents, None, None, False, argmax, True, True)


def sweep_sparse():
    from menura.ops.library import gpu

    vocabulary = 64
    for count, entries in product((1, 2, 16, 33, 64, 200), (1, 10, 30, 200)):
        dense = torch.zeros(count, vocabulary), None, None
        sparse = csr(2 * count, vocabulary, entries)
        for query, document in product((dense, csr(count, vocabulary, entries)), (dense, sparse)):
            scores, *bitmaps = gpu.sparse_dot(*query, *document, vocabulary, False, True)
            gpu.sparse_dot_backward(scores, *query, *document, vocabulary, False, *bitmaps, True, True)
        for matrix in (dense, sparse):
            value, totals = gpu.flops(*matrix, None, vocabulary, "mean")
            gpu.flops_backward(value, *matrix, None, vocabulary, totals, "mean")


def sweep_splade_head():
    from menura.ops.library import gpu

    weight = torch.zeros(3000, 768, dtype=torch.bfloat16)
    for batch, tokens in product((1, 2, 16, 33), (1, 20, 32, 33, 64, 128, 257, 512)):
        inputs = torch.zeros(batch, tokens, 768, dtype=torch.bfloat16), weight, None, None, None, "max", "relu"
        output, argmax = gpu.splade_head(*inputs, None, True)
        gpu.splade_head_backward(*inputs, output, None, None, output, argmax, True, True, False)


SWEEPS = [sweep_maxsim, sweep_splade_head, sweep_sparse]


def renew_budget() -> None:
    """Allow every kernel what it needs now."""
    with BUDGET.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["triton", "target", "work", "kernel", "dtype", "registers", "spilled", "shared"])
        for target in TARGETS:
            output = subprocess.check_output([sys.executable, "-W", "ignore", __file__, target], text=True)
            writer.writerows([triton.__version__, target, *row.values()] for row in json.loads(output))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        renew_budget()
    else:
        compiled = compile_launches(sys.argv[1])
        print(json.dumps(sweep(compiled) if "--sweep" in sys.argv else report(compiled)))
