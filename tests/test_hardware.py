"""What the processors can do, and what recipes make of it."""

from __future__ import annotations

import pytest
import torch

from menura import hardware
from menura.recipe import TrainerSettings, precision

NEWER = "processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16\nbugs\t\t: none\nprocessor\t: 1\n"
OLDER = NEWER.replace(" avx512_bf16", "")
ARM = "processor\t: 0\nFeatures\t: fp asimd bf16\n"


@pytest.fixture
def described(tmp_path, monkeypatch):
    """A machine without a GPU, of which Linux tells this."""

    def describe(text):
        if text is not None:
            tmp_path.joinpath("cpuinfo").write_text(text, encoding="utf-8")
        monkeypatch.setattr(hardware, "CPU_INFO", tmp_path / "cpuinfo")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
        hardware.cpu_features.cache_clear()

    yield describe
    hardware.cpu_features.cache_clear()


@pytest.mark.parametrize(("text", "expected"), [(NEWER, True), (OLDER, False), (ARM, True), ("", False), (None, False)])
def test_auto_is_bf16_where_the_cpu_multiplies_it(described, text, expected):
    described(text)
    assert TrainerSettings(bf16="auto").bf16 is expected
    assert TrainerSettings(bf16=True).bf16


def test_slow_bf16_is_not_taken_silently(described, caplog):
    precision._say_bf16_may_be_slow.cache_clear()
    described(OLDER)
    for _ in range(2):
        assert TrainerSettings(bf16=True).bf16
    assert [record.message for record in caplog.records if "auto takes float32 here" in record.message]
    assert len(caplog.records) == 1


@pytest.mark.parametrize("newer", [True, False])
def test_a_gpu_decides_before_the_cpu(described, monkeypatch, newer):
    described(OLDER if newer else NEWER)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: newer or including_emulation)
    assert TrainerSettings(bf16="auto").bf16 is newer


def test_another_accelerator_gets_float32(described, monkeypatch):
    described(NEWER)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert not hardware.has_bf16()


def test_features_are_those_of_the_first_processor(described):
    described(NEWER)
    assert hardware.cpu_features() == {"fpu", "avx512f", "avx512_bf16"}
