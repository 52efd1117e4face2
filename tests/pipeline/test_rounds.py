"""Rounds: the students of one mine for the next, and the teacher is asked for nothing twice."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.mining import Candidates
from menura.pipeline import Pipeline, evaluate, pipeline, student, teaching
from menura.recipe import Recipe
from menura.students import save_student
from menura.teachers import CrossEncoderTeacher
from tiny import tiny_beir, tiny_cross_encoder, tiny_encoder, tiny_masked_lm

TRAINER = {"max_steps": 3, "batch_size": 4, "learning_rate": 1e-2}
MINING = {"miners": ["bm25"], "depth": 8, "negatives": 6, "filter": None}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    return {
        "name": "tiny",
        "collection": {"source": str(tiny_beir(folder / "beir"))},
        "mining": MINING,
        "teacher": {"model": tiny_cross_encoder(folder / "teacher"), "max_length": 64},
        "students": {
            "colbert": {"model": tiny_encoder(folder / "encoder"), "dimension": 16, "trainer": TRAINER},
            "splade": {"model": tiny_masked_lm(folder / "lm"), "trainer": TRAINER},
        },
        "rounds": {"count": 2},
        "evaluation": {"rerank_depth": 1},
    }


def recipe(base, **sections):
    return Recipe.model_validate({**base, **sections})


@pytest.fixture(scope="module")
def asked():
    """What the teacher is asked, pair by pair, of texts."""
    pairs = []
    score = CrossEncoderTeacher.score

    def recorded(self, chunk):
        pairs.extend(chunk)
        return score(self, chunk)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(CrossEncoderTeacher, "score", recorded)
        yield pairs


@pytest.fixture(scope="module")
def finished(base, asked, tmp_path_factory):
    output = tmp_path_factory.mktemp("output")
    report = evaluate(Pipeline(recipe(base), output))
    return output, report, list(asked)


@pytest.fixture
def untrained(monkeypatch):
    """Students are saved as they are built; returns which models they were built from."""
    began = []

    def saved(model, settings, examples, *, output, seed):
        began.append(settings.model)
        save_student(model, output)

    monkeypatch.setattr(student, "train_splade", saved)
    return began


def finders(candidates):
    return set(candidates.finders()["miner"].to_pylist())


def test_every_round_has_its_folders_and_rows(finished):
    output, report, _ = finished
    for folder in (output, output / "round_2"):
        assert (folder / "candidates" / "candidates.parquet").is_file()
        assert all((folder / student / "model.safetensors").is_file() for student in ("colbert", "splade"))
    students = [row.system for row in report.rows if row.start]
    assert students == [f"{name} distilled, round {turn}" for name in ("ColBERT", "SPLADE") for turn in (1, 2)]


def test_the_students_mine_beside_the_others(finished, base):
    output, *_ = finished
    run = Pipeline(recipe(base), output)
    assert finders(run.mined(1)) == {"bm25"}
    assert finders(run.mined(2)) == {"bm25", "colbert", "splade"}
    assert set(run.mined(2).table["origin"].to_pylist()) == {"positive", "bm25", "colbert", "splade"}


def test_the_teacher_is_asked_only_for_new_pairs(finished, base):
    output, _, asked = finished
    run = Pipeline(recipe(base), output)
    texts = [
        {(run.collection.queries[q], run.collection.corpus[p]) for q, p in run.mined(turn).pairs()} for turn in (1, 2)
    ]
    trained_on = {run.collection.queries[q] for q in run.collection.qrels["train"]}
    scored = [pair for pair in asked if pair[0] in trained_on]
    assert set(scored) == texts[0] | texts[1]
    assert len(scored) == len(set(scored)) > len(texts[0])
    assert texts[0] & texts[1]


def test_another_run_does_nothing_again(finished, base, asked, monkeypatch):
    output, report, _ = finished

    def refuse(*_, **__):
        raise AssertionError("done again")

    monkeypatch.setattr(pipeline, "mine", refuse)
    for step in ("train_colbert", "train_splade"):
        monkeypatch.setattr(student, step, refuse)
    before = len(asked)
    again = evaluate(Pipeline(recipe(base), output))
    assert [row.scores for row in again.rows] == [row.scores for row in report.rows]
    assert len(asked) == before
    # One more round is one more round.
    with pytest.raises(AssertionError, match="done again"):
        Pipeline(recipe(base, rounds={"count": 3}), output).train("splade")
    assert (output / "round_2" / "splade" / "model.safetensors").is_file()


def test_a_run_cut_short_goes_on_to_the_same_end(finished, base, tmp_path, monkeypatch):
    output, *_ = finished
    mine = pipeline.mine

    def killed(*arguments, **options):
        if options["miners"]:
            raise KeyboardInterrupt
        return mine(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "mine", killed)
        with pytest.raises(KeyboardInterrupt):
            Pipeline(recipe(base), tmp_path).train("splade")
    resumed, whole = Pipeline(recipe(base), tmp_path), Pipeline(recipe(base), output)
    resumed.train("splade")
    assert resumed.mined(2) == whole.mined(2)
    weights = "round_2/splade/model.safetensors"
    assert (tmp_path / weights).read_bytes() == (output / weights).read_bytes()


def test_which_students_mine_is_a_setting(base, tmp_path, untrained):
    run = Pipeline(recipe(base, rounds={"count": 2, "miners": ["splade"]}), tmp_path)
    assert finders(run.mined(2)) == {"bm25", "splade"}
    assert not (tmp_path / "colbert").exists()
    lacking = {**base["students"], "colbert": None}
    broken = recipe(base, students=lacking, rounds={"count": 2, "miners": ["colbert"]})
    with pytest.raises(MenuraError, match=r"no students\.colbert; it has: splade"):
        Pipeline(broken, tmp_path).train("splade")


@pytest.mark.parametrize("start", ["initial", "previous"])
def test_where_a_later_round_starts_from(base, tmp_path, untrained, start):
    rounds = {"count": 2, "miners": ["splade"], "start": start}
    Pipeline(recipe(base, rounds=rounds), tmp_path).train("splade")
    initial = base["students"]["splade"]["model"]
    assert untrained == [initial, str(tmp_path / "splade") if start == "previous" else initial]


def test_the_teacher_drops_what_it_takes_for_a_positive(base, tmp_path, monkeypatch, untrained):
    mining = {**MINING, "filter": {"judge": "teacher", "margin": 0.0}}
    run = Pipeline(recipe(base, mining=mining, rounds={"count": 2, "miners": ["splade"]}), tmp_path)
    built = []
    build = teaching.build_examples

    def recorded(candidates, *arguments, **options):
        built.append(candidates)
        return build(candidates, *arguments, **options)

    monkeypatch.setattr(teaching, "build_examples", recorded)
    run.train("splade")
    for turn, candidates, folder in zip((1, 2), built, (tmp_path, tmp_path / "round_2"), strict=True):
        logits = run.panel.scores(run.mined(turn).pairs())
        kept = {(q, p) for q, (positives, mined) in candidates.items() for p in mined for best in positives
                if logits[q, p] <= logits[q, best]}  # fmt: skip
        assert kept == {(q, p) for q, (_, mined) in candidates.items() for p in mined}
        assert 0 < len(kept) < sum(len(mined) for _, mined in run.mined(turn).by_query().values())
        written = Candidates.read(folder / "candidates" / "trusted" / "candidates.parquet")
        assert written.by_query() == candidates
        assert written.drop_counts()["above limit"] >= run.mined(turn).table.num_rows - written.table.num_rows > 0
    # What was scored in the first round is left out before the second is chosen.
    assert run.mined(1).drop_counts() == {}
    assert run.mined(2).drop_counts()["above limit"] > 0


def test_a_student_judges_from_the_second_round_on(base, tmp_path, caplog, untrained):
    mining = {**MINING, "filter": {"judge": "splade", "margin": 0.0}}
    run = Pipeline(recipe(base, mining=mining, rounds={"count": 2, "miners": ["splade"]}), tmp_path)
    assert run.mined(1).drop_counts() == {}
    assert "splade, their judge, does not mine here" in caplog.text
    assert run.mined(2).drop_counts()["above limit"] > 0
