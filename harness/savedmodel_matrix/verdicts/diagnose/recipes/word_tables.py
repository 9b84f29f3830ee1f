"""One side's ids read as a table of the raw text's words: what is put around them, and where they are cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.corrections.lookups import CHANGES, SPLITS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from savedmodel_matrix.verdicts.diagnose.corrections.lookups import Split
    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: Words seen again, and ids, that a table needs at least: any ids fit words that occur once.
_LEAST_AGAIN, _LEAST_IDS = 12, 4
#: Of the words of a table, at least one in so many has to be seen again.
_AGAIN_PART = 4
#: Words of different spelling that share an id of their own: fewer do so by chance.
_LEAST_MERGED = 2


class _Form(NamedTuple):
    """What is around the words: ids before and after them, the padded end, and the end that is kept."""

    before: bool
    after: bool
    at_end: bool
    from_start: bool
    closes: bool  # whether a row that is cut still ends with the id after the words


@dataclass(frozen=True)
class WordTable:
    """How texts become one side's ids. ``parts`` are in words, by the id of their diagnosis.

    ``table`` maps words as they are looked up to ids, ``ids`` words as they are written. ``unknown`` is an
    id that several words share.
    """

    parts: dict[str, str]
    split: Split
    change: Callable[[str], str]
    table: dict[str, int]
    unknown: int | None


def read(side: Array, texts: Sequence[str], dropped: Collection[str] = ()) -> WordTable | None:
    """Return the table that makes every id of a side from the words but the dropped ones; None if none does.

    Of several text functions that fit, the one that makes most words the same is right, if it is seen to.
    """
    rows = side.astype(np.int64).reshape(len(side), -1)
    for split in SPLITS:
        # One id for a text stands for all of it.
        if (rows.shape[1] == 1) != (split.name == "whole strings"):
            continue
        words = [[word for word in split.words(text) if word not in dropped] for text in texts]
        found: list[tuple[int, WordTable]] = []
        tried: list[list[list[str]]] = []
        for what, says, change in CHANGES:
            lines = [[changed for word in line if (changed := change(word))] for line in words]
            if lines in tried:
                continue
            tried.append(lines)
            made = _first(rows, lines)
            if made is None:
                continue
            form, table, padding, is_cut = made
            unknown = _shared(table)
            if what and _merged(words, change, table, unknown) < _LEAST_MERGED:
                continue
            parts = {"text": what, "words": says, "tokens": split.name, **_said(form, rows, padding)}
            if not is_cut:
                del parts["truncation-side"]
            found.append((len(table), WordTable(parts, split, change, table, unknown)))
        if found:
            return min(found, key=lambda each: each[0])[1]
    return None


def _first(rows: Array, lines: list[list[str]]) -> tuple[_Form, dict[str, int], int | None, bool] | None:
    """Return the plainest form in which the ids are a table of the words."""
    for form in _forms():
        made = _table(rows, lines, form)
        if made is not None:
            return form, *made
    return None


def _forms() -> Iterator[_Form]:
    for before, after in ((False, False), (True, False), (False, True), (True, True)):
        for at_end in (True, False):
            for from_start in (True, False):
                for closes in (True, False) if after else (True,):
                    yield _Form(before, after, at_end, from_start, closes)


def _table(
    rows: Array, lines: list[list[str]], form: _Form
) -> tuple[dict[str, int], int | None, bool] | None:
    """Return the table of one form, the padding, and whether a text is cut; None if the ids contradict it."""
    length = rows.shape[1]
    around = form.before + form.after
    table: dict[str, int] = {}
    constants: list[set[int]] = [set(), set(), set()]
    count, is_cut = 0, False
    for line, row in zip(lines, rows.tolist(), strict=True):
        cut = len(line) + around > length
        is_cut |= cut
        closed = form.after and not (cut and not form.closes)
        room = length - form.before - closed
        kept = (line[:room] if form.from_start else line[-room:]) if len(line) > room else line
        used = len(kept) + form.before + closed
        ids, padding = (
            (row[:used], row[used:]) if form.at_end else (row[length - used :], row[: length - used])
        )
        constants[2].update(padding)
        if form.before:
            constants[0].add(ids[0])
        if closed:
            constants[1].add(ids[-1])
        if any(len(each) > 1 for each in constants):
            return None
        for word, at in zip(kept, ids[form.before :], strict=False):
            if table.setdefault(word, at) != at:
                return None
        count += len(kept)
    again = count - len(table)
    if again < max(_LEAST_AGAIN, len(table) // _AGAIN_PART) or len(set(table.values())) < _LEAST_IDS:
        return None
    # An id around the words that is also a word's could be one of the words.
    if any(each & set(table.values()) for each in constants[:2]):
        return None
    return table, next(iter(constants[2]), None), is_cut


def _said(form: _Form, rows: Array, padding: int | None) -> dict[str, str]:
    first = rows[:, 0] if form.at_end else rows[np.arange(len(rows)), (rows != padding).argmax(axis=1)]
    last = rows[:, -1] if not form.at_end else rows[np.arange(len(rows)), _last(rows, padding)]
    around = [
        f"{int(np.bincount(np.maximum(ids, 0)).argmax())} {where}"
        for ids, where, is_there in ((first, "before", form.before), (last, "after", form.after))
        if is_there
    ]
    return {
        "special-tokens": f"{' and '.join(around)} the words" if around else "nothing around the words",
        **(
            {
                "padding-side": f"padded {'after' if form.at_end else 'before'} the words",
                "padding-value": f"padded with {padding}",
            }
            if padding is not None
            else {}
        ),
        "truncation-side": f"the {'beginning' if form.from_start else 'end'} of long texts",
    }


def _last(rows: Array, padding: int | None) -> Array:
    found: Array = rows.shape[1] - 1 - (rows[:, ::-1] != padding).argmax(axis=1)
    return found


def _shared(table: dict[str, int]) -> int | None:
    """Return the id that most words share, if it is more than one."""
    ids, counts = np.unique(list(table.values()), return_counts=True)
    return int(ids[counts.argmax()]) if counts.max() > 1 else None


def _merged(
    words: list[list[str]], change: Callable[[str], str], table: dict[str, int], unknown: int | None
) -> int:
    """Return how many entries, other than unknown words, have several spellings in the texts."""
    spelt: dict[str, set[str]] = {}
    for line in words:
        for word in line:
            spelt.setdefault(change(word), set()).add(word)
    return sum(len(each) > 1 and table.get(word, unknown) != unknown for word, each in spelt.items())
