"""Students beside a mentor: what both make of one batch, and that padding makes no difference."""

from __future__ import annotations

import copy

import pytest
import torch

from menura.losses import (
    Alignment,
    ColbertDistillationLoss,
    HiddenStateDistance,
    MarginMSE,
    Mentor,
    MentorScores,
    PointwiseMSE,
    SpladeDistillationLoss,
    TokenEmbeddings,
    VocabularyVectors,
    margin_mse,
    vocabulary_distance,
)
from menura.losses.encoded import EncodedColbert, EncodedSplade
from menura.recipe import ColbertSettings, SpladeSettings
from menura.students import accelerate, build_colbert, build_splade
from tiny import tiny_encoder, tiny_masked_lm

COLUMNS = [
    ["read a file", "sort list"],
    ["read the text file, line by line", "sort the list of words"],
    ["open a store", "delete a key and close the long table: name, size, count!"],
]
LABELS = torch.tensor([[4.0, -1.0], [2.0, 0.5]])


@pytest.fixture(scope="module")
def colberts(tmp_path_factory):
    """A student of two layers and 8 dimensions, and a mentor of four layers and 16 dimensions."""
    folders = [tiny_encoder(tmp_path_factory.mktemp("encoder"), layers=layers) for layers in (2, 4)]
    return tuple(
        build_colbert(ColbertSettings(model=folder, dimension=dimension), seed=dimension).eval()
        for folder, dimension in zip(folders, (8, 16), strict=True)
    )


@pytest.fixture(scope="module")
def splade(tmp_path_factory):
    return accelerate(build_splade(SpladeSettings(model=tiny_masked_lm(tmp_path_factory.mktemp("lm"))))).eval()


def features_of(model, columns=COLUMNS):
    tasks = ["query", *["document"] * (len(columns) - 1)]
    return [{**model.preprocess(texts, task=task), "task": task} for texts, task in zip(columns, tasks, strict=True)]


def padded(features, more):
    """The same batch with `more` columns of padding."""
    extra = {"input_ids": 0, "attention_mask": 0, "token_type_ids": 0}
    return [
        {
            key: torch.nn.functional.pad(value, (0, more), value=extra[key]) if key in extra else value
            for key, value in column.items()
        }
        for column in features
    ]


def everything():
    return [
        MentorScores(MarginMSE()),
        TokenEmbeddings(dimensions=(8, 16)),
        HiddenStateDistance({0: 0, 1: 2, 2: 4}),
        Alignment(),
    ]


def test_a_student_that_is_its_mentor_has_nothing_to_learn(colberts):
    student, _ = colberts
    mentor = Mentor(copy.deepcopy(student))
    objectives = [
        MentorScores(MarginMSE()),
        TokenEmbeddings(),
        TokenEmbeddings(distance="mse"),
        HiddenStateDistance({1: 1, 2: 2}),
        Alignment(),
    ]
    objectives[2].name = "squared"
    parts = ColbertDistillationLoss(student, objectives, mentor=mentor)(features_of(student), LABELS)
    assert set(parts) == {"mentor_margin_mse", "token_embeddings", "squared", "hidden_states", "alignment"}
    for name, value in parts.items():
        assert value.item() == pytest.approx(0, abs=1e-6), name


def test_more_padding_changes_nothing(colberts):
    student, mentor = colberts
    loss = ColbertDistillationLoss(student, everything(), mentor=Mentor(mentor))
    features = features_of(student)
    plain = loss(features, LABELS)
    more = loss([padded([column], n + 1)[0] for n, column in enumerate(features)], LABELS)
    for name, value in plain.items():
        assert value.item() > 1e-3, name
        assert more[name].item() == pytest.approx(value.item(), rel=1e-4), name


def test_the_same_text_beside_a_longer_one(colberts):
    student, mentor = colberts
    objectives = [TokenEmbeddings(dimensions=(8, 16)), HiddenStateDistance({1: 2}), Alignment()]
    loss = ColbertDistillationLoss(student, objectives, mentor=Mentor(mentor))
    rows = [loss(features_of(student, [[text] for text, *_ in COLUMNS]), LABELS[:1]) for _ in range(2)]
    assert {name: value.item() for name, value in rows[0].items()} == {n: v.item() for n, v in rows[1].items()}
    # A batch of twice the same row has the mean of the row alone, whatever the passages' own lengths.
    twice = loss(features_of(student, [[text, text] for text, *_ in COLUMNS]), LABELS)
    for name, value in rows[0].items():
        assert twice[name].item() == pytest.approx(value.item(), rel=1e-4)


