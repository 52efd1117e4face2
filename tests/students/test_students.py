"""Students: built from any encoder, accelerated in place, saved for everybody."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys

import pytest
import torch
from sentence_transformers import MultiVectorEncoder, SparseEncoder
from sentence_transformers.multi_vector_encoder import scoring
from sentence_transformers.util import similarity as theirs
from torch.nn.utils.rnn import pad_sequence

import menura
from menura import MenuraError
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade, restore, save_student
from menura.students import similarity as ours
from tiny import tiny_encoder, tiny_masked_lm

QUERIES = ["read a file", "sort: the list!"]
DOCUMENTS = ["open the file, then read a line of text.", "sort", "!!!", "search the index (fast) and count words " * 20]


@pytest.fixture
def colbert(tmp_path):
    return build_colbert(ColbertSettings(model=tiny_encoder(tmp_path / "encoder"), dimension=16)).eval()


@pytest.fixture
def splade(tmp_path):
    return build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path / "lm"), max_length=64)).eval()


def dense(embeddings):
    return embeddings.to_dense()


def test_colbert_embeds_tokens_without_punctuation(colbert):
    assert type(colbert) is MultiVectorEncoder
    short, punctuated = colbert.encode_document(["read file", "read, file!"])
    assert short.shape == punctuated.shape == (4, 16)
    assert colbert.encode_query(["read, file!"])[0].shape == (6, 16)
    torch.testing.assert_close(short.norm(dim=-1), torch.ones(4))
    assert len(colbert.encode_document(["word " * 500])[0]) == 128


def test_colbert_projection_keeps_similarities_and_follows_the_seed(tmp_path):
    folder = tiny_encoder(tmp_path)
    projections = [
        build_colbert(ColbertSettings(model=folder, dimension=16), seed=s)[1].linear.weight for s in (1, 1, 2)
    ]
    torch.testing.assert_close(projections[0] @ projections[0].T, torch.eye(16), atol=1e-5, rtol=0)
    assert torch.equal(projections[0], projections[1])
    assert not torch.equal(projections[0], projections[2])


def test_colbert_keeps_the_first_layers(tmp_path):
    folder = tiny_encoder(tmp_path, layers=3)
    model = build_colbert(ColbertSettings(model=folder, layers=2))
    assert len(model[0].model.encoder.layer) == model[0].model.config.num_hidden_layers == 2
    with pytest.raises(MenuraError, match="there are 3 layers; cannot keep"):
        build_colbert(ColbertSettings(model=folder, layers=4))


def test_an_existing_colbert_is_taken_as_it_is(colbert, tmp_path):
    for folder in (save_student(colbert, tmp_path / "ours"), tmp_path / "theirs"):
        if folder.name == "theirs":
            colbert.save_pretrained(str(folder))
        again = build_colbert(ColbertSettings(model=str(folder), query_length=5))
        assert again[1].out_features == 16
        assert again[0].query_length == colbert[0].query_length


def test_splade_needs_a_trained_head(tmp_path):
    with pytest.raises(MenuraError, match="is no masked LM but BertModel"):
        build_splade(SpladeSettings(model=tiny_encoder(tmp_path / "encoder")))
    folder = tmp_path / "headless"
    tiny_encoder(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertForMaskedLM"]}))
    with pytest.raises(MenuraError, match=r"no trained masked-LM head; these weights are missing: cls\.predictions"):
        build_splade(SpladeSettings(model=str(folder)))


@pytest.mark.parametrize(
    "build", [lambda m: build_colbert(ColbertSettings(model=m)), lambda m: build_splade(SpladeSettings(model=m))]
)
def test_a_model_that_is_not_there(build, tmp_path):
    with pytest.raises(MenuraError, match="cannot load"):
        build(str(tmp_path / "nowhere"))


def test_accelerating_splade_changes_no_value_and_no_type(splade):
    before = dense(splade.encode_document(DOCUMENTS))
    types = [type(module) for module in splade.modules()]
    weights = set(splade.state_dict())
    assert accelerate(splade) is splade
    accelerate(splade)
    assert [type(module) for module in splade.modules()] == types
    assert set(splade.state_dict()) == weights
    torch.testing.assert_close(dense(splade.encode_document(DOCUMENTS)), before, atol=1e-5, rtol=1e-5)
    splade.train()
    splade.eval()
    torch.testing.assert_close(dense(splade.encode_query(DOCUMENTS)), before, atol=1e-5, rtol=1e-5)


def test_the_accelerated_head_forms_no_logits(splade, monkeypatch):
    decoder = splade[0].model.get_output_embeddings()
    called = []
    monkeypatch.setattr(type(decoder), "forward", lambda self, x: called.append(self is decoder) or x @ self.weight.T)
    accelerate(splade)
    features = splade.preprocess(QUERIES)
    with torch.no_grad():
        splade(features)
    assert True not in called
    assert features["token_embeddings"].shape[-1] == 32


@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_unpadded_texts_are_pooled_as_they_are(splade, pooling):
    """What attention without padding leaves: all tokens in one row, and where each text begins."""
    splade[1].pooling_strategy = pooling
    decoder = splade[0].model.get_output_embeddings()
    states = torch.randn(1, 12, decoder.in_features)
    offsets = torch.tensor([0, 5, 6, 12], dtype=torch.int32)
    logits = {"token_embeddings": decoder(states).detach(), "cu_seq_lens_q": offsets, "input_ids": torch.ones(1, 12)}
    theirs = splade[1](logits)["sentence_embedding"]
    ours = accelerate(splade)[1]({**logits, "token_embeddings": states})["sentence_embedding"]
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_the_backbone_of_an_accelerated_splade_still_gives_logits(splade):
    accelerate(splade)
    features = splade.preprocess(QUERIES)
    splade.encode(QUERIES)
    backbone = splade[0].model
    logits = backbone(input_ids=features["input_ids"], attention_mask=features["attention_mask"]).logits
    assert logits.shape[-1] == backbone.config.vocab_size


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_of_an_accelerated_splade_stand_alone(splade, copied):
    other = copied(accelerate(splade))
    before = dense(splade.encode(QUERIES))
    torch.testing.assert_close(dense(other.encode(QUERIES)), before)
    with torch.no_grad():
        other[0].model.get_output_embeddings().bias += 1
    assert not torch.allclose(dense(other.encode(QUERIES)), before)
    torch.testing.assert_close(dense(splade.encode(QUERIES)), before)


@pytest.mark.parametrize("pooling", ["max", "sum"])
def test_accelerated_gradients_are_those_of_sentence_transformers(splade, pooling):
    splade[1].pooling_strategy = pooling
    grads = []
    for model in (splade, accelerate(copy.deepcopy(splade))):
        model.zero_grad()
        model[1].train()  # in evaluation mode the original writes in place, which has no gradient
        output = model(model.preprocess(DOCUMENTS))["sentence_embedding"]
        (output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum().backward()
        grads.append(
            {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
        )
    assert grads[0].keys() == grads[1].keys()
    for name, grad in grads[0].items():
        torch.testing.assert_close(grads[1][name], grad, atol=1e-4, rtol=1e-3, msg=name)


def test_restore(splade, colbert):
    restore(accelerate(splade))
    assert "forward" not in vars(splade[0])
    assert "forward" not in vars(splade[1])
    restore(accelerate(colbert))
    assert colbert._similarity is theirs.maxsim


def test_what_cannot_be_accelerated_is_refused(splade):
    with pytest.raises(MenuraError, match="takes a MultiVectorEncoder or a SparseEncoder; got Linear"):
        menura.accelerate(torch.nn.Linear(2, 2))
    splade[0].model.config.final_logit_softcapping = 30.0
    with pytest.raises(MenuraError, match=r"changes its logits after the projection \(final_logit_softcapping=30.0\)"):
        accelerate(splade)


def test_accelerated_similarity_is_that_of_sentence_transformers(colbert):
    queries, documents = colbert.encode_query(QUERIES), colbert.encode_document(DOCUMENTS)
    before = colbert.similarity(queries, documents), colbert.similarity_pairwise(documents, documents)
    accelerate(colbert)
    torch.testing.assert_close(colbert.similarity(queries, documents), before[0])
    torch.testing.assert_close(colbert.similarity_pairwise(documents, documents), before[1])


@pytest.mark.parametrize("length_normalize", [False, True])
def test_similarities_follow_sentence_transformers(length_normalize):
    rows = [torch.randn(n, 8) for n in (3, 1, 5)]
    padded = pad_sequence(rows, batch_first=True)
    mask = torch.tensor([[1, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    options = {"length_normalize": length_normalize}
    for a, b, masks in (
        (rows, rows, {}),
        (padded, padded, {}),
        (rows[0], rows, {}),
        (padded.numpy(), rows, {}),
        (padded, padded, {"a_mask": mask, "b_mask": mask}),
    ):
        torch.testing.assert_close(ours.maxsim(a, b, **masks, **options), theirs.maxsim(a, b, **masks, **options))
    torch.testing.assert_close(
        ours.maxsim_pairwise(rows, rows, **options), theirs.maxsim_pairwise(rows, rows, **options)
    )


@pytest.mark.parametrize("name", ["colbert_scores", "colbert_kd_scores", "colbert_scores_pairwise"])
def test_training_scores_follow_sentence_transformers(name):
    queries = torch.randn(3, 4, 8)
    documents = torch.randn(3, 5, 8) if name.endswith("pairwise") else torch.randn(3, 2, 5, 8)
    masks = {"queries_mask": torch.rand(3, 4) > 0.3, "documents_mask": torch.rand(documents.shape[:-1]) > 0.3}
    for options in ({}, masks):
        expected = getattr(scoring, name)(queries, documents, **options)
        torch.testing.assert_close(getattr(ours, name)(queries, documents, **options), expected)


WITHOUT_MENURA = """
import json, sys
sys.modules["menura"] = None
from sentence_transformers import MultiVectorEncoder, SparseEncoder
queries, documents = {queries!r}, {documents!r}
colbert, splade = MultiVectorEncoder({colbert!r}), SparseEncoder({splade!r})
scores = colbert.similarity(colbert.encode_query(queries), colbert.encode_document(documents))
dots = splade.encode_query(queries).to_dense() @ splade.encode_document(documents).to_dense().T
print(json.dumps([scores.tolist(), dots.tolist()]))
"""


def test_saved_students_need_no_menura(colbert, splade, tmp_path):
    accelerate(colbert), accelerate(splade)
    folders = {"colbert": str(tmp_path / "colbert"), "splade": str(tmp_path / "splade")}
    save_student(colbert, folders["colbert"])
    save_student(splade, folders["splade"])
    code = WITHOUT_MENURA.format(queries=QUERIES, documents=DOCUMENTS, **folders)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    scores, dots = (torch.tensor(rows) for rows in json.loads(result.stdout))
    expected = colbert.similarity(colbert.encode_query(QUERIES), colbert.encode_document(DOCUMENTS))
    torch.testing.assert_close(scores, expected, atol=1e-4, rtol=0)
    expected = dense(splade.encode_query(QUERIES)) @ dense(splade.encode_document(DOCUMENTS)).T
    torch.testing.assert_close(dots, expected, atol=1e-4, rtol=1e-5)


def test_the_saved_layouts_are_those_that_every_version_reads(colbert, splade, tmp_path):
    folder = save_student(colbert, tmp_path / "colbert")
    assert [module["type"] for module in json.loads((folder / "modules.json").read_text())] == [
        "sentence_transformers.models.Transformer",
        "pylate.models.Dense.Dense",
    ]
    config = json.loads((folder / "config_sentence_transformers.json").read_text())
    assert (config["model_type"], config["do_query_expansion"], config["query_prefix"]) == ("ColBERT", False, "")
    folder = save_student(splade, tmp_path / "splade")
    assert [module["type"].rpartition(".")[2] for module in json.loads((folder / "modules.json").read_text())] == [
        "MLMTransformer",
        "SpladePooling",
    ]
    assert "word_embedding_dimension" in json.loads((folder / "1_SpladePooling" / "config.json").read_text())
    assert type(SparseEncoder(str(folder))) is SparseEncoder


def test_a_colbert_with_prompts_is_saved_in_its_own_layout(colbert, tmp_path):
    colbert.prompts = {"query": "find: ", "document": ""}
    folder = save_student(colbert, tmp_path / "colbert")
    again = MultiVectorEncoder(str(folder))
    assert again.prompts["query"] == "find: "
    torch.testing.assert_close(again.encode_query(QUERIES)[0], colbert.encode_query(QUERIES)[0])


def test_a_colbert_with_mean_similarities_is_saved_in_its_own_layout(colbert, tmp_path):
    colbert.similarity_fn_name = "meanmaxsim"
    again = MultiVectorEncoder(str(save_student(colbert, tmp_path / "colbert")))
    assert again.similarity_fn_name == "meanmaxsim"
    expected = colbert.similarity(colbert.encode_query(QUERIES), colbert.encode_document(DOCUMENTS))
    found = again.similarity(again.encode_query(QUERIES), again.encode_document(DOCUMENTS))
    torch.testing.assert_close(found, expected)


def test_an_unwritable_folder(colbert, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MenuraError, match="cannot write"):
        save_student(colbert, tmp_path / "file")
