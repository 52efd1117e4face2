"""Retrievers as teachers: their scores are those of their own search, and their identity is what changes a score."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from menura import MenuraError
from menura.recipe import ColbertSettings, SpladeSettings, TeacherSettings
from menura.students import build_colbert, build_splade, save_student
from menura.teachers import RetrieverTeacher, load_teacher
from menura.teachers import retriever as retriever_module
from tiny import tiny_encoder, tiny_masked_lm

PAIRS = [
    ("read file", "open the file, then read"),
    ("sort list", "sort"),
    ("read file", "sort"),
    ("sort list", "search the index and count words " * 9),
    ("read file", "open the file, then read"),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    colbert = build_colbert(ColbertSettings(model=tiny_encoder(folder / "encoder"), dimension=16, document_length=40))
    splade = build_splade(SpladeSettings(model=tiny_masked_lm(folder / "lm"), max_length=40))
    return {
        "colbert": str(save_student(colbert, folder / "colbert")),
        "splade": str(save_student(splade, folder / "splade")),
    }


def teacher(folders, kind, **options):
    return load_teacher(TeacherSettings.model_validate({"model": folders[kind], "retriever": kind, **options}))


@pytest.mark.parametrize("kind", ["colbert", "splade"])
@pytest.mark.parametrize("block", [1, 1024])
def test_scores_are_those_of_the_model(folders, kind, block, monkeypatch):
    monkeypatch.setattr(retriever_module, "BLOCK", block)
    asked = teacher(folders, kind)
    assert isinstance(asked, RetrieverTeacher)
    model = asked._model
    expected = [
        float(model.similarity(model.encode_query([query]), model.encode_document([passage])))
        for query, passage in PAIRS
    ]
    scores = asked.score(PAIRS)
    assert scores.dtype == np.float32
    assert scores == pytest.approx(expected, rel=1e-4)
    assert scores[0] == scores[4]
    assert asked.score([]).shape == (0,)


@pytest.mark.parametrize("kind", ["colbert", "splade"])
def test_its_identity_is_what_changes_a_score(folders, kind, tmp_path):
    digest = teacher(folders, kind).fingerprint.digest
    asked = teacher(folders, kind, batch_tokens=64)
    asked.score(PAIRS)
    assert asked.fingerprint.digest == digest
    others = [teacher(folders, kind, max_length=20), teacher(folders, kind, bf16=True)]
    changed = teacher(folders, kind)
    with torch.no_grad():
        next(changed._model.parameters()).add_(1e-3)
    assert len({digest, *(other.fingerprint.digest for other in (*others, changed))}) == 4
    assert others[0].score(PAIRS[3:4]) != asked.score(PAIRS[3:4])
    assert others[0].score(PAIRS[:1]) == pytest.approx(asked.score(PAIRS[:1]), rel=1e-5)


def test_another_kind_than_the_recipe_says(folders):
    with pytest.raises(MenuraError, match="there is no ColBERT in"):
        load_teacher(TeacherSettings(model=folders["splade"], retriever="colbert"))
    with pytest.raises(MenuraError, match="must be a Transformer and SpladePooling; got Transformer, Pooling"):
        load_teacher(TeacherSettings(model=folders["colbert"], retriever="splade"))
    with pytest.raises(ValueError, match="finetune and retriever exclude each other"):
        TeacherSettings.model_validate({"model": "a", "retriever": "colbert", "finetune": {}})
