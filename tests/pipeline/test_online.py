"""Online on tiny models: the same students as from a finished key, negatives of their own, and what is refused."""

from __future__ import annotations

import pytest
import torch

from menura import MenuraError
from menura.answer_key import AnswerKey
from menura.launch import Process
from menura.mining import Candidates
from menura.pipeline import Pipeline, online, pipeline
from menura.recipe import OnlineSettings, Recipe
from menura.teachers import CrossEncoderTeacher
from menura.training import OnlineExamples, calibration
from tiny import tiny_beir, tiny_cross_encoder, tiny_encoder, tiny_masked_lm

TRAINER = {"max_steps": 7, "batch_size": 4, "learning_rate": 1e-2}
THREAD = {"ahead": 2, "worker": "thread"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return {
        "name": "tiny",
        "collection": {"source": str(tiny_beir(folder / "beir", queries=36))},
        "mining": {"miners": ["bm25"], "depth": 8, "negatives": 4, "filter": None},
        "teacher": {"model": tiny_cross_encoder(folder / "teacher"), "max_length": 64},
        "students": {
            "colbert": {"model": tiny_encoder(folder / "encoder"), "dimension": 16, "trainer": TRAINER},
            "splade": {"model": tiny_masked_lm(folder / "lm"), "trainer": TRAINER},
        },
    }


@pytest.fixture
def asked(monkeypatch):
    """What the teacher is asked, pair by pair, of texts."""
    pairs = []
    score = CrossEncoderTeacher.score

    def recorded(self, chunk):
        pairs.extend(chunk)
        return score(self, chunk)

    monkeypatch.setattr(CrossEncoderTeacher, "score", recorded)
    monkeypatch.setattr(calibration, "SAMPLED_ROWS", 4)
    return pairs


def recipe(base, settings, **sections):
    return Recipe.model_validate({**base, **sections, "online": settings})


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


def test_no_pair_is_asked_twice_and_offline_learns_the_same(base, tmp_path, asked):
    run = Pipeline(recipe(base, {"ahead": 0}), tmp_path / "step")
    splade, _ = run.train("splade"), run.train("colbert")
    needed = {  # both students take the first two negatives, and seven steps are more than an epoch
        (run.collection.queries[query_id], run.collection.corpus[passage_id])
        for query_id, (positives, negatives) in run.candidates.by_query().items()
        for passage_id in [*positives, *negatives[:2]]
    }
    assert set(asked) == needed
    assert len(asked) == len(needed)
    assert len(run.answer_key.scores.file_uris()) == 2  # the sample and the rest; the second student asks nothing
    offline = Pipeline(recipe(base, None, answer_key=str(tmp_path / "step" / "answer_key")), tmp_path / "offline")
    assert weights(offline.train("splade")) == weights(splade)


def test_a_teacher_in_a_process_teaches_the_same(base, tmp_path, asked):
    folders = [
        Pipeline(recipe(base, settings), tmp_path / str(settings["ahead"])).train("splade")
        for settings in ({"ahead": 3}, {"ahead": 0})
    ]
    assert weights(folders[0]) == weights(folders[1])
    for folder in folders:
        key = AnswerKey(folder.parent / "answer_key", create=False)
        assert key.scores.to_pyarrow_table().num_rows == len(asked)  # of which the other process's were not seen here


def test_a_student_mines_for_itself_and_the_teacher_judges(base, tmp_path, asked, monkeypatch):
    labels = []
    batch = OnlineExamples.batch

    def recorded(self, numbers):
        rows = batch(self, numbers)
        labels.extend(row["label"] for row in rows)
        return rows

    monkeypatch.setattr(OnlineExamples, "batch", recorded)
    mining = {**base["mining"], "filter": {"judge": "teacher", "margin": 0.0}}
    settings = {**THREAD, "refresh": {"every": 2, "depth": 6, "pool": 20}}
    run = Pipeline(recipe(base, settings, mining=mining), tmp_path)
    folder = run.train("splade")
    mined = {path.parent.name: Candidates.read(path) for path in folder.glob("mined/*/candidates.parquet")}
    assert set(mined) == {"step_2"}  # what is mined after step 4 would come in batch 7, which is not trained on
    origins = mined["step_2"].table["origin"].to_pylist()
    assert set(origins) == {"positive", "splade", "bm25"}
    assert set(mined["step_2"].finders()["miner"].to_pylist()) == {"bm25", "splade"}
    assert len(asked) == len(set(asked))
    for scores, weights in labels:
        assert weights == [1.0, *(float(score <= scores[0]) for score in scores[1:])]
    assert {weight for _, weights in labels for weight in weights} == {0.0, 1.0}


def test_two_that_teach_each_other_learn_the_same_and_both_mine(base, tmp_path, asked):
    live = Pipeline(recipe(base, THREAD, joint={}), tmp_path / "live")
    folders = {name: live.train(name) for name in ("colbert", "splade")}
    assert len(asked) == len(set(asked)) > 0
    offline = Pipeline(recipe(base, None, joint={}, answer_key=str(tmp_path / "live" / "answer_key")), tmp_path / "key")
    for name, folder in folders.items():
        assert weights(offline.train(name)) == weights(folder)
    mining = Pipeline(recipe(base, {**THREAD, "refresh": {"every": 2, "depth": 6}}, joint={}), tmp_path / "mining")
    mining.train("splade")
    (path,) = (tmp_path / "mining" / "joint" / "mined").glob("*/candidates.parquet")
    origins = Candidates.read(path).table["origin"].to_pylist()
    assert set(origins) == {"positive", "colbert", "splade", "bm25"}


def test_a_kill_loses_nothing_that_was_scored(base, tmp_path, asked, monkeypatch):
    settings = recipe(base, THREAD)
    with monkeypatch.context() as patched:
        for module in (pipeline, online):  # nobody tidies up
            patched.setattr(module, "settle", lambda *_: 0)
        patched.setattr(OnlineExamples, "refresh", lambda self, step, model: 1 // (step < 1))
        with pytest.raises(ZeroDivisionError):
            Pipeline(settings, tmp_path).train("splade")
    before = len(asked)
    Pipeline(settings, tmp_path).train("splade")
    assert len(asked) == len(set(asked)) > before > 0


def test_a_teacher_that_fails_ends_the_training_in_one_line(base, tmp_path, monkeypatch):
    def score(self, chunk):
        raise RuntimeError("no memory")

    monkeypatch.setattr(CrossEncoderTeacher, "score", score)
    with pytest.raises(MenuraError, match=r"^\[online\] the teacher failed: RuntimeError: no memory$"):
        Pipeline(recipe(base, THREAD), tmp_path).train("splade")


@pytest.mark.parametrize(
    ("view", "key"),
    [
        ({"scale": "min_max"}, "view.scale"),
        ({"rescale": {"like": "teacher", "per": "query"}}, "view.rescale.per"),
        ({"contradictions": {"labels": {}}}, "view.contradictions"),
    ],
)
def test_views_that_compare_passages_of_a_query_are_refused(base, view, key):
    recipe(base, None, view=view)
    with pytest.raises(ValueError, match="compares a query's passages") as caught:
        recipe(base, THREAD, view=view)
    assert ".".join(caught.value.errors()[0]["ctx"]["location"]) == key


@pytest.mark.parametrize(
    ("process", "device", "gpus", "expected"),
    [
        (None, None, 4, None),
        (None, 3, 4, 3),
        (Process(5, 6, 1), None, 4, 1),
        (Process(5, 6, 1), 2, 4, 3),
        (Process(1, 2, 1), None, 0, None),
    ],
)
def test_the_gpu_of_a_process(monkeypatch, process, device, gpus, expected):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(online, "launched", lambda: process)
    assert online.teachers_device(OnlineSettings(device=device)) == expected


def test_a_gpu_that_is_not_there(base, tmp_path):
    with pytest.raises(MenuraError, match=r"^\[online\] the teacher's process is to work on GPU 99, and there are"):
        Pipeline(recipe(base, {"device": 99}), tmp_path).train("splade")


def test_a_device_is_for_a_process(base):
    assert recipe(base, {"device": 1, "refresh": 50}).online.refresh.every == 50
    with pytest.raises(ValueError, match="a device is for a process that works ahead"):
        recipe(base, {**THREAD, "device": 1})
