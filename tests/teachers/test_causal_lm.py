"""The language model that answers yes or no: its logits, its prompt, what is cut, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    MambaConfig,
    MambaForCausalLM,
)

from menura import MenuraError
from menura.teachers import CausalLmTeacher, Prompt
from tiny import VOCABULARY, tiny_causal_lm, tiny_cross_encoder, tiny_masked_lm, tiny_tokenizer_folder

TEMPLATE = "find the answer to a query. query: {query} passage: {passage}\nis it an answer?"
ANSWERS = {"yes": "up", "no": "down"}
PAIRS = [
    ("read file", "open the file and read a line of text"),
    ("sort list", "sort"),
    ("find word", "search the index " * 9),
    ("größe ☃ 中文", "naïve — “snow” ☃☃"),
    ("red", ""),
]


@pytest.fixture
def folder(tmp_path):
    return tiny_causal_lm(tmp_path / "lm")


def loaded(folder, **options):
    return CausalLmTeacher.load(folder, **{"template": TEMPLATE, **ANSWERS, "max_length": 96, **options})


def plain_logits(folder, texts, ids=None):
    """The whole vocabulary's logits at the end of each prompt, one prompt at a time."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    rows = ids or [tokenizer(text)["input_ids"][:-1] for text in texts]  # a [SEP] would follow the question
    with torch.no_grad():
        ends = torch.stack([model(input_ids=torch.tensor([row])).logits[0, -1] for row in rows])
    return (ends[:, VOCABULARY.index("up")] - ends[:, VOCABULARY.index("down")]).numpy()


def prompts(pairs, template=TEMPLATE):
    return [template.replace("{query}", query).replace("{passage}", passage) for query, passage in pairs]


@pytest.mark.parametrize("batch_tokens", [1, 40, 4096])
def test_scores_are_the_difference_of_two_logits(folder, batch_tokens):
    scores = loaded(folder, batch_tokens=batch_tokens).score(PAIRS)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, plain_logits(folder, prompts(PAIRS)), atol=1e-5)
    assert scores.std() > 0.1


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side(folder, side):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.padding_side = side
    ids = [tokenizer(text)["input_ids"][:-1] for text in prompts(PAIRS)]
    batch = tokenizer.pad({"input_ids": ids}, return_tensors="pt")
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(folder)(**batch).logits
    last = -1 if side == "left" else torch.tensor([len(row) - 1 for row in ids])
    ends = logits[torch.arange(len(ids)), last]
    expected = ends[:, VOCABULARY.index("up")] - ends[:, VOCABULARY.index("down")]
    np.testing.assert_allclose(loaded(folder).score(PAIRS), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "config"),
    [
        # Positions that are counted, an output layer that is the input's, one whose logits are capped.
        (GPT2LMHeadModel, GPT2Config(n_embd=32, n_layer=1, n_head=2, n_positions=128, vocab_size=len(VOCABULARY))),
        (
            Gemma2ForCausalLM,
            Gemma2Config(
                hidden_size=32, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=16,
                intermediate_size=64, vocab_size=len(VOCABULARY), final_logit_softcapping=0.5, sliding_window=8,
            ),
        ),
        (MambaForCausalLM, MambaConfig(hidden_size=32, num_hidden_layers=1, vocab_size=len(VOCABULARY))),
    ],
    ids=["gpt2", "gemma2", "mamba"],
)  # fmt: skip
def test_other_architectures(tmp_path, model, config):
    folder = tiny_tokenizer_folder(tmp_path / "lm")
    torch.manual_seed(0)
    tiny = model(config)
    with torch.no_grad():
        tiny.get_output_embeddings().weight.normal_()
    tiny.save_pretrained(folder)
    np.testing.assert_allclose(loaded(folder).score(PAIRS), plain_logits(folder, prompts(PAIRS)), atol=1e-5)


def test_what_prompts_begin_with_is_read_once(folder):
    same = [("read file", passage) for _, passage in PAIRS]
    teacher, read = loaded(folder, batch_tokens=30), []
    teacher._model.register_forward_pre_hook(
        lambda model, arguments, options: read.append(tuple(options["input_ids"].shape)), with_kwargs=True
    )
    np.testing.assert_allclose(teacher.score(same), plain_logits(folder, prompts(same)), atol=1e-5)
    prompt = len(AutoTokenizer.from_pretrained(folder)(prompts(same)[0].split("open")[0])["input_ids"]) - 1
    assert read[0] == (1, prompt)
    assert len(read) > 2
    assert all(rows * length <= max(30, length) for rows, length in read)
    assert sum(rows for rows, _ in read[1:]) == len(same)


def test_prompts_that_are_equal_or_go_on(folder):
    pairs = [("read", "file"), ("read", "file"), ("read", "file file")]
    scores = loaded(folder, template="is this the answer to a query? {query} {passage}").score(pairs)
    expected = plain_logits(folder, [f"is this the answer to a query? {query} {passage}" for query, passage in pairs])
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_without_a_no(folder):
    both, yes = loaded(folder), loaded(folder, no=None)
    no = loaded(folder, yes="down", no=None)
    np.testing.assert_allclose(both.score(PAIRS), yes.score(PAIRS) - no.score(PAIRS), atol=1e-5)


@pytest.mark.parametrize("template", [TEMPLATE, "passage: {passage}? query: {query} is it an answer?"])
def test_the_passage_alone_is_cut(folder, template):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pair = "read file", "open the file, read a line of text"
    whole = tokenizer(prompts([pair], template)[0])["input_ids"][:-1]
    words = tokenizer(pair[1], add_special_tokens=False)["input_ids"]
    start = next(i for i in range(len(whole)) if whole[i : i + len(words)] == words)
    for kept in range(1, len(words) + 1):
        prompt = Prompt(template, tokenizer, max_length=len(whole) - len(words) + kept)
        assert prompt.tokens([pair]) == [whole[: start + kept] + whole[start + len(words) :]]
    with pytest.raises(MenuraError, match=r"a query of 2 words, 'read file', leaves no room for a passage within"):
        Prompt(template, tokenizer, max_length=len(whole) - len(words)).tokens([pair])


