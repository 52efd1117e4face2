"""Names tell workloads apart, and inputs are the same at every call."""

from __future__ import annotations

import pytest
import torch

from menura import MenuraError
from menura.bench.catalogue import chosen, find, other_shapes, standard, tiny
from menura.bench.ragged import padded, split
from menura.bench.workloads import maxsim_score, splade_head


def test_names_are_unique():
    keys = [(workload.name, workload.precision) for workload in (*standard(), *other_shapes(), *tiny())]
    assert len(set(keys)) == len(keys)


def test_workloads_are_found_again():
    for workload in (*standard(), *other_shapes(), *tiny()):
        assert find(workload.name, workload.precision).title == workload.title


def test_every_task_has_a_tiny_workload():
    assert {each.task for each in tiny()} == {each.task for each in (*standard(), *other_shapes())}


@pytest.mark.parametrize("workload", tiny(), ids=lambda workload: f"{workload.name}-{workload.precision}")
def test_inputs_are_the_same_at_every_call(workload):
    for first, second in zip(workload.inputs(), workload.inputs(), strict=True):
        assert torch.equal(first, second)
        assert first.dtype in ({workload.dtype} if first.is_floating_point() else {torch.int64, torch.int8})
        assert first.requires_grad == (workload.trained and first.is_floating_point())


def test_choosing_by_the_beginning_of_the_name():
    assert {each.task for each in chosen(standard(), "maxsim_kd")} == {"maxsim_kd"}
    assert len(chosen(tiny(), None)) == len(tiny())
    with pytest.raises(MenuraError, match=r"no workload's name begins with 'bert'; there are: maxsim_score-20-8x16,"):
        chosen(tiny(), "bert")


def test_ragged_documents_padded_and_apart():
    _, documents, offsets = maxsim_score(5, 4, 8, dtype=torch.float32).inputs()
    dense, mask = padded(documents, offsets)
    assert torch.equal(dense[mask], documents)
    assert not dense[~mask].any()
    assert [len(document) for document in split(documents, offsets)] == mask.sum(1).tolist()


def test_the_truth_of_ragged_documents_does_not_depend_on_slabs(monkeypatch):
    workload = maxsim_score(7, 4, 8, dtype=torch.float32)
    (whole,) = workload.truth()
    monkeypatch.setattr("menura.bench.workloads.SLAB", 3)
    (slabs,) = workload.truth()
    torch.testing.assert_close(slabs, whole)


def test_the_head_leaves_some_terms_active():
    activations, *_ = splade_head(8, 16, 64, 3000, dtype=torch.float32).truth()
    assert 150 < activations.count_nonzero(1).double().mean() < 250
