"""A recipe: one YAML file that says how a teacher is distilled into its students.

Every section configures one room; the rooms take their section as an argument and know nothing of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from menura.errors import MenuraError
from menura.section import Section, check_field
from menura.view_settings import ViewSettings

__all__ = [
    "CausalLmSettings",
    "ColbertSettings",
    "CollectionSettings",
    "EvaluationSettings",
    "FilterSettings",
    "FinetuneSettings",
    "FunctionSettings",
    "Head",
    "MiningSettings",
    "Recipe",
    "RoundsSettings",
    "Sampling",
    "SpladeSettings",
    "StudentsSettings",
    "TeacherSettings",
    "TrainerSettings",
    "TrainingListSettings",
    "ViewSettings",
    "load_recipe",
]

Head = Literal["classification", "token_matching"]
Sampling = Literal["top", "random"]
TeacherName = Annotated[str, Field(pattern=r"^[\w-]+$")]  # it names a folder as well


class CollectionSettings(Section):
    """Which passages, queries and judgements.

    `source` is ``docstrings``, the path of a folder (BEIR's or MS MARCO's files, or tables of texts), a hub data set
    with BEIR's three configurations, ``tables:NAME`` of the hub or ``ir_datasets:NAME``.
    `docstring_words` cuts the passages of ``docstrings`` after so many words. `id_fields` are read off an id, for
    collections that tell a domain there: ``query.NAME`` or ``passage.NAME`` is what the first group of the regular
    expression matches, or all of it.
    """

    source: str = "docstrings"
    id_fields: dict[str, str] = Field(default_factory=dict)
    docstring_words: int | None = Field(default=None, ge=20)
    max_passages: int | None = Field(default=None, ge=1)
    max_train_queries: int | None = Field(default=None, ge=1)
    max_test_queries: int | None = Field(default=None, ge=1)

    @field_validator("id_fields")
    @classmethod
    def _check_id_fields(cls, value: dict[str, str]) -> dict[str, str]:
        for name, pattern in value.items():
            check_field(name)
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        return value


class TrainingListSettings(Section):
    """Positives and negatives from a file, a folder or a hub data set, in place of mining.

    `format` is one of `menura formats` whose files name ids.
    """

    format: str
    source: str


class FilterSettings(Section):
    """Which mined passages are taken for positives nobody marked, and dropped (arXiv 2407.15831).

    A `judge` scores a query's positives and what was mined. A passage goes where its score is above `max_score`, above
    the positive's less `margin`, or above the positive's less the share `relative_margin` of its absolute value (0.05:
    above 95 % of it; "TopK-PercPos"); or where it is below `min_score`. Of several positives the ``weakest`` counts,
    the ``strongest``, or their ``mean``.

    The judge is a miner, whether it mines or not, or the ``teacher``, which drops what was mined after it has scored
    it; its logits have no natural zero, so that a relative margin means nothing there. A student judges from the second
    round on. None: the dense miner where it mines, else nobody.
    """

    judge: Literal["bm25", "dense", "colbert", "splade", "teacher"] | None = None
    positive: Literal["weakest", "mean", "strongest"] = "weakest"
    max_score: float | None = None
    min_score: float | None = None
    margin: float | None = None
    relative_margin: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _can_drop(self) -> FilterSettings:
        if {self.max_score, self.min_score, self.margin, self.relative_margin} == {None}:
            raise ValueError("give max_score, min_score, margin or relative_margin; without a filter write null")
        if self.judge == "teacher" and self.relative_margin is not None:
            raise ValueError("a teacher's logits have no zero for a relative_margin to be relative to; give a margin")
        return self


class MiningSettings(Section):
    """Negatives: from each miner the ranks after `range_min` up to `depth`, `negatives` of them per query.

    The miners take turns, in the order given: the best of each, then the second of each; ``random`` `sampling` draws
    from their ranks instead. The miner ``random`` shows what hard negatives never do, a passage about something else:
    without it students drift away from what they knew.
    `pool` is where they come from: the whole ``corpus``, or the passages that are relevant to some query of the
    ``split``. In a small collection the former teaches that the passages of held-out queries never answer anything.
    `filter` drops likely false negatives; null: none is dropped.
    Embeddings of the dense miner are kept in the folder `cache` (None: in the output folder) for the next time, in
    `embedding_dtype`; beyond `cache_gb` those of other models go, the longest unused first.
    A `training_list` is taken as it is; then nothing is mined.
    """

    miners: list[Literal["bm25", "dense", "random"]] = Field(default=["bm25", "dense"], min_length=1)
    dense_model: str | None = None
    depth: int = Field(default=50, ge=1)
    range_min: int = Field(default=0, ge=0)
    sampling: Sampling = "top"
    negatives: int = Field(default=7, ge=1)
    pool: Literal["corpus", "split"] = "corpus"
    filter: FilterSettings | None = FilterSettings(relative_margin=0.05)
    training_list: TrainingListSettings | None = None
    max_length: int | None = Field(default=None, ge=8)
    batch_size: int = Field(default=64, ge=1)
    bf16: bool = False
    embedding_dtype: Literal["float16", "float32"] = "float32"
    cache: str | None = None
    cache_gb: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _has_ranks(self) -> MiningSettings:
        if self.range_min >= self.depth:
            raise ValueError(f"range_min {self.range_min} leaves nothing of depth {self.depth}")
        return self


class RoundsSettings(Section):
    """Mining, annotating and training `count` times: from the second round on the students mine as well.

    `miners` are the students that do (None: all of the recipe), beside the miners of `MiningSettings`; the teacher is
    asked only for pairs that are new. Students `start` anew from their ``initial`` model, or go on from the
    ``previous`` round's, as in ANCE (arXiv 2007.00808).
    """

    count: int = Field(default=1, ge=1)
    miners: list[Literal["colbert", "splade"]] | None = Field(default=None, min_length=1)
    start: Literal["initial", "previous"] = "initial"


class TrainerSettings(Section):
    """What the sentence-transformers trainer needs to know."""

    epochs: float = Field(default=1.0, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=2e-5, gt=0)
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    bf16: bool = False
    logging_steps: int = Field(default=10, ge=1)
    save_steps: int | None = Field(default=None, ge=1)


class FinetuneSettings(Section):
    """Fine-tune the teacher on the training queries: each positive against some of its mined negatives.

    `head` is what a checkpoint without a head gets: a ``classification`` head as everywhere, or ``token_matching``,
    which a bi-encoder learns sooner; see `menura.teachers.TokenMatching`. `where` keeps the queries whose fields have
    one of the values (``{query.site: [cancer, heart]}``), so that a teacher becomes a specialist.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)  # domains are often numbers

    head: Head = "classification"
    where: dict[str, list[str]] = Field(default_factory=dict)
    queries: int | None = Field(default=None, ge=1)
    negatives: int = Field(default=3, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    trainer: TrainerSettings = TrainerSettings(learning_rate=5e-5)

    @field_validator("where")
    @classmethod
    def _check_where(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for name in value:
            check_field(name, sides=("query",))
        return value


class CausalLmSettings(Section):
    """The model is a language model that is asked about a pair; it scores `logit(yes) - logit(no)`.

    `template` holds ``{query}``, ``{passage}`` and, where there is one, ``{instruction}``; with `chat` it is what the
    user says in the tokenizer's chat template. `yes` and `no` are one token each; without `no` (``null``) the logit of
    `yes` counts alone. `max_length` of the teacher covers the whole prompt; only the passage is cut.
    """

    template: str
    yes: str = "yes"
    no: str | None = "no"
    instruction: str | None = None
    chat: bool = False


class FunctionSettings(Section):
    """A Python function, ``package.module:function``, from a list of (query, passage) texts to their scores.

    The scores it has given are those of its `version`; change it with whatever changes a score.
    """

    name: str = Field(pattern=r"^\w+(\.\w+)*:\w+$")
    version: str = Field(coerce_numbers_to_str=True)


class TeacherSettings(Section):
    """Who answers: a cross-encoder with one label, used as it is unless there is `finetune`.

    Or `model` is a language model, asked as `causal_lm` says; or a `function` takes its place.
    `batch_tokens` None: 2,048 on a CPU, 32,768 on a GPU.
    """

    model: str | None = None
    max_length: int = Field(default=256, ge=8)
    bf16: bool = False
    batch_tokens: int | None = Field(default=None, ge=1)
    finetune: FinetuneSettings | None = None
    causal_lm: CausalLmSettings | None = None
    function: FunctionSettings | None = None

    @model_validator(mode="after")
    def _is_one_teacher(self) -> TeacherSettings:
        if (self.model is None) == (self.function is None):
            raise ValueError("a teacher is either a model or a function")
        chosen = [name for name in ("finetune", "causal_lm", "function") if getattr(self, name) is not None]
        if len(chosen) > 1:
            raise ValueError(f"{' and '.join(chosen)} exclude each other")
        return self

    @property
    def source(self) -> str:
        """The model's reference, or the function's name."""
        return str(self.model) if self.function is None else self.function.name


class ColbertSettings(Section):
    """A ColBERT student, trained pairwise: its MaxSim margins must match the teacher's (arXiv 2010.02666).

    `layers` keeps only the encoder's first layers. `calibrate` scales the teacher's margins to the spread of the
    starting student's, whose similarities are bounded. `projection_learning_rate` (None: the trainer's) is for the
    projection to `dimension`, drawn at random above an encoder that knows much already. `dropout` None: its own.
    """

    model: str
    dimension: int = Field(default=128, ge=1)
    layers: int | None = Field(default=None, ge=1)
    query_length: int = Field(default=32, ge=4)
    document_length: int = Field(default=180, ge=4)
    negatives: int = Field(default=2, ge=1)
    pairs: Literal["positive", "all"] = "positive"
    calibrate: bool = False
    projection_learning_rate: float | None = Field(default=None, gt=0)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    trainer: TrainerSettings = TrainerSettings()


class SpladeSettings(Section):
    """A SPLADE student: its dot product must match the teacher's score; a FLOPS penalty keeps it sparse.

    The penalty's weights grow quadratically from zero over the first `regularizer_warmup` of the steps. `dropout` None:
    the model's own.
    """

    model: str
    max_length: int = Field(default=256, ge=4)
    negatives: int = Field(default=2, ge=1)
    query_regularizer: float = Field(default=1e-3, ge=0)
    document_regularizer: float = Field(default=1e-3, ge=0)
    regularizer_warmup: float = Field(default=1 / 3, ge=0, le=1)
    document_budget: int = Field(default=200, ge=1)
    dropout: float | None = Field(default=None, ge=0, lt=1)
    trainer: TrainerSettings = TrainerSettings()


class StudentsSettings(Section):
    """Which students to train; at least one."""

    colbert: ColbertSettings | None = None
    splade: SpladeSettings | None = None


class EvaluationSettings(Section):
    """Exact search over the whole corpus for the held-out queries of `split`."""

    split: str = "test"
    depth: int = Field(default=100, ge=1)
    rerank_depth: int = Field(default=100, ge=1)
    batch_size: int = Field(default=64, ge=1)
    bf16: bool = False


class Recipe(Section):
    """One way to distil, whole: one `teacher`, or several `teachers` by name and a `view` of their scores.

    `answer_key` is a folder or the URI of an object store where scores are kept, for several recipes or machines; None:
    in the output folder.
    """

    name: str
    seed: int = 42
    collection: CollectionSettings = CollectionSettings()
    mining: MiningSettings = MiningSettings()
    teacher: TeacherSettings | None = None
    teachers: dict[TeacherName, TeacherSettings] = Field(default_factory=dict)
    view: ViewSettings | None = None
    answer_key: str | None = None
    students: StudentsSettings
    rounds: RoundsSettings = RoundsSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @property
    def all_teachers(self) -> dict[str, TeacherSettings]:
        """Every teacher by its name; a single one is called ``teacher``."""
        return self.teachers if self.teacher is None else {"teacher": self.teacher}

    @property
    def fields(self) -> list[str]:
        """The fields of queries and passages that a route or a teacher's `where` asks for."""
        asked = [name for teacher in self.all_teachers.values() if teacher.finetune for name in teacher.finetune.where]
        if self.view is not None and self.view.combine.route is not None:
            asked.append(self.view.combine.route)
        return sorted(set(asked))

    @model_validator(mode="after")
    def _check_teachers(self) -> Recipe:
        for location, message in self._problems():
            # The location is for `_explain`, which looks up the line.
            raise PydanticCustomError("recipe", "{message}", {"message": message, "location": location})
        return self

    def _problems(self) -> Iterator[tuple[tuple[str, ...], str]]:
        names = list(self.all_teachers)
        if len(names) > 1 and self.mining.filter is not None and self.mining.filter.judge == "teacher":
            yield ("mining", "filter", "judge"), "a teacher judges where there is one; name a miner"
        if not names:
            yield (), "there is no teacher; add teacher, or several under teachers"
        elif self.teacher is not None and self.teachers:
            yield ("teacher",), "teacher is for one and teachers for several; keep one of the two"
        elif self.view is not None:
            yield from ((("view", *location), message) for location, message in self.view.problems(names))
        elif len(names) > 1:
            like = f"view: {{scale: min_max, combine: mean, rescale: {{like: {names[0]}}}}}"
            yield ("teachers",), f"several teachers need a view that makes one score of theirs; for example {like}"


def load_recipe(source: str | Path) -> Recipe:
    """Read a recipe from a YAML file, or by the name of a shipped one (``demo``).

    Raises:
        MenuraError: no such recipe, not YAML, an unknown key or a bad value: with the file and the line.
    """
    path = Path(source)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise MenuraError(f"[recipe] cannot read {path}: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise MenuraError(f"[recipe] {path} is not UTF-8 text; byte {error.start} is not.") from error
        name = str(path)
    else:
        shipped = resources.files("menura.recipes")
        names = sorted(entry.name.removesuffix(".yaml") for entry in shipped.iterdir() if entry.name.endswith(".yaml"))
        if str(source) not in names:
            raise MenuraError(
                f"[recipe] {str(source)!r} is neither a file nor a shipped recipe; shipped are: {', '.join(names)}."
            )
        name = f"{source}.yaml"
        text = (shipped / name).read_text(encoding="utf-8")
    return _parse(text, name)


def _parse(text: str, name: str) -> Recipe:
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise MenuraError(f"[recipe] {where}: not valid YAML: {getattr(error, 'problem', error)}.") from error
    if tree is None or not isinstance(values, dict):
        raise MenuraError(f"[recipe] {name}: expected keys and values, got {type(values).__name__}.")
    _check_keys_are_unique(tree, name)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        problems = [_explain(problem, tree, name) for problem in error.errors()]
        raise MenuraError("[recipe] " + " ".join(problems)) from error


def _check_keys_are_unique(node: yaml.Node, name: str) -> None:
    # YAML's loader lets the last one win, silently.
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise MenuraError(
                    f"[recipe] {name}:{line}: {key.value!r} stands twice; first on line {seen[key.value]}."
                )
            seen[key.value] = line
            _check_keys_are_unique(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys_are_unique(value, name)


def _explain(problem: Any, tree: yaml.Node, name: str) -> str:
    if problem["type"] == "recipe":
        location = problem["ctx"]["location"]
        where = f" {'.'.join(location)}:" if location else ""
        return f"{name}:{_line_of(tree, location)}:{where} {problem['msg']}."
    keys = ".".join(str(part) for part in problem["loc"])
    line = _line_of(tree, problem["loc"])
    if problem["type"] == "extra_forbidden":
        section = _section_at(problem["loc"][:-1])
        known = ", ".join(section.model_fields) if section else ""
        return f"{name}:{line}: unknown key {keys!r}; known here: {known}."
    if problem["type"] == "missing":
        return f"{name}:{line}: {keys!r} is missing."
    return f"{name}:{line}: {keys} = {problem['input']!r}: {problem['msg'].removeprefix('Value error, ')}."


def _line_of(node: yaml.Node, location: tuple[int | str, ...]) -> int:
    """The line on which the value at `location` stands, or the nearest one above it."""
    line = node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                return line
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _section_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    annotation: Any = Recipe
    for part in location:
        if get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
            continue
        section = _section_of(annotation)
        if section is None or str(part) not in section.model_fields:
            return None
        annotation = section.model_fields[str(part)].annotation
    return _section_of(annotation)


def _section_of(annotation: Any) -> type[BaseModel] | None:
    options = get_args(annotation) or (annotation,)
    return next((option for option in options if isinstance(option, type) and issubclass(option, BaseModel)), None)
