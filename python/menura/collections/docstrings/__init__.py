"""Docstrings as collections: texts that every Python machine has, and texts about images that a package ships."""

from menura.collections.docstrings.illustrated import illustrated_docstrings
from menura.collections.docstrings.texts import docstring_collection

__all__ = ["docstring_collection", "illustrated_docstrings"]
