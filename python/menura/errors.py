"""The errors a user can cause and mend."""

from __future__ import annotations

__all__ = ["MenuraError"]


class MenuraError(Exception):
    """What went wrong, with the values, and the way out, in one line.

    The command line prints the message alone and exits with code 2.
    """
