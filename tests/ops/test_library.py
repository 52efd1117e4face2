"""The operators as PyTorch sees them: registration, tracing, export, one OpenMP pool, instruction sets."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import torch

import menura
from menura.ops import library, native

QUERIES, DOCUMENTS = torch.randn(2, 5, 8), torch.randn(3, 7, 8)
HIDDEN, WEIGHT, BIAS = torch.randn(2, 5, 8), torch.randn(20, 8), torch.randn(20)
MASK = torch.rand(2, 5) > 0.3
CU_SEQLENS = torch.tensor([0, 2, 2, 5], dtype=torch.int32)
SPARSE = torch.rand(2, 20) * (torch.rand(2, 20) > 0.5)
CSR = torch.rand(5), torch.tensor([0, 2, 5]), torch.tensor([3, 19, 0, 7, 7])

TOKENS, OFFSETS = torch.randn(9, 8), torch.tensor([0, 4, 4, 9])
PAIRS = torch.tensor([[2, 0], [0, 2]])

FORWARD_CASES = {
    "maxsim": [
        (QUERIES, DOCUMENTS, None, None, None, None, False, True),
        (QUERIES, torch.randn(2, 4, 7, 8), MASK, torch.rand(2, 4, 7) > 0.3, None, None, True, False),
        (torch.randn(2, 8, 5).mT, torch.randn(3, 8, 7).mT, None, None, None, None, False, True),
    ],
    "maxsim_packed": [
        (TOKENS, TOKENS.flip(0), OFFSETS, OFFSETS, None, None, None, False, True),
        (TOKENS.T.contiguous().T, TOKENS.flip(0), OFFSETS, OFFSETS, PAIRS, None, None, True, False),
        (*[TOKENS.to(torch.int8)] * 2, OFFSETS, OFFSETS, PAIRS, torch.ones(9), torch.ones(9), False, False),
    ],
    "splade_head": [
        (HIDDEN, WEIGHT, BIAS, MASK, None, "max", "relu", None, True),
        (torch.randn(5, 2, 8).transpose(0, 1), torch.randn(8, 20).T, None, None, None, "sum", "log1p_relu", 3, True),
        (HIDDEN[0], WEIGHT, BIAS, MASK[0], CU_SEQLENS, "max", "relu", 3, False),
    ],
    "splade_head_csr": [
        (HIDDEN, WEIGHT, BIAS, MASK, None, "max", "relu", None, True),
        (HIDDEN[0], WEIGHT, None, None, CU_SEQLENS, "sum", "log1p_relu", 3, True),
    ],
    "sparse_dot": [
        (SPARSE, None, None, torch.rand(3, 20), None, None, 20, False, True),
        (torch.rand(20, 2).T, None, None, SPARSE, None, None, 20, True, False),
        (*CSR, SPARSE, None, None, 20, False, True),
        (*CSR, *CSR, 20, True, True),
    ],
    "flops": [
        (SPARSE, None, None, None, 20, "mean"),
        (torch.rand(20, 2).T, None, None, torch.rand(20), 20, "unbiased"),
        (*CSR, torch.rand(20), 20, "mean"),
    ],
}


def backward_cases():
    for case in FORWARD_CASES["maxsim"]:
        inputs, normalize = case[:4], case[6]
        scores, argmax = library.maxsim(*inputs, None, None, normalize, True)
        yield "maxsim_backward", (torch.randn_like(scores), *inputs, normalize, argmax, True, False)
    for case in FORWARD_CASES["maxsim_packed"][:2]:
        inputs, normalize = case[:5], case[7]
        scores, argmax = library.maxsim_packed(*inputs, None, None, normalize, True)
        yield "maxsim_packed_backward", (torch.randn_like(scores), *inputs, normalize, argmax, True, False)
    for *inputs, top_k, _ in FORWARD_CASES["splade_head"]:
        output, argmax = library.splade_head(*inputs, top_k, True)
        needed = (True, True, inputs[2] is not None)
        yield "splade_head_backward", (*inputs, torch.randn_like(output), None, None, output, argmax, *needed)
    for *inputs, top_k, _ in FORWARD_CASES["splade_head_csr"]:
        crow, col, values, argmax = library.splade_head_csr(*inputs, top_k, True)
        needed = (True, False, inputs[2] is not None)
        yield "splade_head_backward", (*inputs, torch.randn_like(values), crow, col, values, argmax, *needed)
    for *inputs, _ in FORWARD_CASES["sparse_dot"]:
        scores, *bitmaps = library.sparse_dot(*inputs, True)
        yield "sparse_dot_backward", (torch.randn_like(scores), *inputs, *bitmaps, True, True)
    for *inputs, estimator in FORWARD_CASES["flops"]:
        value, totals = library.flops(*inputs, estimator)
        yield "flops_backward", (torch.randn_like(value), *inputs, totals, estimator)


CASES = [(name, case) for name, cases in FORWARD_CASES.items() for case in cases] + list(backward_cases())


@pytest.mark.usefixtures("device_kernels")
@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_opcheck(name, case):
    torch.library.opcheck(getattr(library, name), case)


def train_step(queries, documents, hidden, weight, bias, mask):
    scores = menura.maxsim(queries, documents, query_mask=mask, length_normalize=True)
    pairs = menura.maxsim_pairs(queries, documents[: queries.shape[0]], normalize=True)
    activations = menura.splade_head(hidden, weight, bias, mask=mask, top_k=9)
    rows = torch.arange(hidden.shape[0] + 1) * hidden.shape[1]
    activations = activations + menura.splade_head(
        hidden.flatten(0, 1), weight, bias, mask=mask.flatten(), cu_seqlens=rows, pooling="sum"
    )
    dots = menura.sparse_dot(activations, activations)
    frequency = activations.detach().bool().float().mean(0)
    return scores.sum() + pairs.sum() + dots.sum() + menura.flops(activations, document_frequency=frequency)


@pytest.mark.usefixtures("device_kernels")
def test_packed_maxsim_compiles_in_one_graph():
    def step(queries, documents, cu_seqlens_q, cu_seqlens_d):
        return menura.maxsim_packed(queries, documents, cu_seqlens_q, cu_seqlens_d, length_normalize=True).sum()

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    inputs = [TOKENS.clone().requires_grad_(), TOKENS.flip(0).requires_grad_()]
    eager = torch.autograd.grad(step(*inputs, OFFSETS, OFFSETS), inputs)
    traced = torch.autograd.grad(compiled(*inputs, OFFSETS, OFFSETS), inputs)
    for own, other in zip(eager, traced, strict=True):
        torch.testing.assert_close(own, other)


@pytest.mark.usefixtures("device_kernels")
@pytest.mark.parametrize("dynamic", [False, True])
def test_compiles_in_one_graph(dynamic):
    compiled = torch.compile(train_step, fullgraph=True, dynamic=dynamic, backend="aot_eager")
    for batch in (2, 3):
        shapes = (batch, 5, 8), (batch + 1, 7, 8), (batch, 5, 8), (20, 8), (20,)
        inputs = [torch.randn(shape, requires_grad=True) for shape in shapes]
        mask = torch.rand(batch, 5) > 0.3
        eager = torch.autograd.grad(train_step(*inputs, mask), inputs)
        traced = torch.autograd.grad(compiled(*inputs, mask), inputs)
        for own, other in zip(eager, traced, strict=True):
            torch.testing.assert_close(own, other)


def test_csr_splits_a_compiled_graph_and_stays_right():
    documents = torch.rand(3, 20, requires_grad=True)

    def train_sparse(queries, documents):
        return (menura.sparse_dot(queries, 2 * documents) ** 2).sum() + menura.flops(queries)

    compiled = torch.compile(train_sparse, backend="aot_eager")
    grads = []
    for step in (train_sparse, compiled):
        queries = SPARSE.to_sparse_csr().requires_grad_()
        grads.append([grad.to_dense() for grad in torch.autograd.grad(step(queries, documents), (queries, documents))])
    for own, other in zip(*grads, strict=True):
        torch.testing.assert_close(own, other)


class Head(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(WEIGHT.clone())

    def forward(self, hidden, mask):
        return menura.splade_head(hidden, self.weight, mask=mask)


class Scorer(torch.nn.Module):
    def forward(self, queries, documents):
        return menura.maxsim(queries, documents)


@pytest.mark.parametrize("module", [Head, Scorer])
def test_exports_with_a_dynamic_batch(module):
    batch = torch.export.Dim("batch", min=2, max=64)
    model = module().eval()
    first = (HIDDEN, MASK) if module is Head else (QUERIES, DOCUMENTS)
    dims = ({0: batch}, {0: batch}) if module is Head else ({0: batch}, None)
    with torch.no_grad():
        program = torch.export.export(model, first, dynamic_shapes=dims)
        second = (
            (torch.randn(5, 5, 8), torch.ones(5, 5).bool()) if module is Head else (torch.randn(5, 5, 8), DOCUMENTS)
        )
        torch.testing.assert_close(program.module()(*second), model(*second))


def test_autocast_keeps_float32():
    with torch.autocast("cpu", torch.bfloat16):
        hidden = torch.nn.functional.linear(HIDDEN, torch.randn(8, 8))
        assert hidden.dtype == torch.bfloat16
        assert menura.splade_head(hidden, WEIGHT).dtype == torch.float32
        assert menura.maxsim(hidden, DOCUMENTS).dtype == torch.float32


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", native.available_isas())
def test_the_environment_chooses_the_instruction_set(name):
    result = run_python("import menura.ops; print(menura.ops.isa())", MENURA_ISA=name)
    assert result.stdout.strip() == name


def test_an_unknown_instruction_set_is_refused():
    result = run_python("import menura", MENURA_ISA="altivec")
    assert result.returncode != 0
    assert "no kernels for the instruction set 'altivec' here; available: scalar" in result.stderr


def test_importing_menura_needs_only_torch_and_numpy():
    code = """
