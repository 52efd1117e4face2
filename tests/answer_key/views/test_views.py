"""Whole views: order, silence, routes, what is fitted where, and that several teachers beat the best of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from menura import MenuraError
from menura.answer_key.views import Answers, fit_view, labels_of, view_scores, view_targets
from menura.answer_key.views.routing import asked, route
from menura.recipe.view import ViewSettings

NAN = math.nan
RANDOM = np.random.default_rng(2)


def view(**settings):
    return ViewSettings.model_validate(settings)


def answers(logits, pairs, labels=None, route=None):
    names = [chr(ord("a") + i) for i in range(len(logits))]
    labels = np.full(len(pairs), NAN) if labels is None else np.asarray(labels, float)
    return Answers(names, pairs, np.asarray(logits, float), labels, route)


def scores(settings, given):
    return view_scores(settings, fit_view(settings, given), given)


def targets(settings, given):
    return view_targets(settings, fit_view(settings, given), given)


PAIRS = [(f"q{i % 6}", f"p{i}") for i in range(48)]
LOGITS = RANDOM.normal([[0], [50], [-3]], [[1], [20], [0.1]], (3, 48))
LABELS = np.where(RANDOM.random(48) < 0.3, 1.0, np.where(RANDOM.random(48) < 0.5, 0.0, NAN))
GIVEN = answers(LOGITS + 2 * np.nan_to_num(LABELS) * [[1], [20], [0.1]], PAIRS, LABELS)

EVERY_VIEW = [
    {},
    {"scale": "min_max", "rescale": {"like": "b"}},
    {"scale": "z_score", "combine": {"mean": {"a": 0.5, "b": 0.5, "c": 0}}, "rescale": {"like": "c", "per": "query"}},
    {"scale": {"temperature": {"a": 1, "b": 20, "c": 0.1}}, "combine": {"quality": "ndcg"}},
    {"scale": {"like": "b"}, "combine": {"quality": "brier"}, "disagreement": "query"},
    {"scale": {"like": "b", "per": "query"}, "labels": {"weight": 0.5, "scores": {0: -5, 1: 5}}},
    {"scale": "logistic", "disagreement": {"per": "pair", "strength": 2}},
    {
        "scale": "isotonic",
        "unjudged": "irrelevant",
        "contradictions": {
            "teachers": {"spread": 1, "weight": 0.5},
            "labels": {"margin": 0.1, "above": 1, "weight": 0},
        },
    },
]


@pytest.mark.parametrize("settings", EVERY_VIEW, ids=str)
def test_the_order_of_pairs_and_other_queries_change_nothing(settings):
    settings = view(**settings)
    fit = fit_view(settings, GIVEN)
    whole = view_targets(settings, fit, GIVEN)
    assert np.isfinite(whole.scores).all()
    assert np.isfinite(whole.weights).all()
    assert (whole.weights > 0).all()
    expected = {
        PAIRS[i]: (score, weight)
        for i, score, weight in zip(whole.positions.tolist(), whole.scores, whole.weights, strict=True)
    }
    order = RANDOM.permutation(48)
    shuffled = Answers(GIVEN.teachers, [PAIRS[i] for i in order], GIVEN.logits[:, order], GIVEN.labels[order])
    chosen = np.array([i for i in order if PAIRS[i][0] in ("q1", "q4")])
    part = Answers(GIVEN.teachers, [PAIRS[i] for i in chosen], GIVEN.logits[:, chosen], GIVEN.labels[chosen])
    for other, fitted in ((shuffled, fit_view(settings, shuffled)), (part, fit)):
        found = view_targets(settings, fitted, other)
        pairs = [other.pairs[i] for i in found.positions.tolist()]
        assert set(pairs) == {pair for pair in expected if pair in other.pairs}
        np.testing.assert_allclose(found.scores, [expected[pair][0] for pair in pairs], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.weights, [expected[pair][1] for pair in pairs], rtol=1e-9)


def test_one_teacher_as_it_is():
    given = answers(np.float32(RANDOM.normal(size=(1, 48))), PAIRS)
    found = targets(view(), given)
    assert found.scores.tolist() == given.logits[0].tolist()
    assert (found.weights == 1).all()


def test_the_ensemble_of_splade_v3():
    """Min-max within each query, the mean, then the mean and standard deviation of a reference over all pairs."""
    found = scores(view(scale="min_max", combine="mean", rescale={"like": "c"}), GIVEN)
    combined = np.zeros(48)
    for query in range(6):
        members = [i for i in range(48) if PAIRS[i][0] == f"q{query}"]
        for row in GIVEN.logits:
            low, high = min(row[members]), max(row[members])
            combined[members] += [(row[i] - low) / (high - low) / 3 for i in members]
    reference = GIVEN.of("c")
    expected = (combined - combined.mean()) / combined.std() * reference.std() + reference.mean()
    np.testing.assert_allclose(found, expected)


def test_a_teacher_that_abstains_leaves_it_to_the_others():
    given = answers([[7, 7, 1, 3], [1, 3, 5, 1]], [("q", "a"), ("q", "b"), ("r", "a"), ("r", "b")])
    np.testing.assert_allclose(scores(view(scale="min_max"), given), [0, 1, 0.5, 0.5])


def test_a_query_on_which_every_teacher_is_silent_is_left_out():
    given = answers([[7, 7, 1, 3, 9], [1, 1, 5, 1, 9]], [("q", "a"), ("q", "b"), ("r", "a"), ("r", "b"), ("s", "a")])
    for settings in (view(scale="min_max"), view(scale="z_score"), view(rescale={"like": "a", "per": "query"})):
        found = targets(settings, given)
        assert found.positions.tolist() == [2, 3]
        assert found.silent == 3
        assert np.isfinite(found.scores).all()
    # A scale that needs no query has nothing to leave out.
    assert targets(view(scale={"temperature": 2}), given).positions.tolist() == [0, 1, 2, 3, 4]


def test_missing_scores_are_named():
    given = answers([[1, NAN], [2, NAN]], [("q", "a"), ("q", "b")])
    with pytest.raises(
        MenuraError, match=r"none of the pair's teachers has scored the pair \('q', 'b'\); missing: a, b"
    ):
        fit_view(view(), given)
    given = answers([[1, 2], [2, NAN]], [("q", "a"), ("q", "b")])
    with pytest.raises(MenuraError, match=r"not every teacher has scored the pair \('q', 'b'\); missing: b"):
        fit_view(view(), given)
    only_first = view(combine={"mean": {"a": 1, "b": 0}})
    np.testing.assert_allclose(scores(only_first, given), [1, 2])


def test_shapes_and_infinities_are_refused():
    with pytest.raises(MenuraError, match=r"got \[1, 2\] and \[3\]"):
        Answers(["a"], [("q", "a"), ("q", "b")], np.zeros((1, 2)), np.zeros(3))
    with pytest.raises(MenuraError, match=r"a gives the pair \('q', 'a'\) an infinite score"):
        answers([[math.inf]], [("q", "a")])


def test_labels_are_one_more_voice_of_students_only():
    settings = view(labels={"weight": 0.25, "scores": {0: -8, 1: 8}})
    given = answers([[0, 4, 2], [2, 0, 2]], [("q", "a"), ("q", "b"), ("q", "c")], [1, 0, NAN])
    np.testing.assert_allclose(scores(settings, given), [1, 2, 2])
    np.testing.assert_allclose(targets(settings, given).scores, [2.75, -0.5, 2])
    given = answers([[0]], [("q", "a")], [3])
    with pytest.raises(
        MenuraError, match=r"\('q', 'a'\) is judged 3, and view.labels.scores has no score .* knows 0, 1"
    ):
        targets(settings, given)


def test_labels_of_pairs():
    qrels = {"q": {"a": 2, "b": 0}}
    np.testing.assert_array_equal(labels_of([("q", "b"), ("r", "a"), ("q", "a"), ("q", "z")], qrels), [0, NAN, 2, NAN])


ROUTE = view(combine={"route": "query.site", "teachers": {1: "b", "heart": "a"}, "default": "c"})
FIELDS = {"query.site": {"q": "1", "r": "heart", "s": "skin"}}


def test_a_route_asks_one_teacher():
    pairs = [("q", "x"), ("r", "x"), ("s", "x"), ("t", "x")]
    chosen = route(ROUTE.combine, ["a", "b", "c"], pairs, FIELDS)
    assert chosen.tolist() == [1, 0, 2, 2]
    needed = asked(ROUTE, ["a", "b", "c"], pairs, chosen)
    assert needed.tolist() == [[False, True, False, False], [True, False, False, False], [False, False, True, True]]
    given = answers(np.where(needed, [[1.0], [2.0], [3.0]], NAN), pairs, route=chosen)
    np.testing.assert_allclose(scores(ROUTE, given), [2, 1, 3, 3])
    rescaled = ROUTE.model_copy(update={"rescale": view(rescale={"like": "a"}).rescale})
    assert asked(rescaled, ["a", "b", "c"], pairs, chosen)[0].all()


def test_a_route_by_passage():
    settings = view(combine={"route": "passage.site", "teachers": {"x": "a"}, "default": None})
    pairs = [("q", "1"), ("q", "2")]
    assert route(settings.combine, ["a"], pairs, {"passage.site": {"1": "x", "2": "x"}}).tolist() == [0, 0]
    with pytest.raises(MenuraError, match=r"the pair \('q', '2'\): the passage '2' has passage.site 'y'; .* knows 'x'"):
        route(settings.combine, ["a"], pairs, {"passage.site": {"1": "x", "2": "y"}})
    with pytest.raises(MenuraError, match=r"has passage\.site None"):
        route(settings.combine, ["a"], pairs, {"passage.site": {"1": "x"}})


def test_a_teacher_that_cannot_be_compared():
    given = answers([[1, 1], [2, 3]], [("q", "a"), ("q", "b")])
    with pytest.raises(MenuraError, match="a does not tell the 2 pairs apart"):
        fit_view(view(disagreement="pair"), given)


def world(queries=60, passages=10):
    """What is true of each pair, and its domain; pairs of a query stand together."""
    truth = RANDOM.normal(size=(queries, passages))
    pairs = [(f"q{q}", f"p{q}-{p}") for q in range(queries) for p in range(passages)]
    return pairs, truth.ravel(), np.repeat(np.arange(queries) % 2, passages)


def agreement(found, truth):
    """The mean rank correlation over queries of ten passages."""
    queries = zip(found.reshape(-1, 10), truth.reshape(-1, 10), strict=True)
    return np.mean([spearmanr(*query).statistic for query in queries])


def test_an_ensemble_beats_each_of_its_noisy_teachers():
    pairs, truth, _ = world()
    scales = np.array([[1.0], [30.0], [0.05]])
    given = answers(scales * (truth + RANDOM.normal(size=(3, len(truth)))) + [[0], [-90], [4]], pairs)
    alone = [agreement(row, truth) for row in given.logits]
    for scale in ("min_max", "z_score"):
        assert agreement(scores(view(scale=scale), given), truth) > max(alone) + 0.05
    # Raw logits are a mean of one: the loudest.
    assert agreement(scores(view(), given), truth) < max(alone) + 0.02


def test_a_route_of_specialists_beats_each_and_their_mean():
    pairs, truth, domain = world()
    noise = np.where(domain == np.array([[0], [1]]), 0.2, 3.0)
    given = answers(truth + noise * RANDOM.normal(size=(2, len(truth))), pairs)
    settings = view(combine={"route": "query.site", "teachers": {0: "a", 1: "b"}, "default": None})
    fields = {"query.site": {pair[0]: str(d) for pair, d in zip(pairs, domain, strict=True)}}
    routed = route(settings.combine, given.teachers, pairs, fields)
    found = scores(settings, Answers(given.teachers, pairs, given.logits, given.labels, routed))
    others = [agreement(row, truth) for row in given.logits] + [agreement(scores(view(), given), truth)]
    assert agreement(found, truth) > max(others) + 0.1


def test_votes_by_quality_find_the_better_teacher():
    pairs, truth, _ = world()
    labels = (truth > 1).astype(float)
    given = answers(truth + np.array([[3.0], [0.3]]) * RANDOM.normal(size=(2, len(truth))), pairs, labels)
    for quality in ("ndcg", "brier"):
        fit = fit_view(view(combine={"quality": quality}), given)
        assert fit.weights["b"] > 0.6
        assert sum(fit.weights.values()) == pytest.approx(1)
        plain = agreement(scores(view(), given), truth)
        assert agreement(scores(view(combine={"quality": quality}), given), truth) > plain


def test_pairs_that_teachers_disagree_on_count_less_because_they_are_wrong_more():
    """Weighted by disagreement, the squared error to the truth is what the weights promise: smaller."""
    pairs, truth, _ = world()
    hard = RANDOM.random(len(truth)) < 0.3
    given = answers(truth + np.where(hard, 3.0, 0.2) * RANDOM.normal(size=(4, len(truth))), pairs)
    found = targets(view(disagreement={"per": "pair", "strength": 5}), given)
    error = (found.scores - truth) ** 2
    assert np.average(error, weights=found.weights) < 0.5 * error.mean()
    assert found.weights[hard].mean() < 0.5 * found.weights[~hard].mean()
