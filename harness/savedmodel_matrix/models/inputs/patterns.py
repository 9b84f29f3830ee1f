"""Texts that a regular expression accepts, for the part of RE2's syntax that graphs use.

Source: https://github.com/google/re2/wiki/Syntax. What is made is tried with Python's own expressions, which
agree with RE2 on this part.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.models.inputs.stream import Stream

    #: Makes a text from random numbers.
    Maker = Callable[[Iterator[int]], str]

_MOST_REPEATS = 4  # more than the least
_MOST_NUMBERS = 1024
_LONGEST = 1000
_ANY = string.ascii_lowercase + string.digits
_CLASSES = {"d": string.digits, "w": _ANY + "_", "s": " "}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}
_PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " "


def matching(pattern: bytes, stream: Stream) -> bytes | None:
    """Return a text that the whole expression matches; None if it has parts that are not known here."""
    try:
        text = pattern.decode("ascii")
        reader = _Reader(text)
        make = reader.alternatives()
        drawn = iter(stream.integers(_MOST_NUMBERS, 0, (1 << 62) - 1).tolist())
        made = make(drawn)
        fits = reader.is_done and len(made) <= _LONGEST and re.fullmatch(text, made) is not None
    except (UnicodeDecodeError, IndexError, ValueError, KeyError, StopIteration, re.error, RecursionError):
        return None
    return made.encode("ascii") if fits else None


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def is_done(self) -> bool:
        return self._at == len(self._text)

    def alternatives(self) -> Maker:
        branches = [self._sequence()]
        while self._takes("|"):
            branches.append(self._sequence())
        return lambda drawn: (
            branches[next(drawn) % len(branches)](drawn) if branches[1:] else branches[0](drawn)
        )

    def _takes(self, expected: str) -> bool:
        if not self._text.startswith(expected, self._at):
            return False
        self._at += len(expected)
        return True

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1]

    def _sequence(self) -> Maker:
        parts: list[Maker] = []
        while not self.is_done and self._text[self._at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return lambda drawn: "".join(part(drawn) for part in parts)

    def _repeated(self, atom: Maker) -> Maker:
        least, most = self._times()
        if (least, most) == (1, 1):
            return atom
        return lambda drawn: "".join(atom(drawn) for _ in range(least + next(drawn) % (most - least + 1)))

    def _times(self) -> tuple[int, int]:
        least, most = 1, 1
        if self._takes("*"):
            least, most = 0, _MOST_REPEATS
        elif self._takes("+"):
            least, most = 1, _MOST_REPEATS
        elif self._takes("?"):
            least, most = 0, 1
        elif self._takes("{"):
            bounds = self._until("}").split(",")
            least = int(bounds[0])
            most = int(bounds[-1]) if bounds[-1] else least + _MOST_REPEATS
        else:
            return least, most
        self._takes("?")  # lazy: the same texts
        return least, most

    def _until(self, end: str) -> str:
        start = self._at
        self._at = self._text.index(end, start) + len(end)
        return self._text[start : self._at - len(end)]

    def _atom(self) -> Maker:
        character = self._next()
        if character in "^$":
            return lambda _: ""
        if character == "(":
            if self._takes("?") and not self._takes(":"):
                raise ValueError("a flag or a named group")
            inside = self.alternatives()
            if not self._takes(")"):
                raise ValueError("an open group")
            return inside
        choices = self._class() if character == "[" else self._escaped() if character == "\\" else character
        choices = _ANY if character == "." else choices
        return lambda drawn: choices[next(drawn) % len(choices)] if choices[1:] else choices

    def _escaped(self) -> str:
        character = self._next()
        if character.isalnum():
            return _CLASSES.get(character) or _CONTROLS[character]
        return character

    def _class(self) -> str:
        negated = self._takes("^")
        found = ""
        while not (found and self._takes("]")):
            character = self._next()
            if character == "\\":
                found += self._escaped()
            elif self._text[self._at] == "-" and self._text[self._at + 1] != "]":
                self._at += 1
                found += "".join(map(chr, range(ord(character), ord(self._next()) + 1)))
            else:
                found += character
        return "".join(each for each in _PRINTABLE if each not in found) if negated else found
