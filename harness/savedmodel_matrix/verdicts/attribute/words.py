"""Texts that the sentence and the evidence share: lists of names and values, and steps between values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.wording import count, joined, listed
from savedmodel_matrix.verdicts.attribute.names import is_package, is_set, rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.verdicts.attribute.explanation import ChangePoint

#: More names than this are counted, not listed, so that the sentence stays readable. What the user set is
#: always named, and with it this many of what moved along.
_MOST_NAMES = 4
_MOST_MOVED = 2
#: More values than this are counted, too.
_MOST_VALUES = 6
_MOST_STEPS = 2


def any_of(names: Sequence[str]) -> str:
    """Return ``a, b or c``, what the user set first; long lists end in ``or one of 3 other packages``."""
    shown, more = _shown(names)
    others = "other package" if all(map(is_package, more)) else "other"
    return joined([*shown, *([f"one of {count(len(more), others)}"] if more else [])], "or")


def all_of(names: Sequence[str]) -> str:
    """Return ``a, b and c``, what the user set first; long lists end in ``and 3 more``."""
    shown, more = _shown(names)
    return listed([*shown, *more], len(shown)) if more else joined(shown)


def _shown(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names to list, with everything that the user set, and the rest; never a rest of one."""
    names = sorted(names, key=rank)
    most = max([_MOST_NAMES, *(number + _MOST_MOVED for number, name in enumerate(names, 1) if is_set(name))])
    return (names, []) if len(names) <= most + 1 else (names[:most], names[most:])


def these(values: Sequence[str], word: str = "or") -> str:
    """Return ``a, b or c``; values with spaces are quoted if there are several."""
    if len(values) > 1:
        values = [f"'{value}'" if " " in value else value for value in values]
    return joined(values, word)


def bundled(names: Sequence[str]) -> str:
    """Return ``TensorFlow with Python and Keras`` for the factors of one bundle."""
    return names[0] if len(names) == 1 else f"{names[0]} with {all_of(names[1:])}"


def with_values(names: Sequence[str], values: Sequence[str]) -> str:
    """Return ``TensorFlow 2.9.3 and XLA off``."""
    said = [
        value if value.startswith(f"{name.lower()} ") else f"{name} {value}"  # "keras 3.15.1" says it
        for name, value in zip(names, values, strict=True)
    ]
    return joined(said)


def blocks(alike: Sequence[Sequence[str]]) -> str:
    """Return which values of one factor give the same result and which do not: ``on and off differ``."""
    number = sum(len(values) for values in alike)
    if number > _MOST_VALUES:
        return f"its {number} values give {len(alike)} different results"
    if number == len(alike):
        return f"{these([value for values in alike for value in values], 'and')} differ"
    return " versus ".join(these(values, "and") for values in alike)


def steps(changes: Sequence[ChangePoint]) -> str:
    """Return ``between 2.7.4 and 2.9.3``, for one or more steps of one factor."""
    if len(changes) > _MOST_STEPS:
        return f"in {len(changes)} steps from {changes[0].before} to {changes[-1].after}"
    return joined([f"between {step.before} and {step.after}" for step in changes])
