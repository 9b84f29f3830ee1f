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


def first_lines(lines: Sequence[str], most: int) -> list[str]:
    """Return the lines, or the first ``most`` of them and how many more there are."""
    more = len(lines) - most
    return [*lines[:most], f"and {more} more"] if more > 0 else list(lines)


def shortened(text: str, most: int) -> str:
    """Return text whole, or its first ``most`` characters and how long it is."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


def joined(names: Sequence[str], word: str = "and") -> str:
    """Return ``a, b and c``, with ``word`` before the last; a single name as it is, and ``""`` for none."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 cell`` or ``2 cells``; ``plural`` is for irregular nouns."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
