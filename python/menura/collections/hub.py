"""Hub data sets in BEIR's layout: the configurations `corpus`, `queries`, and the judgements."""

from __future__ import annotations

from typing import Any

from menura.collections.beir import join_title
from menura.collections.collection import Collection, Qrels
from menura.errors import MenuraError

__all__ = ["read_hub"]


def read_hub(name: str) -> Collection:
    """Read `corpus {_id, title, text}`, `queries {_id, text}` and the judgements `{query-id, corpus-id, score}`.

    The judgements are looked for in `name` itself (configuration ``qrels`` or ``default``) and in ``name-qrels``.
    Ids of any type become strings, on both sides.

    Raises:
        MenuraError: the data set cannot be loaded; or see `Collection`.
    """
    corpus = {str(row["_id"]): join_title(row.get("title"), row["text"]) for row in _rows(name, "corpus")}
    queries = {str(row["_id"]): row["text"] for row in _rows(name, "queries")}
    return Collection(name, corpus, queries, _read_qrels(name))


def _read_qrels(name: str) -> dict[str, Qrels]:
    problems = []
    for dataset, configuration in ((name, "qrels"), (name, "default"), (f"{name}-qrels", "default")):
        try:
            splits = _load(dataset, configuration)
        except MenuraError as error:
            problems.append(str(error))
            continue
        qrels: dict[str, Qrels] = {}
        for split, rows in splits.items():
            for row in rows:
                grades = qrels.setdefault(split, {}).setdefault(str(row["query-id"]), {})
                grades[str(row["corpus-id"])] = int(row["score"])
        return qrels
    raise MenuraError(f"[collections] no judgements found for {name}: {' '.join(problems)}")


def _rows(name: str, configuration: str) -> Any:
    splits = _load(name, configuration)
    return splits[configuration] if configuration in splits else next(iter(splits.values()))


def _load(name: str, configuration: str) -> Any:
    from datasets import load_dataset

    try:
        return load_dataset(name, configuration)
    except Exception as error:  # the hub client raises many kinds: offline, missing, gated, malformed
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MenuraError(
            f"[collections] {name!r} is neither a folder here nor a hub data set that could be loaded "
            f"(configuration {configuration!r}): {reason}"
        ) from error
