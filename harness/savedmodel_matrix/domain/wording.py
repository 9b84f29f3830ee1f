"""Lists and counts in English, for all user-facing text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def listed(names: Sequence[str], most: int, separator: str = ", ") -> str:
    """Return ``a, b, c``, or ``a, b and 3 more`` if there are more than ``most`` names.

    ``separator`` is for items that contain commas themselves.
    """
    shown = separator.join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def joined(names: Sequence[str], word: str = "and") -> str:
    """Return ``a, b and c``, with ``word`` before the last; a single name as it is, and ``""`` for none."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 cell`` or ``2 cells``; ``plural`` is for irregular nouns."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
