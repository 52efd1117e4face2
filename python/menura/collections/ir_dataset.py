"""Collections of the `ir_datasets` package (MacAvaney et al. 2021, arXiv 2103.02280), which downloads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from menura.collections.collection import Collection, Qrels
from menura.collections.rows import gather_judgements, gather_texts
from menura.errors import MenuraError

__all__ = ["read_ir_dataset"]

SPLITS = ("train", "dev", "validation", "test")


def read_ir_dataset(names: str) -> Collection:
    """Read one data set, or several of one corpus with commas between: `beir/scifact/train,beir/scifact/test`.

    Each gives the split that its name says (`train`, `dev`, `validation`, `test`); one that says none is ``test``.

    Raises:
        MenuraError: the package is not installed; a data set cannot be loaded, or has no passages or queries; or a row
            is not what it should be.
    """
    queries: dict[str, str] = {}
    qrels: dict[str, Qrels] = {}
    datasets = {name: _load(name) for name in names.split(",")}
    first, dataset = next(iter(datasets.items()))
    corpus = gather_texts(_texts(first, dataset, "docs"))
    for name, dataset in datasets.items():
        queries.update(gather_texts(_texts(name, dataset, "queries")))
        split = next((part for part in name.split("/") if part in SPLITS), "test")
        if split in qrels:
            raise MenuraError(f"[collections] two data sets of {names!r} are the split {split!r}; name one.")
        if dataset.has_qrels():
            qrels[split] = gather_judgements(_judgements(name, dataset))
    return Collection(first, corpus, queries, qrels)


def _load(name: str) -> Any:
    try:
        import ir_datasets
    except ModuleNotFoundError as error:
        raise MenuraError(f"[collections] {error.name} is not installed; run: pip install ir_datasets") from error
    try:
        return ir_datasets.load(name)
    except KeyError as error:
        raise MenuraError(f"[collections] ir_datasets has no data set {name!r}.") from error


def _texts(name: str, dataset: Any, kind: str) -> Iterator[tuple[str, Any]]:
    if not getattr(dataset, f"has_{kind}")():
        raise MenuraError(f"[collections] the data set {name!r} of ir_datasets has no {kind}.")
    for number, row in enumerate(getattr(dataset, f"{kind}_iter")(), start=1):
        identifier = row.doc_id if kind == "docs" else row.query_id
        yield f"{name} {kind} {number}", {"_id": identifier, "text": row.default_text()}


def _judgements(name: str, dataset: Any) -> Iterator[tuple[str, str, str, Any]]:
    for number, row in enumerate(dataset.qrels_iter(), start=1):
        yield f"{name} qrels {number}", row.query_id, row.doc_id, row.relevance
