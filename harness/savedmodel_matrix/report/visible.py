"""Texts of models and users, made safe to show."""

from __future__ import annotations


def visible(text: str) -> str:
    """Return text in one line without anything that could steer a terminal or reorder what is read.

    Line breaks, control characters and marks of writing direction are spelled out as Python escapes.
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
