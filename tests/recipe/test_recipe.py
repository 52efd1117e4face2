"""Recipes: what is wrong with one is said with its file and line."""

from __future__ import annotations

import pytest

from menura import MenuraError
from menura.recipe import load_recipe, shipped_recipes

BASE = "name: tiny\nteacher:\n  model: some/teacher\nstudents: {}\n"


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "recipe.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def failure(path):
    with pytest.raises(MenuraError) as caught:
        load_recipe(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_shipped_demo_loads():
    recipe = load_recipe("demo")
    assert recipe.name == "demo"
    assert recipe.students.colbert is not None
    assert recipe.students.splade is not None


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_loads_and_says_what_it_is_for(name):
    assert load_recipe(name).name == name
    assert len(shipped_recipes()[name]) > 20


SPLADE = "name: x\nteacher: {model: m}\nstudents:\n  splade:\n    model: m\n"


def test_a_shipped_budget():
    splade = load_recipe("splade_budget").students.splade
    assert splade.budgets == {"documents": 50, "queries": 16}
    assert splade.penalties("documents").flops.estimator == "unbiased"


def test_penalties_are_those_given_or_the_usual_ones(written):
    penalties = "    regularizers: {queries: {l1: {weight: 0.1}, anti_zero: {}}}\n"
    splade = load_recipe(written(SPLADE + penalties)).students.splade
    assert (splade.penalties("queries").l1.weight, splade.penalties("queries").flops) == (0.1, None)
    assert (splade.penalties("documents").flops.weight, splade.penalties("documents").flops.estimator) == (1e-3, "mean")
    report_only = load_recipe(written(SPLADE + "    budget: {documents: 9, hold: false}\n")).students.splade
    assert report_only.budgets == {}
    assert report_only.penalties("documents").flops.estimator == "mean"


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("budget: {}", "give a number for documents, for queries or for both"),
        ("budget: {documents: 0}", ":6: students.splade.budget.documents = 0: "),
        (
            "budget: {passages: 9}",
            "unknown key 'students.splade.budget.passages'; known here: documents, queries, hold",
        ),
        ("regularizers: {documents: {l2: {}}}", "known here: flops, df_flops, l1, anti_zero"),
        (
            "budget: {queries: 9}\n    regularizers: {queries: {anti_zero: {}}}",
            "the budget of queries has no penalty to find a weight for: flops, df_flops or l1",
        ),
        (
            "budget: {queries: 9}\n    trainer: {batch_size: 1}",
            "unbiased FLOPS of queries need a trainer.batch_size of 2 or more, or estimator: mean",
        ),
    ],
)
def test_sparsity_that_cannot_be(written, extra, expected):
    assert expected in failure(written(f"{SPLADE}    {extra}\n"))


def test_a_folder_of_that_name_does_not_hide_it(tmp_path, monkeypatch):
    (tmp_path / "demo").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_recipe("demo").name == "demo"


def test_what_is_left_out_has_a_default(written):
    recipe = load_recipe(written(BASE))
    assert (recipe.seed, recipe.mining.depth, recipe.students.colbert) == (42, 50, None)


def test_a_misspelt_key_names_file_line_and_known_keys(written):
    path = written(BASE + "colection:\n  source: docstrings\n")
    message = failure(path)
    assert f"{path}:5: unknown key 'colection'; known here: name, seed, collection, mining" in message


