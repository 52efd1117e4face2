"""A dual encoder of texts and images as teacher: its formula, its identity, its errors."""

from __future__ import annotations

import io
import shutil

import numpy as np
import pytest
import torch
from PIL import Image as Pictures
from transformers import AutoModel, AutoProcessor

from menura import MenuraError
from menura.collections import IllustratedPassage, Image
from menura.recipe import TeacherSettings
from menura.teachers import DualEncoderTeacher, FunctionTeacher, load_teacher
from tiny import tiny_dual_encoder, tiny_encoder, tiny_images

QUERIES = ["read file", "sort the list", "read file"]
TEXTS = ["open the file and read it line by line until the very last word of it", "sort", "delete a key"]


@pytest.fixture(scope="module", params=[False, True], ids=["clip", "siglip"])
def folder(request, tmp_path_factory):
    return tiny_dual_encoder(tmp_path_factory.mktemp("dual"), siglip=request.param)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    first, second = tiny_images(tmp_path_factory.mktemp("images"), 2)
    return [Image(first), Image(second.read_bytes()), Image(first)]


@pytest.fixture(scope="module")
def pairs(images):
    passages = [IllustratedPassage(text, image) for text, image in zip(TEXTS, images, strict=True)]
    return list(zip(QUERIES, passages, strict=True))


@pytest.fixture(scope="module")
def expected_cosines(folder, pairs):
    """One pair at a time: of the query with the text, and with the image; and the model."""
    model, processor = AutoModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
    siglip = model.config.model_type == "siglip"

    def text(words):
        padding = "max_length" if siglip else False
        tokens = processor.tokenizer(words, padding=padding, truncation=True, max_length=16, return_tensors="pt")
        return model.get_text_features(**tokens).pooler_output[0]

    found = []
    with torch.inference_mode():
        for query, passage in pairs:
            picture = Pictures.open(io.BytesIO(passage.image.content))
            pixels = processor.image_processor(images=picture, return_tensors="pt")
            image = model.get_image_features(**pixels).pooler_output[0]
            found.append([torch.cosine_similarity(text(query), x, dim=0) for x in (text(passage.text), image)])
    return torch.tensor(found).T, model


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("batch_size", [1, 32])
def test_it_is_the_formula_pair_by_pair(folder, pairs, expected_cosines, share, batch_size):
    (text, image), model = expected_cosines
    bias = model.logit_bias.item() if hasattr(model, "logit_bias") else 0
    expected = model.logit_scale.exp().item() * ((1 - share) * text + share * image) + bias
    teacher = DualEncoderTeacher.load(folder, image_share=share, batch_size=batch_size)
    scores = teacher.score(pairs)
    assert scores.dtype == np.float32
    assert scores == pytest.approx(expected.numpy(), abs=1e-4)
    assert teacher.score(pairs[::-1]) == pytest.approx(scores[::-1], abs=1e-4)
    assert teacher.score([]).shape == (0,)


def test_what_comes_twice_is_encoded_once(folder, pairs, monkeypatch):
    teacher = DualEncoderTeacher.load(folder)
    encoded = []
    monkeypatch.setattr(teacher, "_images", lambda images: encoded.extend(images) or torch.ones(len(images), 4))
    monkeypatch.setattr(teacher, "_texts", lambda texts: encoded.extend(texts) or torch.ones(len(texts), 4))
    teacher.score(pairs)
    assert len(encoded) == 2 + 3 + 2  # queries, texts, images


def test_its_identity(folder, tmp_path):
    def digest(place=folder, **options):
        return DualEncoderTeacher.load(str(place), **options).fingerprint.digest

    copy = shutil.copytree(folder, tmp_path / "copy")
    assert digest() == digest(copy)
    assert len({digest(), digest(image_share=0.4), digest(bf16=True)}) == 3
    config = copy / "processor_config.json"
    config.write_text(config.read_text().replace('"do_normalize": true', '"do_normalize": false'))
    assert digest(copy) != digest()


def test_bf16_stays_near(folder, pairs):
    plain, rough = (DualEncoderTeacher.load(folder, bf16=bf16).score(pairs) for bf16 in (False, True))
    assert rough == pytest.approx(plain, abs=0.5)
    assert (rough != plain).any()


def test_a_passage_without_an_image(folder):
    with pytest.raises(MenuraError, match="the passage 'sort' has none; leave such passages out"):
        DualEncoderTeacher.load(folder).score([("read", "sort")])
    assert DualEncoderTeacher.load(folder, image_share=0).score([("read", "sort")]).shape == (1,)


def test_an_image_that_is_cut_short(folder, images, tmp_path):
    path = tmp_path / "cut.png"
    path.write_bytes(images[0].content[:-300])
    with pytest.raises(MenuraError, match=r"cannot decode .*cut.png") as raised:
        DualEncoderTeacher.load(folder).score([("read", IllustratedPassage("sort", Image(path)))])
    assert "\n" not in str(raised.value)


def test_what_is_no_dual_encoder(tmp_path):
    with pytest.raises(MenuraError, match="is a BertModel, which does not encode texts and images apart"):
        DualEncoderTeacher.load(tiny_encoder(tmp_path / "bert"))
    with pytest.raises(MenuraError, match="cannot load the dual encoder"):
        DualEncoderTeacher.load(str(tmp_path / "nothing"))


def test_from_a_recipe(folder, pairs):
    settings = TeacherSettings.model_validate({"model": folder, "dual_encoder": {"image_share": 0.2}})
    assert settings.sees_images
    found, expected = load_teacher(settings), DualEncoderTeacher.load(folder, image_share=0.2)
    assert found.fingerprint.digest == expected.fingerprint.digest
    assert (found.score(pairs) == expected.score(pairs)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dual_encoder": {}, "finetune": {}}, "finetune and dual_encoder exclude each other"),
        ({"dual_encoder": {}, "max_length": 64}, "leave max_length out"),
        ({"dual_encoder": {"image_share": 1.5}}, "less than or equal to 1"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ValueError, match=message):
        TeacherSettings.model_validate({"model": "a", **settings})


def test_a_function_that_sees_images(pairs):
    def pixels(pairs):
        return [passage.image.open().size[0] + len(passage.text) for _, passage in pairs]

    teacher = FunctionTeacher(pixels, name="pixels", version="1", images=True)
    assert teacher.score(pairs).tolist() == [20 + len(text) for text in TEXTS]
    assert teacher.fingerprint.digest != FunctionTeacher(pixels, name="pixels", version="1").fingerprint.digest
    function = {"name": "builtins:len", "version": "1", "images": True}
    assert TeacherSettings.model_validate({"function": function}).sees_images
    assert not TeacherSettings(model="some/model").sees_images
