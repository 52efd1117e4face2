"""Training: examples, curves with and without our operators, warm-up, resuming."""

from __future__ import annotations

import json
import logging
import shutil

import pytest
import torch
from sentence_transformers import MultiVectorEncoderTrainer

from menura import MenuraError
from menura.losses import Affine, ColbertDistillationLoss, MarginMSE
from menura.losses.encoded import colbert as encoded_colbert
from menura.losses.encoded import splade as encoded_splade
from menura.losses.sparsity import flops as flops_objective
from menura.ops import reference
from menura.recipe import ColbertSettings, RegularizersSettings, SpladeSettings, TrainerSettings
from menura.students import build_colbert, build_splade, restore
from menura.trainer import latest_checkpoint
from menura.training import build_examples, fit_margin_scale, running, train_colbert, train_splade
from stopping import stopped_at
from tiny import WORDS, tiny_encoder, tiny_masked_lm

QUERIES = {f"q{i}": f"find {WORDS[i]} {WORDS[i + 1]}" for i in range(16)}
CORPUS = {f"p{i}": f"{WORDS[i]} {WORDS[i + 1]} of the {WORDS[i + 20]} table" for i in range(24)}
CANDIDATES = {f"q{i}": ([f"p{i}"], [f"p{(i + 3) % 24}", f"p{(i + 7) % 24}", f"p{(i + 11) % 24}"]) for i in range(16)}
LOGITS = {
    (query_id, passage_id): 1.0 if passage_id in positives else -0.5 - 0.02 * int(passage_id[1:])
    for query_id, (positives, negatives) in CANDIDATES.items()
    for passage_id in (*positives, *negatives)
}


def examples(negatives=2):
    return build_examples(CANDIDATES, LOGITS, QUERIES, CORPUS, negatives=negatives)


def trainer(**options):
    return TrainerSettings(**{"max_steps": 20, "batch_size": 4, "learning_rate": 2e-3, "logging_steps": 1, **options})


def flops_of_both(weight, **options):
    side = {"flops": {"weight": weight}}
    return RegularizersSettings.model_validate({"documents": side, "queries": side, **options})


@pytest.fixture
def colbert_settings(tmp_path):
    return ColbertSettings(
        model=tiny_encoder(tmp_path / "encoder"), dimension=16, trainer=trainer(learning_rate=1e-2, max_steps=30)
    )


@pytest.fixture
def splade_settings(tmp_path):
    return SpladeSettings(model=tiny_masked_lm(tmp_path / "lm"), regularizers=flops_of_both(0.05), trainer=trainer())


def losses(history):
    return [entry["loss"] for entry in history if "loss" in entry]


@pytest.mark.parametrize(("dropout", "expected"), [(0.0, {0.0}), (0.3, {0.3}), (None, {0.1})])
def test_dropout_is_that_of_the_recipe_or_the_model(colbert_settings, tmp_path, dropout, expected):
    settings = colbert_settings.model_copy(update={"dropout": dropout, "trainer": trainer(max_steps=1)})
    model = build_colbert(settings)
    train_colbert(model, settings, examples(), output=tmp_path / "out", seed=0)
    assert {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} == expected


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_examples_hold_texts_and_logits_in_one_order():
    data = examples()
    assert data.column_names == ["query", "passage_1", "passage_2", "passage_3", "label"]
    assert data[0]["query"] == QUERIES["q0"]
    assert [data[0][f"passage_{n}"] for n in (1, 2, 3)] == [CORPUS[p] for p in ("p0", "p3", "p7")]
    assert data[0]["label"] == pytest.approx([LOGITS["q0", p] for p in ("p0", "p3", "p7")])


def test_several_positives_share_the_negatives():
    candidates = {"q0": (["p0", "p1"], ["p3", "p7", "p11"])}
    logits = {("q0", f"p{i}"): float(i) for i in (0, 1, 3, 7, 11)}
    rows = build_examples(candidates, logits, QUERIES, CORPUS, negatives=2)
    assert rows["label"] == [[0, 3, 7], [1, 11, 3]]