def test_tokens_that_span_a_seam_stay_with_the_template(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    template, pair = "query {query} passage re{passage}ing it", ("line", "ad the file and sort")
    whole = tokenizer(prompts([pair], template)[0])["input_ids"][:-1]
    assert Prompt(template, tokenizer, max_length=len(whole)).tokens([pair]) == [whole]
    cut = Prompt(template, tokenizer, max_length=len(whole) - 2).tokens([pair])[0]
    assert VOCABULARY[cut[4]] == "read"
    assert cut[:5] == whole[:5]
    assert cut[-3:] == whole[-3:]


def test_a_query_that_is_too_long(folder):
    with pytest.raises(MenuraError, match=r"a query of 200 words, .* leaves no room"):
        loaded(folder).score([*PAIRS, ("word " * 200, "text")])


def test_one_very_long_passage(folder):
    scores = loaded(folder).score([("find word", "text " * 20_000)])
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores, loaded(folder).score([("find word", "text " * 500)]))


def test_nothing_to_score(folder):
    assert loaded(folder).score([]).shape == (0,)


def test_the_instruction_is_part_of_the_prompt(folder):
    spelled = loaded(folder, template=f"find the answer. {TEMPLATE}").score(PAIRS)
    filled = loaded(folder, template="{instruction} " + TEMPLATE, instruction="find the answer.")
    np.testing.assert_array_equal(filled.score(PAIRS), spelled)


def test_the_tokenizers_chat_template(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = (
        "{% for message in messages %}<{{ message.role }}> {{ message.content | trim }} {% endfor %}"
        "{% if add_generation_prompt %}answer: {% endif %}"
    )
    tokenizer.save_pretrained(folder)
    ids = [
        tokenizer(f"<user> {text} answer: ", add_special_tokens=False)["input_ids"] for text in prompts(PAIRS)
    ]  # fmt: skip
    scores = loaded(folder, chat=True).score(PAIRS)
    np.testing.assert_allclose(scores, plain_logits(folder, [], ids), atol=1e-5)


def test_a_chat_template_that_changes_every_day(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = "{{ strftime_now('%d %b %Y') }} {{ messages[0].content }}"
    tokenizer.save_pretrained(folder)
    with pytest.raises(MenuraError, match="the chat template writes today's date"):
        loaded(folder, chat=True)


def test_the_fingerprint_follows_what_changes_scores(folder):
    first = loaded(folder)
    first.score(PAIRS)
    digests = {first.fingerprint.digest, loaded(folder, batch_tokens=7).fingerprint.digest}
    assert len(digests) == 1
    for changed in (
        {"template": TEMPLATE.replace("answer", "match")},
        {"template": "{instruction}" + TEMPLATE, "instruction": "find"},
        {"yes": "fast"},
        {"no": None},
        {"yes": "down", "no": "up"},
        {"max_length": 95},
        {"bf16": True},
    ):
        digests.add(loaded(folder, **changed).fingerprint.digest)
    assert len(digests) == 8
    model = AutoModelForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        model.model.norm.weight[3] += 1e-3
    model.save_pretrained(folder)
    assert loaded(folder).fingerprint.digest not in digests


def test_bf16_leaves_the_last_step_in_float32(folder):
    exact, scores = loaded(folder).score(PAIRS * 20), loaded(folder, bf16=True).score(PAIRS * 20)
    assert 0 < np.abs(scores - exact).max() < 0.1 * exact.std()
    assert (scores != torch.tensor(scores).bfloat16().float().numpy()).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"yes": "certainly"}, r"'certainly' is \['c', '##e', "),
        ({"yes": "☃"}, r"must be one token; '☃' is \['\[UNK\]'\]"),
        ({"no": ""}, r"must be one token; '' is \[\]"),
        ({"no": "UP"}, "yes and no are the same token; got 'up' and 'UP'"),
        ({"template": "is {query} an answer?"}, r"needs \{passage\} once; this one has it 0 times"),
        ({"template": TEMPLATE + "{query}"}, r"needs \{query\} once; this one has it 2 times"),
        ({"template": "{instruction}" + TEMPLATE}, "the prompt lacks an instruction"),
        ({"instruction": "find"}, r"the prompt lacks \{instruction\} in its template"),
        ({"chat": True}, "no chat template"),
        ({"max_length": 129}, "max_length 129 is more than the 128 positions"),
    ],
)
def test_settings_that_do_not_fit(folder, options, message):
    with pytest.raises(MenuraError, match=message):
        loaded(folder, **options)


@pytest.mark.parametrize("tiny_model", [tiny_masked_lm, tiny_cross_encoder])
def test_a_model_of_another_kind(tmp_path, tiny_model):
    with pytest.raises(MenuraError, match="is no causal language model; it holds BertFor"):
        loaded(tiny_model(tmp_path))


def test_a_checkpoint_without_its_output_layer(folder):
    model = AutoModelForCausalLM.from_pretrained(folder)
    weights = {name: tensor for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    model.save_pretrained(folder, state_dict=weights)
    with pytest.raises(MenuraError, match="it holds LlamaForCausalLM without its output layer"):
        loaded(folder)


def test_truncated_weights_of_a_language_model(folder):
    weights = Path(folder) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(MenuraError, match="cannot load the language model"):
        loaded(folder)
