"""Makes texts from models and users safe to show."""

from __future__ import annotations


def visible(text: str) -> str:
    """Return text in one line, without anything that could control a terminal or reorder the text.

    Line breaks, control characters and text direction marks become Python escapes.
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def visible_lines(text: str) -> str:
    """Return text with its line breaks, and otherwise like ``visible``."""
    return "\n".join(visible(line) for line in text.split("\n"))