def test_a_misspelt_key_deep_inside(written):
    text = BASE.replace("some/teacher", "some/teacher\n  finetune:\n    trainer:\n      learning_rte: 1")
    message = failure(written(text))
    assert ":6: unknown key 'teacher.finetune.trainer.learning_rte'; known here: epochs, max_steps" in message


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("mining:\n  depth: 0\n", ":6: mining.depth = 0: "),
        ("mining:\n  miners:\n  - bm25\n  - dens\n", ":8: mining.miners.1 = 'dens': "),
        ("seed: many\n", ":5: seed = 'many': "),
        ("evaluation:\n", ":5: evaluation = None: "),
        ("evaluation:\n  depth: 99\n", ":6: evaluation.depth = 99: Recall@100 looks at 100 passages of a query"),
        (
            "evaluation:\n  rerank_depth: 121\n  depth: 120\n",
            ":6: evaluation.rerank_depth = 121: only depth = 120 passages are searched for",
        ),
        ("evaluation:\n  rerank_depth: 101\n", ":6: evaluation.rerank_depth = 101: only depth = 100 passages"),
        ("mining:\n  filter: {judge: teacher, relative_margin: 0.1}\n", "0.1}: a teacher's logits have no zero"),
        ("mining:\n  filter: {judge: bm25}\n", ":6: mining.filter = {'judge': 'bm25'}: give max_score"),
        ("mining:\n  depth: 5\n  range_min: 5\n", "range_min 5 leaves nothing of depth 5."),
        ("rounds:\n  count: 0\n", ":6: rounds.count = 0: "),
        ("rounds:\n  miners: []\n", ":6: rounds.miners = []: "),
    ],
)
def test_a_bad_value_names_its_line(written, extra, expected):
    assert expected in failure(written(BASE + extra))


def test_as_many_as_are_searched_for_can_be_reranked(written):
    evaluation = load_recipe(written(BASE + "evaluation:\n  depth: 120\n  rerank_depth: 120\n")).evaluation
    assert (evaluation.depth, evaluation.rerank_depth) == (120, 120)


def test_a_missing_key_is_named(written):
    assert "'name' is missing" in failure(written("teacher: {model: m}\nstudents: {}\n"))
    assert "there is no teacher; add teacher" in failure(written("name: x\nstudents: {}\n"))


STUDENT = "students:\n  colbert:\n    model: m\n"


def test_students_that_need_no_logits_need_no_teacher(written):
    recipe = load_recipe(written("name: x\n" + STUDENT + "    objectives: {contrastive: {}, constant_margin: {}}\n"))
    assert recipe.all_teachers == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (STUDENT, ":3: students.colbert.objectives.margin_mse: there is no teacher to learn from; add teacher, or"),
        (
            STUDENT + "    objectives:\n      contrastive: {}\n      ranknet: {}\n",
            ":7: students.colbert.objectives.ranknet: there is no teacher to learn from",
        ),
        (
            "students:\n  splade: {model: m}\n",
            ":3: students.splade.objectives.pointwise_mse: there is no teacher to learn from",
        ),
        (
            STUDENT + "    objectives: {contrastive: {}}\n    calibrate: true\n",
            ":6: students.colbert.calibrate: there is no teacher whose margins could be scaled",
        ),
        (
            STUDENT + "    objectives: {contrastive: {}}\nview: {}\n",
            ":6: view: there is no teacher whose scores it could see",
        ),
        (
            STUDENT + "    objectives: {contrastive: {}}\nmining: {filter: {judge: teacher, margin: 1}}\n",
            ":6: mining.filter.judge: there is no teacher to judge",
        ),
    ],
)
def test_what_only_a_teacher_makes_possible(written, text, expected):
    assert expected in failure(written("name: x\n" + text))


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("ranknet: {temperature: 0}", "temperature = 0: "),
        ("kl_divergence: {teacher_normalization: minmax}", "teacher_normalization = 'minmax': "),
        ("kl_divergence: {temperature: 1}", "unknown key"),
        ("contrastive: {temperature: .inf}", "temperature = inf: "),
        ("constant_margin: {margin: -1}", "margin = -1: "),
        ("pointwise_mse: {calibration_learning_rate: 0.1}", "belongs to learn_calibration: true"),
        ("margin_mse: null", "choose at least one of margin_mse, pointwise_mse, ranknet"),
    ],
)
def test_an_objective_that_cannot_be(written, objective, expected):
    text = BASE.replace("students: {}\n", STUDENT + f"    objectives:\n      {objective}\n")
    assert expected in failure(written(text))


def test_a_training_list_has_one_round(written):
    content = BASE + "mining:\n  training_list: {format: gpl, source: x}\nrounds:\n  count: 2\n"
    assert ":8: rounds.count: a training list is not mined" in failure(written(content))


