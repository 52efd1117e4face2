"""Peak memory comes from a fresh process, and knows a large step from a small one."""

from __future__ import annotations

from menura.bench.catalogue import find
from menura.bench.memory import peak_memory
from menura.bench.providers import providers

# 64 x 64 pairs of 32 x 180 similarities are 94 MB; the gradients that everybody owes are 3.5 MB.
BATCH = find("maxsim_batch-64x64-32x180x128", "float32")


def weigh(name, joining=None):
    known = providers(joining)
    chosen = next(each for each in known if (each.task, each.name) == (BATCH.task, name))
    return peak_memory(BATCH, chosen, threads=1, joining=joining)


def test_similarities_that_are_held_weigh():
    assert 94 < weigh("torch, einsum and max") < 400


def test_a_provider_that_dies_has_no_figure(tmp_path):
    (tmp_path / "peers.py").write_text(
        "import os\nfrom menura.bench.provider import Provider\n"
        "PROVIDERS = [Provider('dies', 'maxsim_batch', lambda *_: os.abort(), 'dies')]\n"
    )
    assert weigh("dies", tmp_path / "peers.py") is None


def test_ours_holds_little_more_than_the_gradients():
    assert 3.5 < weigh("menura") < 20
