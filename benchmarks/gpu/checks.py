"""Whether an operator is right on this device. Nothing that fails here is timed."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

import menura
from gpu.cases import GPU, INTERPRETED, Case, cases
from gpu.device import Gpu
from menura.ops import reference
from parity import assert_matches_reference, leaf, value_and_grads
from stand_ins import poisoned_memory

OPERATORS = ("maxsim", "maxsim_packed", "splade_head", "sparse_dot", "flops")
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
RUNS = 5
TWO_TO_31 = 1 << 31
# Rows at the end of more than 2^31 elements that are compared with the same rows by themselves.
TAIL = 16


def check(operator: str, device: Gpu) -> bool:
    """Run every check of `operator` and print a line for each; whether all passed."""
    known = cases(operator, device.kind, INTERPRETED if device.dry else GPU)
    # The interpreter truncates to bfloat16 where a GPU rounds.
    dtypes = (torch.float32, torch.float16) if device.dry else DTYPES
    checks: dict[str, Callable[[], None]] = {f"parity, {case.name}": parity(case, dtypes) for case in known}
    if operator in ("maxsim", "maxsim_packed"):
        checks["parity, int8"] = lambda: int8(operator, device.kind)
    checks["determinism"] = lambda: deterministic(known, dtypes)
    checks["torch.compile"] = lambda: compiles(known[0], "aot_eager" if device.dry else "inductor")
    if not device.dry:
        checks["CUDA graph"] = lambda: captures(known[0])
        checks["more than 2^31 elements"] = lambda: LARGE[operator]()
    passed = [_line(operator, name, run) for name, run in checks.items()]
    return all(passed)


def parity(case: Case, dtypes: Sequence[torch.dtype]) -> Callable[[], None]:
    """Values and gradients against the reference in float64, on uninitialised memory that bites."""

    def run() -> None:
        torch.manual_seed(0)
        with poisoned_memory():
            assert_matches_reference(case.ours, case.reference, *case.inputs, dtypes=dtypes)

    return run


def int8(operator: str, device: str) -> None:
    """Embeddings with a scale each; there is no gradient."""
    torch.manual_seed(0)
    if operator == "maxsim":
        shapes, offsets = [(3, 5, 20), (4, 9, 20)], []
    else:
        shapes, offsets = (
            [(15, 20), (36, 20)],
            [torch.tensor(each, device=device) for each in ([0, 5, 15], [0, 9, 9, 36])],
        )
    (queries, query_scales), (documents, scales) = (menura.quantize(torch.randn(s, device=device)) for s in shapes)

    def score(operators: object, dtype: torch.dtype) -> Tensor:
        scaled = {"query_scales": query_scales.to(dtype), "document_scales": scales.to(dtype)}
        return getattr(operators, operator)(queries, documents, *offsets, **scaled)

    with poisoned_memory():
        scores = score(menura, torch.float32)
    torch.testing.assert_close(scores.double(), score(reference, torch.float64), rtol=1e-5, atol=1e-5)


def deterministic(known: Sequence[Case], dtypes: Sequence[torch.dtype]) -> None:
    """The same bits in every run."""
    for case in known:
        for dtype in dtypes:
            first, *others = (_results(case, dtype) for _ in range(RUNS))
            for other in others:
                _assert_same(first, other, f"{case.name}, {dtype}: two runs differ")


def compiles(case: Case, backend: str) -> None:
    """Without a break in the graph, and with the same bits."""
    compiled = Case(case.name, torch.compile(case.ours, fullgraph=True, backend=backend), case.reference, case.inputs)
    _assert_same(_results(case, torch.float32), _results(compiled, torch.float32), "compiled, it differs")


def captures(case: Case) -> None:
    """Forward and backward in a CUDA graph, replayed on other numbers."""
    inputs = [leaf(tensor, torch.float32) for tensor in case.inputs]
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            value_and_grads(case.ours, inputs, None)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = value_and_grads(case.ours, inputs, None)
    with torch.no_grad():
        for tensor in inputs:
            if tensor is not None:
                tensor.copy_(torch.randn_like(tensor))
    graph.replay()
    _assert_same(captured, value_and_grads(case.ours, inputs, None), "a replayed graph differs")


def _large_maxsim() -> None:
    queries = torch.randn(4, 32, 128, device="cuda", dtype=torch.bfloat16)
    documents = _beyond(240, 128)
    _assert_same_tail(lambda d: menura.maxsim(queries, d).T, documents)


def _large_maxsim_packed() -> None:
    queries = torch.randn(4 * 32, 128, device="cuda", dtype=torch.bfloat16)
    query_offsets = torch.arange(0, 4 * 32 + 1, 32, device="cuda")

    def score(documents: Tensor) -> Tensor:
        offsets = 240 * torch.arange(len(documents) + 1, device="cuda")
        return menura.maxsim_packed(queries, documents.flatten(0, 1), query_offsets, offsets).T

    _assert_same_tail(score, _beyond(240, 128))


def _large_splade_head() -> None:
    """Here the outputs are many."""
    weight = torch.randn(30_522, 64, device="cuda", dtype=torch.bfloat16)
    hidden = torch.randn(TWO_TO_31 // 30_522 + TAIL, 2, 64, device="cuda", dtype=torch.bfloat16)
    _assert_same_tail(lambda h: menura.splade_head(h, weight), hidden)


def _large_sparse_dot() -> None:
    queries = torch.rand(2, 30_522, device="cuda", dtype=torch.bfloat16)
    _assert_same_tail(lambda d: menura.sparse_dot(queries, d).T, _beyond(30_522))


def _large_flops() -> None:
    """A sum over columns, so that some columns at a time can be held in float64."""
    activations = _beyond(30_522)
    value = menura.flops(activations).double()
    truth = sum(reference.flops(columns.double()) for columns in activations.detach().split(1024, dim=1))
    torch.testing.assert_close(value, truth, rtol=1e-5, atol=0)


LARGE: dict[str, Callable[[], None]] = {
    "maxsim": _large_maxsim,
    "maxsim_packed": _large_maxsim_packed,
    "splade_head": _large_splade_head,
    "sparse_dot": _large_sparse_dot,
    "flops": _large_flops,
}


def _beyond(*row: int) -> Tensor:
    """As many rows as take more than 2^31 elements."""
    rows = TWO_TO_31 // torch.Size(row).numel() + TAIL
    return torch.randn(rows, *row, device="cuda", dtype=torch.bfloat16)


def _assert_same_tail(operator: Callable[[Tensor], Tensor], rows: Tensor) -> None:
    """The last rows and their gradients, among all and by themselves."""
    whole, alone = rows.requires_grad_(), rows[-TAIL:].detach().clone().requires_grad_()
    among, apart = operator(whole), operator(alone)
    torch.testing.assert_close(among[-TAIL:], apart, rtol=1e-4, atol=1e-4)
    (among_grad,), (apart_grad,) = (torch.autograd.grad(out.sum(), x) for out, x in ((among, whole), (apart, alone)))
    torch.testing.assert_close(among_grad[-TAIL:], apart_grad, rtol=1e-2, atol=1e-2)


def _results(case: Case, dtype: torch.dtype) -> list[Tensor]:
    return value_and_grads(case.ours, [leaf(tensor, dtype) for tensor in case.inputs], None)


def _assert_same(ours: Sequence[Tensor], theirs: Sequence[Tensor], complaint: str) -> None:
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True)), complaint


def _line(operator: str, name: str, run: Callable[[], None]) -> bool:
    try:
        run()
    except Exception as failure:
        where = traceback.extract_tb(failure.__traceback__)[-1]
        words = str(failure).strip().split("\n")[0] or type(failure).__name__
        print(f"FAIL  {operator}: {name}: {words} ({Path(where.filename).name}:{where.lineno})", flush=True)
        return False
    print(f"pass  {operator}: {name}", flush=True)
    return True
