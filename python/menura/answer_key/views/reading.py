"""A view's answers out of the answer key."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np

from menura.answer_key.reading import read_logits
from menura.answer_key.store import AnswerKey
from menura.answer_key.views.answers import Answers, labels_of
from menura.answer_key.views.routing import asked, route
from menura.collections import Collection, Qrels
from menura.recipe.view import ViewSettings

__all__ = ["pairs_to_ask", "read_answers"]

Pair = tuple[str, str]


def pairs_to_ask(
    view: ViewSettings, teachers: Sequence[str], pairs: Sequence[Pair], collection: Collection
) -> dict[str, list[Pair]]:
    """By teacher, which of the (query id, passage id) `pairs` the view needs it for.

    Raises:
        MenuraError: a route leads a pair nowhere.
    """
    members = view.members(teachers)
    needed = asked(view, members, pairs, route(view.combine, members, pairs, collection.fields))
    return {name: [pairs[i] for i in np.flatnonzero(row).tolist()] for name, row in zip(members, needed, strict=True)}


def read_answers(
    key: AnswerKey,
    view: ViewSettings,
    digests: Mapping[str, str],
    pairs: Sequence[Pair],
    collection: Collection,
    qrels: Qrels | None = None,
    *,
    seeing: Container[str] = (),
) -> Answers:
    """What the view's teachers said of (query id, passage id) `pairs`.

    Args:
        digests: by teacher, the digest of its fingerprint.
        qrels: the training queries' judgements; None where no label may be seen.
        seeing: the teachers that see a passage's image.

    Raises:
        MenuraError: a teacher has not scored a pair that it answers, or a route leads a pair nowhere.
    """
    members = view.members(list(digests))
    routed = route(view.combine, members, pairs, collection.fields)
    logits = np.full((len(members), len(pairs)), np.nan)
    for row, needed, name in zip(logits, asked(view, members, pairs, routed), members, strict=True):
        positions = np.flatnonzero(needed).tolist()
        wanted = [pairs[i] for i in positions]
        passages = collection.passages(images=name in seeing)
        known = read_logits(key, digests[name], wanted, collection.queries, passages)
        row[positions] = [known[pair] for pair in wanted]
    return Answers(members, pairs, logits, labels_of(pairs, qrels or {}), routed)
