"""Students out of larger models: some of the layers, fewer dimensions."""

from __future__ import annotations

import pytest
import torch
from sentence_transformers import MultiVectorEncoder
from transformers import ModernBertConfig, ModernBertModel

from menura import MenuraError
from menura.layers import evenly, layer_stack
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import build_colbert, build_splade, load_colbert, load_splade, save_student
from tiny import VOCABULARY, tiny_encoder, tiny_masked_lm, tiny_tokenizer_folder

TEXTS = ["open the file, then read a line", "sort"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"), layers=6)


@pytest.fixture(scope="module")
def colbert(encoder, tmp_path_factory):
    """The folder of a ColBERT of six layers and 16 dimensions."""
    model = build_colbert(ColbertSettings(model=encoder, dimension=16, query_length=9, document_length=20))
    return str(save_student(model, tmp_path_factory.mktemp("colbert")))


def test_layers_at_even_distances():
    assert evenly(6, 24) == [4, 8, 12, 16, 20, 24]
    assert evenly(4, 6) == [1, 3, 4, 6]
    assert evenly(5, 5) == [1, 2, 3, 4, 5]
    assert evenly(1, 6) == [6]


@pytest.mark.parametrize(
    ("layers", "kept"),
    [(2, [1, 2]), ({"first": 2}, [1, 2]), ({"last": 2}, [5, 6]), ({"evenly": 3}, [2, 4, 6]), ([1, 4], [1, 4])],
)
def test_the_layers_that_are_kept(encoder, colbert, layers, kept):
    for start in (encoder, colbert):
        whole, part = (build_colbert(ColbertSettings(model=start, layers=chosen)) for chosen in (None, layers))
        assert part[0].model.config.num_hidden_layers == len(layer_stack(part)) == len(kept)
        for number, layer in zip(kept, layer_stack(part), strict=True):
            for name, tensor in layer_stack(whole)[number - 1].state_dict().items():
                assert torch.equal(layer.state_dict()[name], tensor)


def test_a_part_of_a_splade_is_one(tmp_path):
    folder = tiny_masked_lm(tmp_path / "lm")
    part = build_splade(SpladeSettings(model=folder, layers={"last": 1}))
    again = load_splade(str(save_student(part, tmp_path / "saved")))
    assert len(layer_stack(again)) == 1
    expected = part.encode_document(TEXTS).to_dense()
    torch.testing.assert_close(again.encode_document(TEXTS).to_dense(), expected, atol=1e-5, rtol=1e-5)


def test_more_layers_than_there_are(colbert):
    with pytest.raises(MenuraError, match=r"there are 6 layers; cannot keep \{'evenly': 7\}"):
        build_colbert(ColbertSettings(model=colbert, layers={"evenly": 7}))


def test_layers_that_are_not_all_alike(tmp_path):
    """ModernBERT's first layer has no normalisation before its attention, and its others attend in two ways."""
    config = ModernBertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=6,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        local_attention=8,
        pad_token_id=0,
    )
    folder = tiny_tokenizer_folder(tmp_path / "encoder")
    ModernBertModel(config).save_pretrained(folder)
    with pytest.raises(MenuraError, match=r"layers 2, 4, 6 alone are no ModernBertModel.* keep the first ones"):
        build_colbert(ColbertSettings(model=folder, layers={"evenly": 3}))
    part = build_colbert(ColbertSettings(model=folder, layers=[1, 4, 6], dimension=8)).eval()
    kinds = [config.layer_types[number - 1] for number in (1, 4, 6)]
    assert part[0].model.config.layer_types == kinds
    again = load_colbert(str(save_student(part, tmp_path / "saved")))
    assert again[0].model.config.layer_types == kinds
    for own, other in zip(part.encode_document(TEXTS), again.encode_document(TEXTS), strict=True):
        torch.testing.assert_close(own, other, atol=1e-5, rtol=1e-5)


def test_fewer_dimensions_keep_what_they_can(colbert, tmp_path):
    whole = MultiVectorEncoder(colbert)
    part = build_colbert(ColbertSettings(model=colbert, dimension=5))
    assert part.get_embedding_dimension() == 5
    assert part[0].query_length == 9
    full, reduced = whole[1].linear.weight, part[1].linear.weight
    # Products of projected states differ by no more than the singular values that were left out.
    singular = torch.linalg.svdvals(full)
    error = torch.linalg.matrix_norm(full.T @ full - reduced.T @ reduced, ord=2)
    assert error.item() == pytest.approx(singular[5].item() ** 2, rel=1e-4)
    again = load_colbert(str(save_student(part, tmp_path)))
    for own, other in zip(part.encode_document(TEXTS), again.encode_document(TEXTS), strict=True):
        torch.testing.assert_close(own, other, atol=1e-5, rtol=1e-5)


def test_dimensions_that_cannot_be_had(colbert):
    with pytest.raises(MenuraError, match="has 16 dimensions; cannot make 17 of them"):
        build_colbert(ColbertSettings(model=colbert, dimension=17))
    model = build_colbert(ColbertSettings(model=colbert))
    assert model.get_embedding_dimension() == 16


def test_what_is_no_trained_student(encoder):
    with pytest.raises(MenuraError, match="there is no ColBERT in"):
        load_colbert(encoder)
    with pytest.raises(MenuraError, match="is no masked LM but BertModel"):
        load_splade(encoder)
    untrained = ColbertSettings.model_validate({"mentor": {"student": {"model": encoder}, "alignment": {}}})
    with pytest.raises(MenuraError, match="starts from its mentor needs a trained one"):
        build_colbert(untrained)
