"""Finding scores that were imported."""

from __future__ import annotations

from menura.answer_key.store import AnswerKey
from menura.errors import MenuraError

__all__ = ["find_imported"]


def find_imported(key: AnswerKey, name: str) -> tuple[str, dict[str, str]]:
    """The digest and details of what `import_scores` has stored as `name`, which may be the digest itself.

    Raises:
        MenuraError: nothing was imported into `key` under that name, or several files were.
    """
    imported = {digest: details for digest, details in key.teachers().items() if details.get("kind") == "imported"}
    found = [digest for digest, details in imported.items() if name in (digest, details["model"])]
    if not found:
        known = ", ".join(sorted({details["model"] for details in imported.values()})) or "none"
        raise MenuraError(
            f"[answer_key] no scores were imported into {key.location} as {name!r}; there: {known}. "
            "See menura key import."
        )
    if len(found) > 1:
        raise MenuraError(
            f"[answer_key] {len(found)} files were imported as {name!r}; name one by its digest: {', '.join(found)}."
        )
    return found[0], imported[found[0]]
