"""Masked-word prediction: what is masked, and what is asked of a student."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import BertForMaskedLM

from menura.losses import MaskedWords, mask_words
from menura.losses.encoded import Encoded, EncodedSplade
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade, masked_language_model
from tiny import tiny_encoder, tiny_masked_lm

TEXTS = [
    ["read a file", "sort"],
    ["read the text file, line by line", "sort the list"],
    ["open a store", "delete a key"],
]
WORDS = torch.arange(10, 20)


def masked(ids, maskable, share, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return mask_words(ids, maskable, share=share, mask_id=4, words=WORDS, generator=generator)


def test_shares_are_berts():
    ids = torch.full((200, 500), 30)
    read, chosen = masked(ids, torch.ones_like(ids).bool(), 0.15)
    counts = [chosen, chosen & (read == 4), chosen & (read >= 10) & (read < 20), chosen & (read == 30)]
    of_all, *of_chosen = (count.sum().item() for count in counts)
    assert of_all / ids.numel() == pytest.approx(0.15, abs=0.005)
    assert [count / of_all for count in of_chosen] == pytest.approx([0.8, 0.1, 0.1], abs=0.01)
    assert (read[~chosen] == 30).all()


def test_only_maskable_tokens_are_chosen_and_chance_follows_the_seed():
    ids = torch.randint(5, 60, (7, 13))
    maskable = torch.rand(7, 13) < 0.5  # with holes
    read, chosen = masked(ids, maskable, 1.0)
    assert (chosen == maskable).all()
    assert (read[~maskable] == ids[~maskable]).all()
    assert (masked(ids, maskable, 1.0)[0] == read).all()
    assert (masked(ids, maskable, 1.0, seed=1)[0] != read).any()


def encoded(model, columns=TEXTS):
    features = [model.preprocess(texts, task="query" if n == 0 else "document") for n, texts in enumerate(columns)]
    vectors = torch.rand(2, 3)
    return EncodedSplade(vectors, [vectors, vectors], logits=torch.rand(2, 2), weights=None, features=features)


@pytest.fixture
def splade(tmp_path):
    return build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path / "lm"), max_length=64)).eval()


@pytest.mark.parametrize("texts", ["queries", "positives", "passages"])
@pytest.mark.parametrize("accelerated", [False, True])
def test_it_is_the_cross_entropy_of_all_logits_at_the_chosen_tokens(splade, texts, accelerated):
    if accelerated:
        accelerate(splade)
    objective = MaskedWords(splade[0].model, splade.tokenizer, share=0.5, texts=texts)
    rows = {"queries": TEXTS[0], "positives": TEXTS[1], "passages": TEXTS[1] + TEXTS[2]}[texts]
    tokens = splade.tokenizer(rows, padding=True, return_tensors="pt")
    ids, mask = tokens["input_ids"] * tokens["attention_mask"], tokens["attention_mask"]
    maskable = mask.bool() & ~torch.isin(ids, torch.tensor(splade.tokenizer.all_special_ids))
    torch.manual_seed(3)
    read, chosen = mask_words(ids, maskable, share=0.5, mask_id=objective.mask_id, words=objective.words)
    assert 0 < chosen.sum() < maskable.sum()
    logits = splade[0].model(input_ids=read, attention_mask=mask).logits
    expected = cross_entropy(logits[chosen], ids[chosen])
    expected_grads = torch.autograd.grad(expected, list(splade.parameters()), allow_unused=True)
    batch = encoded(splade)
    torch.manual_seed(3)
    loss = objective(batch)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    grads = torch.autograd.grad(loss, list(splade.parameters()), allow_unused=True)
    for found, wanted in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)


def test_special_tokens_are_neither_chosen_nor_drawn(splade):
    objective = MaskedWords(splade[0].model, splade.tokenizer, share=1.0)
    special = set(splade.tokenizer.all_special_ids)
    assert special.isdisjoint(objective.words.tolist())
    assert len(objective.words) == len(splade.tokenizer) - len(special)
    seen = {}
    decoder = splade[0].model.get_output_embeddings()
    decoder.register_forward_hook(lambda module, inputs, output: seen.update(rows=len(output)))
    objective(encoded(splade))
    passages = [text for column in TEXTS[1:] for text in column]
    words = [id for ids in splade.tokenizer(passages)["input_ids"] for id in ids if id not in special]
    assert seen["rows"] == len(words)


def test_where_nothing_is_chosen_the_loss_is_zero(splade):
    loss = MaskedWords(splade[0].model, splade.tokenizer)(encoded(splade, [["read"], [""], ["["]]))
    assert loss.item() == 0
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in splade.parameters() if p.grad is not None)


def test_errors(splade):
    with pytest.raises(ValueError, match="share must be above 0 and at most 1; got 0"):
        MaskedWords(splade[0].model, splade.tokenizer, share=0)
    splade.tokenizer.mask_token = None
    with pytest.raises(ValueError, match="has no mask token"):
        MaskedWords(splade[0].model, splade.tokenizer)


def colbert(folder, layers=None):
    return build_colbert(ColbertSettings(model=folder, dimension=8, layers=layers))


def test_a_splade_is_its_own_language_model(splade, tmp_path):
    assert masked_language_model(splade, str(tmp_path / "lm")) is splade[0].model


def test_a_colbert_gets_the_head_of_its_checkpoint(tmp_path):
    folder = tiny_masked_lm(tmp_path)
    model = colbert(folder)
    found = masked_language_model(model, folder).eval()
    whole = BertForMaskedLM.from_pretrained(folder).eval()
    tokens = model.tokenizer(["read a file"], return_tensors="pt")
    torch.testing.assert_close(found(**tokens).logits, whole(**tokens).logits)


@pytest.mark.parametrize("layers", [None, 1])
def test_a_colbert_without_one_gets_a_head_tied_to_its_embeddings(tmp_path, layers):
    folder = tiny_encoder(tmp_path)
    model = colbert(folder, layers)
    found = masked_language_model(model, folder)
    assert found.get_output_embeddings().weight is model[0].model.get_input_embeddings().weight
    objective = MaskedWords(found, model.tokenizer, share=0.5)
    features = [model.preprocess(texts, task="document") for texts in TEXTS]

    class Batch(Encoded):
        of = scores = in_batch_scores = vectors = embed = None

    objective(Batch(torch.rand(2, 2), None, features)).backward()
    encoder = {name for name, parameter in model[0].named_parameters() if parameter.grad is not None}
    assert len([name for name in encoder if ".layer." in name]) == 16 * (layers or 2)
