"""Rows made while students train: the default's order, new negatives at their time, the same after a resume."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from sentence_transformers import SparseEncoderTrainer, SparseEncoderTrainingArguments
from torch.utils.data import DataLoader

from menura import MenuraError
from menura.losses import PointwiseMSE, SpladeDistillationLoss
from menura.recipe import SpladeSettings, TrainerSettings
from menura.students import build_splade
from menura.training import OnlineExamples, build_examples, calibration, train_splade
from menura.training.online import Schedule
from stopping import stopped_at
from tiny import WORDS, tiny_masked_lm

QUERIES = {f"q{i}": f"find {WORDS[i]} {WORDS[i + 1]}" for i in range(15)}
CORPUS = {f"p{i}": f"{WORDS[i]} {WORDS[i + 1]} of the {WORDS[i + 20]} table" for i in range(24)}
CANDIDATES = {f"q{i}": ([f"p{i}"], [f"p{(i + 3) % 24}", f"p{(i + 7) % 24}", f"p{(i + 11) % 24}"]) for i in range(15)}


def logit(query_id, passage_id):
    return 1.0 if query_id[1:] == passage_id[1:] else -0.5 - 0.02 * int(passage_id[1:])


class FakeTeacher:
    """Knows all scores at once; notes which rows it was told of, and which were asked for before they were needed."""

    def __init__(self):
        self.prepared = set()
        self.asked = []
        self.needed = []

    def prepare(self, rows):
        self.prepared = {(query_id, *passages) for query_id, passages in rows}

    def ask(self, rows):
        assert {(query_id, *passages) for query_id, passages in rows} <= self.prepared
        self.asked.append(rows)

    def labels(self, rows):
        assert {(query_id, *passages) for query_id, passages in rows} <= self.prepared
        self.needed.append(rows)
        return np.array([[logit(query_id, passage_id) for passage_id in passages] for query_id, passages in rows])


class FakeRemining:
    """Negatives that depend on every bit of the student's weights."""

    every = 3

    def __init__(self):
        self.found = {}
        self.mined = []

    def mine(self, model, query_ids, step):
        state = b"".join(tensor.numpy().tobytes() for tensor in model.state_dict().values())
        digest = hashlib.sha256(state).digest()
        self.mined.append(step)
        self.found[step] = {
            f"q{q}": ([f"p{q}"], [f"p{(q + 1 + digest[i] % 5 + 5 * i) % 24}" for i in range(3)])
            for q in (int(query_id[1:]) for query_id in query_ids)
        }
        return self.found[step]

    def kept(self, step):
        return self.found[step]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_masked_lm(tmp_path_factory.mktemp("tiny") / "lm")


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    monkeypatch.setattr(calibration, "SAMPLED_ROWS", 4)


def online(ahead=0, remining=None):
    return OnlineExamples(CANDIDATES, FakeTeacher(), QUERIES, CORPUS, negatives=2, ahead=ahead, remining=remining)


def trained(model, examples, output, **options):
    trainer = TrainerSettings(**{"max_steps": 10, "batch_size": 4, "learning_rate": 2e-3, "save_steps": 4, **options})
    settings = SpladeSettings(model=model, trainer=trainer)
    student = build_splade(settings)
    train_splade(student, settings, examples, output=output, seed=1)
    return {name: tensor.clone() for name, tensor in student.state_dict().items()}


def same(first, second):
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_the_same_student_as_from_finished_examples(model, tmp_path):
    """Over three epochs with a short last batch: the order is the default's, to the last bit of the weights."""
    logits = {(q, p): logit(q, p) for q, sides in CANDIDATES.items() for side in sides for p in side}
    whole = trained(model, build_examples(CANDIDATES, logits, QUERIES, CORPUS, negatives=2), tmp_path / "whole")
    examples = online(ahead=3)
    assert same(whole, trained(model, examples, tmp_path / "online"))
    sample, *needed = examples._teacher.needed
    # Each batch is announced once; the loader's last is not trained on.
    assert examples._teacher.asked == needed[:10]
    assert (len(sample), len(needed)) == (4, 11)


@pytest.mark.parametrize("ahead", [0, 4])
def test_new_negatives_come_at_their_batch_also_after_a_resume(model, tmp_path, ahead):
    remining = FakeRemining()
    examples = online(ahead, remining)
    whole = trained(model, examples, tmp_path / "whole")
    batches = examples._teacher.needed[1:]
    for number, batch in enumerate(batches[:10]):
        step = 3 * ((number - 1 - ahead) // 3)
        for query_id, passages in batch:
            positives, negatives = remining.found[step][query_id] if step > 0 else CANDIDATES[query_id]
            assert passages == [positives[0], *negatives[:2]]
    assert len(batches) == 11  # the loader's last one is not trained on
    assert remining.mined == ([3, 6] if ahead == 0 else [3])

    with stopped_at(7):
        stopped = FakeRemining()
        trained(model, online(ahead, stopped), tmp_path / "stopped")
    again = FakeRemining()
    again.found = stopped.found
    assert same(whole, trained(model, online(ahead, again), tmp_path / "stopped"))
    assert again.mined == ([6] if ahead == 0 else [])  # the checkpoint is of step 4
    assert again.found == remining.found


def arguments(tmp_path, **options):
    return SparseEncoderTrainingArguments(tmp_path, per_device_train_batch_size=4, report_to="none", **options)


def attached(model, examples, arguments):
    student = build_splade(SpladeSettings(model=model))
    loss = SpladeDistillationLoss(student, [PointwiseMSE()])
    trainer = SparseEncoderTrainer(model=student, args=arguments, train_dataset=examples.rows, loss=loss)
    examples.attach(trainer)
    return trainer


def test_what_cannot_be_foreseen_is_refused(model, tmp_path):
    with pytest.raises(MenuraError, match=r"^\[online\] .*got 2 workers of the data loader"):
        attached(model, online(), arguments(tmp_path, dataloader_num_workers=2))
    trainer = attached(model, online(), arguments(tmp_path, max_steps=2))
    loader = trainer.get_train_dataloader()
    trainer.get_train_dataloader = lambda: DataLoader(loader.dataset, 4, collate_fn=trainer.data_collator)
    with pytest.raises(MenuraError, match=r"^\[online\] the trainer drew the rows \[0, 1, 2, 3\] where"):
        trainer.train()


def test_steps_of_several_batches(model, tmp_path):
    """15 rows by 4 are 4 batches; 3 a step leave one for an epoch's last step."""
    schedule = Schedule(15, 4, seed=0, accumulation=3)
    assert [schedule.first_batch(step) for step in range(5)] == [0, 3, 4, 7, 8]
    assert sorted(schedule.rows(0, 4)) == list(range(15))
    assert [len(schedule.batch(number)) for number in range(5)] == [4, 4, 4, 3, 4]
    assert schedule.batch(0) != schedule.batch(4)
    examples = online(2)
    trainer = attached(model, examples, arguments(tmp_path, max_steps=3, gradient_accumulation_steps=3))
    trainer.train()
    assert [len(batch) for batch in examples._teacher.needed] == [4, 4, 4, 3, 4, 4, 4, 3]
