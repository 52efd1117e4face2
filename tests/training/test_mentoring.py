"""Training beside a mentor: what learns, what stays, and what is refused before the first step."""

from __future__ import annotations

import re

import pytest
import torch

from menura import MenuraError
from menura.losses import ColbertDistillationLoss, HiddenStateDistance, TokenEmbeddings
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import build_colbert, build_splade, load_colbert, save_student
from menura.training import build_examples, mentoring, train_colbert, train_splade
from menura.training.mentoring import build_mentor
from menura.training.objectives import learning_rates
from tiny import WORDS, tiny_encoder, tiny_masked_lm

QUERIES = {f"q{i}": f"find {WORDS[i]} {WORDS[i + 1]}" for i in range(8)}
CORPUS = {f"p{i}": f"{WORDS[i]}, {WORDS[i + 1]} of the {WORDS[i + 20]} table" for i in range(16)}
CANDIDATES = {f"q{i}": ([f"p{i}"], [f"p{i + 3}", f"p{i + 7}"]) for i in range(8)}
LOGITS = {
    (q, p): float(p in own) - 0.1 * int(p[1:]) for q, (own, others) in CANDIDATES.items() for p in (*own, *others)
}
EXAMPLES = build_examples(CANDIDATES, LOGITS, QUERIES, CORPUS, negatives=2)
TRAINER = {"max_steps": 15, "batch_size": 4, "learning_rate": 5e-3, "logging_steps": 1}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A small encoder, a ColBERT of four layers and 24 dimensions, and a SPLADE of two layers."""
    folder = tmp_path_factory.mktemp("models")
    splade = build_splade(SpladeSettings(model=tiny_masked_lm(folder / "lm")))
    colbert = build_colbert(ColbertSettings(model=tiny_encoder(folder / "large", layers=4), dimension=24), seed=3)
    return {
        "encoder": tiny_encoder(folder / "small", layers=2),
        "colbert": str(save_student(colbert, folder / "colbert")),
        "splade": str(save_student(splade, folder / "splade")),
    }


def colbert_settings(folders, **mentor):
    mentor = {"model": folders["colbert"], **(mentor or {"token_embeddings": {}})}
    settings = {"model": folders["encoder"], "dimension": 8, "trainer": TRAINER, "mentor": mentor}
    return ColbertSettings.model_validate(settings)


def test_a_colbert_and_its_projections_learn_from_a_mentor(folders, tmp_path, monkeypatch):
    settings = colbert_settings(
        folders,
        scores={"margin_mse": {"pairs": "all"}},
        token_embeddings={},
        hidden_states={"layers": {0: 0, 2: 4}},
        alignment={"temperature": 0.2},
    )
    made = {}

    def keep(*args):
        made["mentor"], made["objectives"] = build_mentor(*args)
        made["start"] = {name: tensor.clone() for name, tensor in projections(made).items()}
        return made["mentor"], made["objectives"]

    def projections(made):
        return {f"{o.name}.{name}": tensor for o in made["objectives"] for name, tensor in o.named_parameters()}

    monkeypatch.setattr("menura.training.colbert.build_mentor", keep)
    before = load_colbert(folders["colbert"]).state_dict()
    result = train_colbert(build_colbert(settings), settings, EXAMPLES, output=tmp_path, seed=0)
    first, *_, last = [entry for entry in result.history if "loss" in entry]
    assert {"margin_mse", "mentor_margin_mse", "token_embeddings", "hidden_states", "alignment"} < set(first)
    for name in ("token_embeddings", "hidden_states", "alignment"):
        assert float(last[name]) < 0.95 * float(first[name]), name
    # Both widths are 32, so the states need no projection; the embeddings have 8 and 24 dimensions.
    assert set(made["start"]) == {"token_embeddings.projection.weight"}
    moved = (
        projections(made)["token_embeddings.projection.weight"] - made["start"]["token_embeddings.projection.weight"]
    )
    assert moved.abs().max() > 1e-2
    for name, tensor in made["mentor"].model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert not any("projection" in name for name in load_colbert(str(result.folder)).state_dict())


def test_a_splade_learns_from_a_mentor(folders, tmp_path):
    lessons = {
        "vocabulary_vectors": {"weight": 0.1},
        "hidden_states": {"weight": 1000.0},
        "scores": {"pointwise_mse": {}},
    }
    settings = SpladeSettings.model_validate(
        {"layers": {"last": 1}, "mentor": {"model": folders["splade"], **lessons}, "trainer": TRAINER}
    )
    result = train_splade(build_splade(settings), settings, EXAMPLES, output=tmp_path, seed=0)
    first, *_, last = [entry for entry in result.history if "loss" in entry]
    for name in ("vocabulary_vectors", "hidden_states", "mentor_pointwise_mse"):
        assert float(last[name]) < 0.95 * float(first[name]), name


def test_each_layer_of_the_student_has_one_of_the_mentors(folders):
    settings = colbert_settings(folders, hidden_states={"weight": 2.0, "distance": "cosine"})
    _, (objective,) = build_mentor(settings.mentor, build_colbert(settings))
    assert isinstance(objective, HiddenStateDistance)
    assert (objective.pairs, objective.distance, objective.weight) == ({1: 2, 2: 4}, "cosine", 2.0)


def test_without_a_mentor_there_is_nothing(folders):
    assert build_mentor(None, build_colbert(ColbertSettings(model=folders["encoder"]))) == (None, [])


def test_equal_dimensions_need_no_projection(folders):
    settings = colbert_settings(folders).model_copy(update={"dimension": 24})
    _, (objective,) = build_mentor(settings.mentor, build_colbert(settings))
    assert isinstance(objective, TokenEmbeddings)
    assert not list(objective.parameters())


@pytest.mark.parametrize(
    ("mentor", "message"),
    [
        ({"hidden_states": {"layers": {3: 1}}}, "layer 3 of the student, which has layers 1 to 2"),
        ({"hidden_states": {"layers": {1: 5}}}, "layer 5 of the mentor, which has layers 1 to 4"),
        ({"hidden_states": {"layers": {-1: 1}}}, "layer -1 of the student"),
    ],
)
def test_layers_that_are_not_there(folders, mentor, message):
    settings = colbert_settings(folders, **mentor)
    with pytest.raises(MenuraError, match=message):
        build_mentor(settings.mentor, build_colbert(settings))


def test_mentors_that_cannot_teach(folders, monkeypatch):
    settings = colbert_settings(folders)
    student = build_colbert(settings)
    with pytest.raises(MenuraError, match="there is no ColBERT in"):
        build_mentor(settings.mentor.model_copy(update={"model": folders["encoder"]}), student)
    with pytest.raises(MenuraError, match="has not been trained; train it first"):
        build_mentor(settings.mentor.model_copy(update={"model": None}), student)
    other = load_colbert(folders["colbert"])
    other.tokenizer.add_tokens(["menura"])
    monkeypatch.setattr(mentoring, "load_colbert", lambda reference: other)
    with pytest.raises(MenuraError, match="different vocabularies"):
        build_mentor(settings.mentor, student)


@pytest.mark.parametrize("changes", [{"mini_batch_size": 4}, {"trainer": {**TRAINER, "accumulation": 2}}])
def test_hidden_states_need_whole_batches(folders, tmp_path, changes):
    plain = colbert_settings(folders, hidden_states={}).model_dump(exclude_defaults=True)
    settings = ColbertSettings.model_validate({**plain, "mentor": {**plain["mentor"], "hidden_states": {}}, **changes})
    with pytest.raises(MenuraError, match=r"leave them out, or mini_batch_size and trainer\.accumulation"):
        train_colbert(build_colbert(settings), settings, EXAMPLES, output=tmp_path, seed=0)


def test_rates_of_what_is_learned_of_teacher_and_mentor(folders):
    learned = {"learn_calibration": True, "calibration_learning_rate": 0.5}
    settings = colbert_settings(folders, scores={"pointwise_mse": learned})
    mentor, lessons = build_mentor(settings.mentor, student := build_colbert(settings))
    loss = ColbertDistillationLoss(student, lessons, mentor=mentor)
    ((pattern, rate),) = learning_rates(settings).items()
    assert rate == 0.5
    assert [name for name in loss.own_parameters() if re.match(pattern, name)] == list(loss.own_parameters())
    assert len(loss.own_parameters()) == 2
