"""Nothing that is wrong is timed: ours raises, others are reported."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from menura import MenuraError
from menura.bench import harness
from menura.bench.catalogue import tiny
from menura.bench.gate import errors_of, wrong
from menura.bench.harness import Harness
from menura.bench.machine import this_machine
from menura.bench.provider import Provider, UnsupportedError
from menura.bench.providers import providers
from menura.bench.step import Step
from menura.bench.timing import Samples
from menura.ops import reference

KD = next(workload for workload in tiny() if workload.task == "maxsim_kd")


@pytest.fixture(autouse=True)
def timed(monkeypatch):
    """The names of what was let through to the timing, which takes none here."""
    names = []

    def interleave(calls, *, samples):
        names.extend(calls)
        return {name: Samples([2.0] * samples, samples) for name in calls}

    monkeypatch.setattr(harness, "interleave", interleave)
    return names


def measure(*joining, workload=KD, peaks=None):
    return Harness(joining, this_machine(), peaks or {}, samples=3, weigh=False).measure(workload)


def provider(function, package="torch"):
    return Provider("it", "maxsim_kd", partial(Step.of, function), package)


def wrong_output(queries, documents):
    return 1.001 * reference.maxsim(queries, documents)


def wrong_gradient(queries, documents):
    return reference.maxsim(1.01 * queries, documents) - 0.01 * reference.maxsim(queries, documents).detach()


def nan(queries, documents):
    return reference.maxsim(queries, documents) * torch.nan


def transposed(queries, documents):
    return reference.maxsim(queries, documents).T


def crash(*_):
    raise RuntimeError("no such kernel\nand more")


@pytest.mark.parametrize(
    ("function", "note"),
    [
        (wrong_output, "wrong: its output is off by 1.0e-03"),
        (wrong_gradient, "wrong: a gradient is off by 1.0e-02"),
        (nan, "wrong: its output is off by nan"),
        (transposed, "wrong: its output is off by inf"),
        (crash, "failed: no such kernel"),
    ],
)
def test_others_are_reported_and_not_timed(function, note, timed):
    (figure,) = measure(provider(function))
    assert figure.note.startswith(note)
    assert "\n" not in figure.note
    assert (figure.median_ms, figure.kept, timed) == (None, 0, [])


@pytest.mark.parametrize("function", [wrong_output, wrong_gradient, nan, transposed])
def test_ours_raises(function):
    with pytest.raises(MenuraError, match=rf"^\[bench\] menura is wrong on {KD.name} in float32: .*\.$"):
        measure(provider(function, "menura"))


def test_a_failure_of_ours_is_not_hidden():
    with pytest.raises(RuntimeError, match="no such kernel"):
        measure(provider(crash, "menura"))


def test_what_is_right_is_timed(timed):
    (figure,) = measure(provider(reference.maxsim))
    assert (figure.median_ms, figure.kept, figure.taken, figure.note) == (2.0, 3, 3, "")
    assert figure.output_error < 1e-6
    assert timed == ["it"]


def test_rate_and_fraction_of_the_peak():
    rate = KD.flop / 2e-3
    (figure,) = measure(provider(reference.maxsim), peaks={torch.float32: 4 * rate})
    assert figure.gflop_per_s == pytest.approx(rate / 1e9)
    assert figure.fraction_of_peak == pytest.approx(0.25)
    (figure,) = measure(provider(reference.maxsim), peaks={torch.float32: rate / 2})
    assert figure.note == "beyond the peak: not to be quoted"


def test_disturbed_samples_alone_are_no_figure(monkeypatch):
    monkeypatch.setattr(harness, "interleave", lambda calls, *, samples: {name: Samples([], 12) for name in calls})
    (figure,) = measure(provider(reference.maxsim))
    assert (figure.median_ms, figure.gflop_per_s, figure.kept, figure.taken) == (None, None, 0, 12)
    assert figure.note == "no sample was undisturbed"


def test_no_peak_no_fraction():
    (figure,) = measure(provider(reference.maxsim), peaks={torch.float32: None})
    assert figure.fraction_of_peak is None


def test_who_cannot_says_why():
    def refuse(*_):
        raise UnsupportedError("takes float16 only")

    def import_it(*_):
        raise ModuleNotFoundError("No module named 'peer'", name="peer")

    notes = [figure.note for bind in (refuse, import_it) for figure in measure(Provider("it", "maxsim_kd", bind, "it"))]
    assert notes == ["takes float16 only", "peer is not installed"]


def test_gradients_count_where_entries_are():
    truth = [torch.ones(1), torch.tensor([3.0, 4.0])]
    got = [torch.ones(1), torch.tensor([3.0, 9.0])]
    assert errors_of(got, truth).gradient == pytest.approx(1.0)
    assert errors_of(got, truth, [torch.tensor([True, False])]).gradient == 0
    assert wrong(errors_of(got, truth), torch.float32) is not None


@pytest.mark.parametrize("workload", tiny(), ids=lambda workload: f"{workload.name}-{workload.precision}")
def test_every_provider_of_ours_is_right_or_says_why_not(workload):
    for figure in measure(*providers(), workload=workload):
        assert figure.median_ms is not None, figure