TOGETHER = BASE.replace("{}", "\n  colbert: {model: m}\n  splade: {model: m}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BASE, ":5: joint: two students teach each other; add students.colbert and students.splade"),
        (
            TOGETHER.replace("splade: {model: m}", "splade: {model: m, negatives: 5}"),
            "negatives must be one for both",
        ),
        (
            TOGETHER.replace("splade: {model: m}", "splade: {model: m, trainer: {batch_size: 8}}"),
            ":7: joint: both students see the same batches, so trainer.batch_size must be one for both; "
            "got 16 for colbert and 8 for splade.",
        ),
        (TOGETHER + "joint: {start: 1}\n", "unknown key 'joint.start'; known here: peer, ensemble, temp"),
        (TOGETHER + "joint: {temperature: 0}\n", "joint = {'temperature': 0}: a temperature must be greater than 0."),
        (TOGETHER + "joint: {peer: {colbert: -1, splade: 1}}\n", ":7: joint.peer.colbert = -1: "),
    ],
)
def test_students_that_cannot_teach_each_other(written, text, expected):
    assert expected in failure(written(text if "joint" in text else text + "joint: {}\n"))


def test_students_that_teach_each_other_have_their_own_learning_rates(written):
    text = TOGETHER.replace("splade: {model: m}", "splade: {model: m, trainer: {learning_rate: 1.0e-3}}")
    joint = load_recipe(written(text + "joint: {peer: 2, ensemble: {colbert: 0, splade: 3}}\n")).joint
    assert (joint.peer.both, joint.ensemble.both, joint.temperature.both) == ((2, 2), (0, 3), (1, 1))


def test_every_problem_is_told_at_once(written):
    message = failure(written(BASE + "sead: 1\nmining:\n  depth: 0\n"))
    assert "sead" in message
    assert "mining.depth" in message


def test_a_key_that_stands_twice_is_not_overwritten_silently(written):
    assert ":5: 'seed' stands twice; first on line 1." in failure(
        written("seed: 1\n" + BASE.removesuffix("students: {}\n") + "seed: 2\n")
    )
    assert ":7: 'depth' stands twice; first on line 6." in failure(written(BASE + "mining:\n  depth: 1\n  depth: 2\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [1\n", "not valid YAML"),
        ("", "expected keys and values, got NoneType"),
        ("- a\n- b\n", "expected keys and values, got list"),
        (b"name: \xff\xfe\n", "is not UTF-8 text; byte 6 is not"),
    ],
)
def test_what_is_no_recipe(written, text, expected):
    assert expected in failure(written(text))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("dmo", "'dmo' is neither a file nor a shipped recipe; shipped are: constant_margin, "),
        ("missing.yaml", "cannot read missing.yaml: No such file"),
    ],
)
def test_a_recipe_that_is_not_there(source, expected):
    assert expected in failure(source)


def test_adapters_and_accumulation(written):
    recipe = load_recipe("large_batches")
    assert recipe.students.colbert.lora.rank == 16
    assert recipe.students.splade.lora is None
    assert recipe.students.splade.trainer.accumulation == 8
    start = "name: tiny\nteacher:\n  model: some/teacher\nstudents:\n  splade:\n    model: m\n    "
    for text, told in {
        "lora: {rank: 0}": "students.splade.lora.rank = 0",
        "lora: {r: 8}": "unknown key 'students.splade.lora.r'; known here: rank, alpha, target_modules",
        "mini_batch_size: 0": "students.splade.mini_batch_size = 0",
        "trainer: {accumulation: 0}": "students.splade.trainer.accumulation = 0",
        "trainer: {accumulation: 2}\n    objectives: {sim_cse: {}}": ":8: students.splade.objectives.sim_cse: it sends",
        "mini_batch_size: 8\n    objectives: {masked_words: {}}": ":8: students.splade.objectives.masked_words: ",
    }.items():
        assert told in failure(written(start + text + "\n"))