def test_hidden_states_are_those_that_the_transformer_reports(colberts):
    student, mentor = colberts
    features = features_of(student)
    seen = {}

    class Look(HiddenStateDistance):
        def forward(self, encoded):
            seen["encoded"] = encoded
            return super().forward(encoded)

    ColbertDistillationLoss(student, [Look({0: 1, 2: 4})], mentor=Mentor(mentor))(features, LABELS)
    layers = [*student[0].model.encoder.layer, *mentor[0].model.encoder.layer]
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in layers)
    encoded = seen["encoded"]
    for model, found, layers in ((student, encoded, (0, 2)), (mentor, encoded.mentor, (1, 4))):
        states = found.hidden_states
        for column, of in ((0, states.queries), (2, lambda layer, s=states: s.documents(layer)[:, 1])):
            inputs = {key: features[column][key] for key in ("input_ids", "attention_mask")}
            expected = model[0].model(**inputs, output_hidden_states=True).hidden_states
            mask = inputs["attention_mask"].bool()
            for layer in layers:
                got = of(layer)[:, : mask.shape[1]]
                torch.testing.assert_close(got[mask], expected[layer][mask], atol=1e-4, rtol=1e-4)
    # Skipped punctuation is a token for the layers, if not for MaxSim.
    queries, documents = encoded.token_masks
    assert documents.sum() > encoded.document_mask.sum()
    assert queries.sum() == sum(column["attention_mask"].sum() for column in features[:1])


def test_hidden_states_under_gradient_checkpointing(colberts):
    student, mentor = copy.deepcopy(colberts[0]).train(), Mentor(colberts[1])
    for module in student.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    loss = ColbertDistillationLoss(student, [HiddenStateDistance({1: 2, 2: 4})], mentor=mentor)
    gradients = []
    for reentrant in (None, False, True):
        student.zero_grad()
        if reentrant is not None:
            student[0].model.gradient_checkpointing_enable({"use_reentrant": reentrant})
        loss(features_of(student), LABELS)["hidden_states"].backward()
        gradients.append([parameter.grad.clone() for parameter in student[0].model.encoder.layer.parameters()])
    for plain, *recomputed in zip(*gradients, strict=True):
        for again in recomputed:
            torch.testing.assert_close(again, plain, atol=1e-5, rtol=1e-4)


def test_states_without_a_gradient_are_refused(colberts):
    student, mentor = copy.deepcopy(colberts[0]).requires_grad_(False), Mentor(colberts[1])
    loss = ColbertDistillationLoss(student, [HiddenStateDistance({1: 2})], mentor=mentor)
    with pytest.raises(ValueError, match="the student's states carry no gradient"):
        loss(features_of(student), LABELS)
    with torch.no_grad():
        assert loss(features_of(student), LABELS)["hidden_states"] > 0


def test_expansion_tokens_count_where_maxsim_counts_them(colberts):
    student = copy.deepcopy(colberts[0])
    student[0].query_expansion = {"token": "[MASK]", "length": 10, "strategy": "fixed", "attend": False}
    features = features_of(student)
    assert features[0]["query_expansion_positions"].any()
    seen = {}

    class Look(TokenEmbeddings):
        def forward(self, encoded):
            seen["encoded"] = encoded
            return super().forward(encoded)

    mentor = Mentor(copy.deepcopy(student))
    for parameter in mentor.model[1].parameters():
        parameter.mul_(-1)
    value = ColbertDistillationLoss(student, [Look()], mentor=mentor)(features, LABELS)["token_embeddings"]
    assert value.item() == pytest.approx(2, abs=1e-5)
    encoded = seen["encoded"]
    assert encoded.query_mask.all()
    assert encoded.token_masks[0].all()


def test_the_mentor_reads_every_token_that_the_student_reads(colberts):
    """The model writes its scoring mask over the attention mask; the mentor must not attend by it."""
    student, mentor = colberts
    features = features_of(student)
    loss = ColbertDistillationLoss(student, [TokenEmbeddings(dimensions=(8, 16))], mentor=Mentor(mentor))
    seen = []
    loss.objectives[0].register_forward_pre_hook(lambda module, args: seen.append(args[0].mentor))
    loss(features, LABELS)
    expected = mentor.encode_document(COLUMNS[2])
    for row, tokens in enumerate(expected):
        torch.testing.assert_close(
            seen[0].documents[row, 1][seen[0].document_mask[row, 1]], tokens, atol=1e-4, rtol=1e-4
        )


