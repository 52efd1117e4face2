"""From YAML to a recipe; what is wrong is told with its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from menura.errors import MenuraError
from menura.recipe.overrides import Override, override
from menura.recipe.recipe import Recipe
from menura.recipe.shipped import shipped_recipe, shipped_recipes

__all__ = ["load_recipe"]


def load_recipe(source: str | Path, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe from a YAML file, or by the name of a shipped one (``demo``).

    Args:
        settings: values that take the place of the file's, such as ``students.splade.trainer.epochs=2``.

    Raises:
        MenuraError: no such recipe, not YAML, an unknown key or a bad value: with the file and line, or the setting.
    """
    path = Path(source)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise MenuraError(f"[recipe] cannot read {path}: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise MenuraError(f"[recipe] {path} is not UTF-8 text; byte {error.start} is not.") from error
        return _parse(text, str(path), settings)
    names = shipped_recipes()
    if str(source) not in names:
        raise MenuraError(
            f"[recipe] {str(source)!r} is neither a file nor a shipped recipe; shipped are: {', '.join(names)}."
        )
    return _parse(shipped_recipe(str(source)), f"{source}.yaml", settings)


@dataclass(frozen=True)
class _Origin:
    """Where a recipe's values come from."""

    name: str
    tree: yaml.Node
    overrides: list[Override]

    def place(self, location: Sequence[int | str]) -> str:
        """``FILE:LINE``, or the setting that gave the value at `location` or made a section there."""
        keys = tuple(str(part) for part in location)
        line, found = _line_of(self.tree, location)
        for changed, _ in self.overrides:
            if keys[: len(changed)] == changed or (not found and changed[: len(keys)] == keys):
                return f"--set {'.'.join(changed)}"
        return f"{self.name}:{line}"


def _parse(text: str, name: str, settings: Sequence[str]) -> Recipe:
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
    origin = _Origin(name, tree, override(values, settings, name))
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        problems = [_explain(problem, origin) for problem in error.errors()]
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


def _explain(problem: Any, origin: _Origin) -> str:
    if problem["type"] == "recipe":
        location = problem["ctx"]["location"]
        where = f" {'.'.join(location)}:" if location else ""
        return f"{origin.place(location)}:{where} {problem['msg']}."
    keys = ".".join(str(part) for part in problem["loc"])
    place = origin.place(problem["loc"])
    if problem["type"] == "extra_forbidden":
        section = _section_at(problem["loc"][:-1])
        fields = section.model_fields.items() if section else ()
        known = ", ".join(field.alias or name for name, field in fields)
        return f"{place}: unknown key {keys!r}; known here: {known}."
    if problem["type"] == "missing":
        return f"{place}: {keys!r} is missing."
    return f"{place}: {keys} = {problem['input']!r}: {problem['msg'].removeprefix('Value error, ')}."


def _line_of(node: yaml.Node, location: Sequence[int | str]) -> tuple[int, bool]:
    """The line on which the value at `location` stands, or the nearest one above it; and whether it stands there."""
    line = node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                return line, False
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line, True


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