import sys
import menura
heavy = {"sentence_transformers", "transformers", "pydantic", "rich", "yaml", "pyarrow", "duckdb", "deltalake"}
print(sorted(heavy & set(sys.modules)))
"""
    assert run_python(code).stdout.strip() == "[]"


def test_what_needs_more_says_how_to_install_it():
    code = "import sys; sys.modules['sentence_transformers'] = None; import menura; menura.accelerate"
    assert (
        "[accelerate] sentence_transformers is not installed; run: pip install 'menura[train]'"
        in run_python(code).stderr
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_one_openmp_pool_in_the_process():
    code = """
import torch, menura
menura.maxsim(torch.randn(4, 3, 8), torch.randn(4, 3, 8))
print({line.split()[-1] for line in open("/proc/self/maps") if "libgomp" in line or "libiomp" in line})
"""
    result = run_python(code)
    assert len(re.findall(r"\.so", result.stdout)) == 1, result.stdout


def test_threads_do_not_change_the_result():
    before = torch.get_num_threads()
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        inputs = [QUERIES.clone().requires_grad_(), DOCUMENTS.clone().requires_grad_()]
        scores = menura.maxsim(*inputs)
        results.append([scores, *torch.autograd.grad(scores.sum(), inputs)])
    torch.set_num_threads(before)
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)
