"""Which outputs are held against each other, and which differ in their seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from menura.errors import MenuraError
from menura.evaluation.side_by_side.finished import MEASURED_ON, Finished, read_finished

__all__ = ["group_outputs"]


def group_outputs(folders: Sequence[Path], seeds: int) -> dict[str, list[Finished]]:
    """The reports of `folders` by name; every `seeds` of them in a row differ in their seed alone, and are one group.

    A group is called as its first folder, less the number at its end.

    Raises:
        MenuraError: there are fewer than two folders, one stands twice, they are no multiple of `seeds`, or not all
            were measured on the same queries, judgements and passages.
    """
    if len(folders) < 2 or len(folders) % seeds:
        wanted = "two or more" if seeds == 1 else f"a multiple of {seeds}"
        raise MenuraError(f"[compare] give {wanted} outputs; got {len(folders)}.")
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice is not None:
        raise MenuraError(f"[compare] {twice} stands twice; give it once.")
    outputs = [read_finished(folder) for folder in folders]
    for output in outputs[1:]:
        for name in MEASURED_ON:
            if output.measured_on[name] != outputs[0].measured_on[name]:
                raise MenuraError(
                    f"[compare] {output.folder} was measured on other {name} than {outputs[0].folder}; only what was "
                    "measured on the same can be compared."
                )
    groups = [outputs[start : start + seeds] for start in range(0, len(outputs), seeds)]
    return dict(zip(_names([group[0].folder for group in groups], seeds), groups, strict=True))


def _names(folders: Sequence[Path], seeds: int) -> list[str]:
    short, long = [folder.resolve().name for folder in folders], [str(folder) for folder in folders]
    choices = [short] if seeds == 1 else [[_without_number(name) for name in names] for names in (short, long)]
    return next((names for names in choices if len(set(names)) == len(names)), long)


def _without_number(name: str) -> str:
    return name.rstrip("0123456789").rstrip("_-./") or name
