"""From a recipe's section to a teacher: each kind, and settings that exclude each other."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from sentence_transformers.base.modules import Transformer

from menura import MenuraError
from menura.recipe import TeacherSettings
from menura.teachers import CausalLmTeacher, CrossEncoderTeacher, FunctionTeacher, load_teacher, opening
from menura.teachers.token_matching import add_token_matching
from tiny import tiny_causal_lm, tiny_cross_encoder, tiny_encoder, tiny_masked_lm

PAIRS = [("read file", "open the file"), ("sort list", "sort")]
CAUSAL_LM = {"template": "{instruction} {query} {passage}", "instruction": "find", "yes": "up", "no": "down"}


def teacher(**settings):
    return load_teacher(TeacherSettings.model_validate(settings))


def test_a_cross_encoder(tmp_path):
    folder = tiny_cross_encoder(tmp_path)
    found = teacher(model=folder, max_length=64, bf16=True)
    expected = CrossEncoderTeacher.load(folder, max_length=64, bf16=True)
    assert found.fingerprint.digest == expected.fingerprint.digest
    assert (found.score(PAIRS) == expected.score(PAIRS)).all()


def test_a_language_model(tmp_path):
    folder = tiny_causal_lm(tmp_path)
    found = teacher(model=folder, max_length=64, causal_lm=CAUSAL_LM)
    expected = CausalLmTeacher.load(folder, max_length=64, **CAUSAL_LM)
    assert found.fingerprint.digest == expected.fingerprint.digest
    assert (found.score(PAIRS) == expected.score(PAIRS)).all()


@pytest.mark.parametrize("kind", ["cross-encoder", "token matching", "language model", "splade"])
def test_it_goes_to_the_gpu_of_this_process(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(opening, "own_gpu", lambda: "meta")  # the one device besides the CPU that all have
    if kind == "cross-encoder":
        found = teacher(model=tiny_cross_encoder(tmp_path), max_length=64)
    elif kind == "token matching":
        add_token_matching(Transformer(tiny_encoder(tmp_path / "encoder"))).save(str(tmp_path / "head"))
        found = teacher(model=str(tmp_path / "head"), max_length=64)
    elif kind == "language model":
        found = teacher(model=tiny_causal_lm(tmp_path), max_length=64, causal_lm=CAUSAL_LM)
    else:
        found = teacher(model=tiny_masked_lm(tmp_path), retriever="splade", max_length=64)
    assert {parameter.device.type for parameter in found._model.parameters()} == {"meta"}


def test_a_bare_language_model_needs_to_be_told_what_it_is_asked(tmp_path):
    with pytest.raises(MenuraError, match=r"is a bare language model; say with teacher\.causal_lm what it is asked"):
        teacher(model=tiny_causal_lm(tmp_path), max_length=64)


def test_a_function():
    found = teacher(function={"name": "builtins:len", "version": 2})
    assert isinstance(found, FunctionTeacher)
    assert found.fingerprint.details == {"function": "builtins:len", "version": "2"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "one of model, function and imported"),
        ({"model": "a", "function": {"name": "a:b", "version": "1"}}, "one of model, function and imported"),
        ({"model": "a", "causal_lm": CAUSAL_LM, "finetune": {}}, "finetune and causal_lm exclude each other"),
        ({"function": {"name": "a:b", "version": "1"}, "finetune": {}}, "finetune and function exclude each other"),
        ({"function": {"name": "a.b", "version": "1"}}, "function.name"),
        ({"function": {"name": "a:b"}}, "function.version"),
        ({"model": "a", "causal_lm": {}}, "causal_lm.template"),
    ],
)
def test_settings_that_name_no_one_teacher(settings, message):
    with pytest.raises(ValidationError, match=message):
        TeacherSettings.model_validate(settings)