def test_the_mentors_scores_take_the_teachers_place(colberts):
    student, mentor = colberts
    objectives = [MarginMSE(), MentorScores(MarginMSE(pairs="all", weight=3.0))]
    weights = torch.zeros(2, 2)
    parts = ColbertDistillationLoss(student, objectives, mentor=Mentor(mentor))(
        features_of(student), torch.stack([LABELS, weights], dim=1)
    )
    own, other = (EncodedColbert.of(m, features_of(student), logits=LABELS, weights=None) for m in (student, mentor))
    assert parts["margin_mse"] == 0
    expected = 3 * margin_mse(own.scores, other.scores, pairs="all")
    assert parts["mentor_margin_mse"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_mentor_is_no_part_of_the_loss(colberts):
    student, mentor = colberts
    loss = ColbertDistillationLoss(student, everything(), mentor=Mentor(mentor)).train()
    trained = {name for name, parameter in loss.named_parameters() if parameter.requires_grad}
    assert {name for name in trained if not name.startswith("model.")} == {"objectives.1.projection.weight"}
    assert not any(module.training for module in mentor.modules())
    sum(loss(features_of(student), LABELS).values()).backward()
    assert all(parameter.grad is None for parameter in mentor.parameters())
    assert loss.objectives[1].projection.weight.grad.count_nonzero() > 0
    loss.eval()


def test_a_splade_and_its_mentor(splade):
    mentor = copy.deepcopy(splade)
    with torch.no_grad():
        mentor[0].model.get_output_embeddings().bias += 0.3
    features = features_of(splade)
    objectives = [VocabularyVectors(), HiddenStateDistance({1: 1}), MentorScores(PointwiseMSE())]
    loss = SpladeDistillationLoss(splade, objectives, mentor=Mentor(mentor))
    parts = loss(features, LABELS)
    own, other = (EncodedSplade.of(m, features, logits=LABELS, weights=None) for m in (splade, mentor))
    expected = (
        vocabulary_distance(own.queries, other.queries) + vocabulary_distance(own.documents, other.documents)
    ) / 2
    assert parts["vocabulary_vectors"].item() == pytest.approx(expected.item(), rel=1e-4)
    assert parts["hidden_states"] == 0
    assert parts["mentor_pointwise_mse"] > 0
    assert loss.terms["document"].item() == pytest.approx((own.documents > 0).sum().item() / 4)
    sum(loss(padded(features, 3), LABELS).values()).backward()


def test_what_cannot_be_compared(colberts, splade, tmp_path):
    student, mentor = colberts
    with pytest.raises(ValueError, match=r"\[alignment\] the loss has no mentor; give it one"):
        ColbertDistillationLoss(student, [Alignment()])(features_of(student), LABELS)
    with pytest.raises(ValueError, match="of the student's kind; got a SparseEncoder for a MultiVectorEncoder"):
        ColbertDistillationLoss(student, [Alignment()], mentor=Mentor(copy.deepcopy(splade)))
    other = copy.deepcopy(mentor)
    other.tokenizer.add_tokens(["menura"])
    with pytest.raises(ValueError, match=r"different vocabularies.* let the larger one teach through the answer key"):
        ColbertDistillationLoss(student, [Alignment()], mentor=Mentor(other))
    short = copy.deepcopy(mentor)
    short[0].model.config.max_position_embeddings = 16
    with pytest.raises(ValueError, match="the mentor has 16 positions, and the student reads up to 128 tokens"):
        ColbertDistillationLoss(student, [Alignment()], mentor=Mentor(short))
    loss = ColbertDistillationLoss(student, [HiddenStateDistance({1: 5})], mentor=Mentor(mentor))
    with pytest.raises(ValueError, match="layers 1 to 4, and 0 for its embeddings; got 5"):
        loss(features_of(student), LABELS)
    with pytest.raises(ValueError, match="at least one pair of layers"):
        HiddenStateDistance({})


@pytest.mark.parametrize("kind", ["colbert", "splade"])
def test_mini_batches_of_the_student_and_of_its_mentor(colberts, splade, kind):
    if kind == "colbert":
        student, mentor, objectives = *colberts, [MentorScores(MarginMSE()), TokenEmbeddings(dimensions=(8, 16))]
        loss = ColbertDistillationLoss(student, [*objectives, Alignment()], mentor=Mentor(mentor))
    else:
        student, mentor = splade, copy.deepcopy(splade)
        with torch.no_grad():
            mentor[0].model.get_input_embeddings().weight.mul_(0.7)
        objectives = [MentorScores(MarginMSE()), VocabularyVectors()]
        loss = SpladeDistillationLoss(student, objectives, mentor=Mentor(mentor))
    found = []
    for size in (None, 2, 3):
        loss.mini_batch_size = size
        loss.zero_grad()
        parts = loss(features_of(student), LABELS)
        sum(parts.values()).backward()
        gradients = [parameter.grad.clone() for parameter in loss.parameters() if parameter.grad is not None]
        found.append((parts, gradients))
    (whole, expected), *others = found
    assert all(value > 1e-4 for value in whole.values())
    for parts, gradients in others:
        assert {name: part.item() for name, part in parts.items()} == pytest.approx(
            {name: part.item() for name, part in whole.items()}, rel=1e-3
        )
        for mine, other in zip(gradients, expected, strict=True):
            torch.testing.assert_close(mine, other, atol=1e-4, rtol=1e-3)


def test_hidden_states_of_mini_batches_are_refused(colberts):
    student, mentor = colberts
    with pytest.raises(ValueError, match=r"\[hidden_states\] mini-batches keep representations alone"):
        ColbertDistillationLoss(student, [HiddenStateDistance({1: 2})], mentor=Mentor(mentor), mini_batch_size=2)


def test_without_a_teacher_the_mentor_will_do(colberts):
    student, mentor = colberts
    loss = ColbertDistillationLoss(student, [MentorScores(MarginMSE())], mentor=Mentor(mentor))
    features = features_of(student)
    assert loss(features)["mentor_margin_mse"].item() == loss(features, LABELS)["mentor_margin_mse"].item()