def test_examples_that_cannot_be_built():
    with pytest.raises(MenuraError, match="none of 16 queries has 9 negatives"):
        examples(negatives=9)
    with pytest.raises(MenuraError, match=r"the pair \('q0', 'p0'\) has no teacher score"):
        build_examples(CANDIDATES, {}, QUERIES, CORPUS, negatives=2)


def test_colbert_learns_and_is_saved(colbert_settings, tmp_path):
    result = train_colbert(
        build_colbert(colbert_settings), colbert_settings, examples(), output=tmp_path / "out", seed=1
    )
    curve = losses(result.history)
    assert len(curve) == 30
    assert sum(curve[-5:]) < 0.8 * sum(curve[:5])
    assert (result.folder / "modules.json").is_file()
    assert losses(json.loads((tmp_path / "out" / "history.json").read_text())) == curve


def test_colbert_margins_are_scaled_to_what_the_student_can_reach(colbert_settings, tmp_path):
    settings = colbert_settings.model_copy(update={"calibrate": True})
    data = examples()
    model = build_colbert(settings)
    scale = fit_margin_scale(model, data)
    louder = data.map(lambda row: {"label": [10 * logit + 3 for logit in row["label"]]})
    assert fit_margin_scale(model, louder).scale == pytest.approx(scale.scale / 10)
    assert scale.offset == 0
    result = train_colbert(model, settings, data, output=tmp_path / "out", seed=1)
    assert result.calibration == Affine(**json.loads((tmp_path / "out" / "calibration.json").read_text()))
    assert result.calibration.scale == pytest.approx(fit_margin_scale(build_colbert(settings), data, seed=1).scale)


def test_the_projection_has_its_own_learning_rate(colbert_settings, tmp_path):
    start = weights(build_colbert(colbert_settings, seed=0))
    moved = {}
    for rate in (None, 1e-2):
        settings = colbert_settings.model_copy(
            update={"trainer": trainer(learning_rate=1e-6, max_steps=2), "projection_learning_rate": rate}
        )
        model = build_colbert(settings, seed=0)
        train_colbert(model, settings, examples(), output=tmp_path / str(rate), seed=0)
        moved[rate] = {name: float((tensor - start[name]).abs().max()) for name, tensor in weights(model).items()}
    assert moved[None]["1.linear.weight"] < 1e-5 < 1e-3 < moved[1e-2]["1.linear.weight"]
    assert all(change < 1e-5 for name, change in moved[1e-2].items() if not name.startswith("1."))


def test_a_projection_rate_without_a_projection(colbert_settings, tmp_path):
    model = build_colbert(colbert_settings, seed=0)
    del model[1]
    settings = colbert_settings.model_copy(update={"projection_learning_rate": 1e-2})
    with pytest.raises(MenuraError, match="no projection"):
        train_colbert(model, settings, examples(), output=tmp_path / "out", seed=0)


def test_splade_learns_reports_its_calibration_and_its_terms(splade_settings, tmp_path):
    result = train_splade(build_splade(splade_settings), splade_settings, examples(), output=tmp_path / "out", seed=1)
    first, *_, last = [entry for entry in result.history if "loss" in entry]
    assert float(last["pointwise_mse"]) < 0.8 * float(first["pointwise_mse"])
    assert last["document_terms"] > 0
    assert result.calibration.scale > 0
    stored = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert stored == {"scale": result.calibration.scale, "offset": result.calibration.offset}


def test_the_penalty_makes_documents_sparser(splade_settings, tmp_path):
    terms = []
    for weight in (0.0, 20.0):
        settings = splade_settings.model_copy(
            update={
                "regularizers": flops_of_both(weight),
                "trainer": trainer(max_steps=40, learning_rate=6e-3),
            }
        )
        output = tmp_path / str(weight)
        result = train_splade(build_splade(settings), settings, examples(), output=output, seed=1)
        terms.append([entry["document_terms"] for entry in result.history if "document_terms" in entry][-1])
    assert terms[1] < 0.8 * terms[0]


def test_the_same_curve_with_and_without_our_operators(colbert_settings, splade_settings, tmp_path, monkeypatch):
    """Some tens of steps in float32: rounding differences stay below a thousandth of the loss."""
    curves = []
    for own in (True, False):
        if not own:
            monkeypatch.setattr(encoded_colbert, "maxsim", reference.maxsim)
            monkeypatch.setattr(encoded_splade, "sparse_dot", reference.sparse_dot)
            monkeypatch.setattr(flops_objective, "flops", reference.flops)
            monkeypatch.setattr(running, "accelerate", restore)
        colbert, splade = build_colbert(colbert_settings), build_splade(splade_settings)
        folder = tmp_path / str(own)
        curves.append(
            losses(train_colbert(colbert, colbert_settings, examples(), output=folder / "c", seed=1).history)
            + losses(train_splade(splade, splade_settings, examples(), output=folder / "s", seed=1).history)
        )
    assert len(curves[0]) == 50
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)


def test_the_regularizer_grows_quadratically_and_then_stays(splade_settings, tmp_path):
    settings = splade_settings.model_copy(update={"regularizers": flops_of_both(0.05, warmup=0.5)})
    result = train_splade(build_splade(settings), settings, examples(), output=tmp_path, seed=1)
    weights = [entry["document_flops_weight"] for entry in result.history if "document_flops_weight" in entry]
    assert weights == pytest.approx([0.05 * min(1, step / 10) ** 2 for step in range(20)])


@pytest.mark.parametrize("student", ["colbert", "splade"])
def test_a_stopped_run_goes_on_to_the_same_weights(student, colbert_settings, splade_settings, tmp_path):
    settings = colbert_settings if student == "colbert" else splade_settings
    settings = settings.model_copy(update={"trainer": trainer(save_steps=5)})
    build, train = (build_colbert, train_colbert) if student == "colbert" else (build_splade, train_splade)

    whole = build(settings)
    uninterrupted = train(whole, settings, examples(), output=tmp_path / "whole", seed=1)

    with stopped_at(12):
        train(build(settings), settings, examples(), output=tmp_path / "stopped", seed=1)
    assert latest_checkpoint(tmp_path / "stopped" / "checkpoints").name == "checkpoint-10"

    resumed = build(settings)
    result = train(resumed, settings, examples(), output=tmp_path / "stopped", seed=1)
    assert losses(result.history)[-8:] == losses(uninterrupted.history)[-8:]
    for name, tensor in weights(whole).items():
        assert torch.equal(weights(resumed)[name], tensor), name
    if student == "splade":
        name = "document_flops_weight"
        shares = [[e[name] for e in r.history if name in e] for r in (result, uninterrupted)]
        assert shares[0][-8:] == shares[1][-8:]
        assert result.calibration == uninterrupted.calibration


def test_a_truncated_checkpoint_is_passed_over(colbert_settings, tmp_path, caplog):
    settings = colbert_settings.model_copy(update={"trainer": trainer(max_steps=10, save_steps=5)})
    train_colbert(build_colbert(settings), settings, examples(), output=tmp_path, seed=1)
    checkpoints = tmp_path / "checkpoints"
    assert latest_checkpoint(checkpoints).name == "checkpoint-10"
    for file in ("model.safetensors", "optimizer.pt", "trainer_state.json"):
        broken = checkpoints / "checkpoint-11"
        shutil.copytree(checkpoints / "checkpoint-10", broken)
        path = broken / file
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert latest_checkpoint(checkpoints).name == "checkpoint-10"
        assert "checkpoint-11 is not whole" in caplog.text
        shutil.rmtree(broken)
    for checkpoint in checkpoints.glob("checkpoint-*"):
        (checkpoint / "optimizer.pt").unlink()
    with pytest.raises(MenuraError, match="no whole checkpoint among 2"):
        latest_checkpoint(checkpoints)
    assert latest_checkpoint(tmp_path / "nothing") is None


def test_an_unwritable_output(colbert_settings, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MenuraError, match="cannot write"):
        train_colbert(build_colbert(colbert_settings), colbert_settings, examples(), output=tmp_path / "file", seed=1)


def test_the_losses_serve_sentence_transformers_own_trainer(colbert_settings):
    model = build_colbert(colbert_settings)
    loss = ColbertDistillationLoss(model, [MarginMSE(pairs="all")])
    MultiVectorEncoderTrainer(model=model, train_dataset=examples(), loss=loss)
    assert loss.get_config_dict()["objectives"]["margin_mse"]["pairs"] == "all"
