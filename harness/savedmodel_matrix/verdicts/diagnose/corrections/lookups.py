"""A text function before a look-up of words: case, Unicode form, punctuation, endings. Padding beside it.

Training's own table of words and ids is read off the raw text and training's ids. Serving's ids then have to
be what that table says of the words as serving writes them, every one of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.corrections.text import REWRITINGS
from savedmodel_matrix.verdicts.diagnose.pair import NAMED_CONSTANTS, Fix, is_numeric, is_text, numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: Fewer texts or words prove no table.
_LEAST_TEXTS, _LEAST_WORDS = 4, 12
#: Words that a text function turns into others of the table: by chance, one may have the right id.
_LEAST_TOLD = 2
_PUNCTUATION = re.compile(r"[^\w\s]")
#: Zero-width space and joiners, word joiner, byte-order mark and soft hyphen: nobody sees them in texts.
_INVISIBLE = re.compile("[\u200b-\u200d\u2060\ufeff\u00ad]")
_ACCENTS = next(each.apply for each in REWRITINGS if each.id == "accents")


class Split(NamedTuple):
    """A way to split text into words."""

    name: str
    words: Callable[[str], list[str]]


SPLITS = (
    Split("split at white space", str.split),
    Split("runs of letters and digits", re.compile(r"\w+").findall),
    Split("runs of two or more letters and digits", re.compile(r"\b\w\w+\b").findall),
    Split("words and single punctuation marks", re.compile(r"\w+|[^\w\s]").findall),
    Split("whole strings", lambda text: [text]),
    Split("split at commas", lambda text: [each.strip() for each in text.split(",")]),
    Split("characters", list),
)


def _without_ending(endings: tuple[str, ...]) -> Callable[[str], str]:
    def cut(word: str) -> str:
        for ending in endings:
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                return word.removesuffix(ending)
        return word

    return cut


#: Id, description, and what is done to each word.
CHANGES: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("", "words as they are", str),
    *(
        (each.id, f"words in {each.done}" if each.id != "accents" else "words without accents", each.apply)
        for each in REWRITINGS
        if each.id in ("letter-case", "unicode-form", "accents")
    ),
    ("white-space", "words without zero-width characters", lambda word: _INVISIBLE.sub("", word)),
    ("punctuation", "words without punctuation", lambda word: _PUNCTUATION.sub("", word)),
    (
        "letter-case+punctuation",
        "words in lower case without punctuation",
        lambda word: _PUNCTUATION.sub("", word.lower()),
    ),
    ("letter-case+accents", "words in lower case without accents", lambda word: _ACCENTS(word.lower())),
    ("stemming", "words without a plural s", _without_ending(("s",))),
    ("stemming", "words without their endings (ing, ed, s)", _without_ending(("ing", "ed", "s"))),
    ("digits", "words with 0 for every digit", lambda word: re.sub(r"\d", "0", word)),
)


class _Read(NamedTuple):
    """One side's ids, without padding, and the table of words that made them."""

    rows: list[list[int]]
    table: dict[str, int]
    length: int
    padding: int
    at_end: bool | None


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield text functions that turn one side's words into those that the other looks up."""
    train, serve = pair.train, pair.serve
    if (
        not (is_numeric(train) and is_numeric(serve))
        or train.ndim not in (1, 2)
        or train.shape != serve.shape
    ):
        return
    a, b = (numbers(each) for each in (train, serve))
    if not (np.isfinite(a).all() and np.isfinite(b).all()) or (a % 1).any() or (b % 1).any():
        return
    for name, raw in pair.raw.items():
        if not is_text(raw) or raw.ndim != 1 or len(raw) != len(train) or len(raw) < _LEAST_TEXTS:
            continue
        try:
            texts = [each.decode() if isinstance(each, bytes) else str(each) for each in raw]
        except UnicodeDecodeError:
            continue
        for split in SPLITS:
            found = list(_functions(name, split, texts, a, b))
            yield from found
            if found:
                return


def _functions(name: str, split: Split, texts: list[str], train: Array, serve: Array) -> Iterator[Fix]:
    words = [split.words(text) for text in texts]
    if sum(map(len, words)) < _LEAST_WORDS:
        return
    for one, other, in_serving in ((train, serve, True), (serve, train, False)):
        known = _read(one, words)
        if known is None:
            continue
        for other_split in (split, *(each for each in SPLITS if each is not split)):
            lines = [other_split.words(text) for text in texts]
            for what, says, change in CHANGES:
                changed = [[change(word) for word in row] for row in lines]
                if changed == words:
                    continue
                # Of a word that is all punctuation nothing is left: it is dropped, or looked up as unknown.
                dropped = [[word for word in row if word] for row in changed]
                kinds = (dropped,) if dropped == changed else (dropped, changed)
                for at_end in dict.fromkeys((known.at_end, True, False)):
                    if any(_made(known, each, words, other, at_end=at_end) for each in kinds):
                        moved = None not in (at_end, known.at_end) and at_end != known.at_end
                        steps = (
                            *([what] if what else []),
                            *(["tokens"] if other_split is not split else []),
                            *(["padding-side"] if moved else []),
                        )
                        sides = (
                            f"{name} as it is ({split.name})",
                            says if other_split is split else f"{says} ({other_split.name})",
                        )
                        yield _fix(steps, sides, in_serving=in_serving, at_end=at_end if moved else None)
                        return


def _read(ids: Array, words: list[list[str]]) -> _Read | None:
    """Return the table that one side's ids come from: a word always has one id, most their own."""
    x = ids.astype(np.int64).reshape(len(ids), -1)
    length = x.shape[1]
    for at_end in (True, False) if length > 1 else (None,):
        padding = _padding(x, at_end=at_end)
        rows = [_stripped(row.tolist(), padding, at_end=at_end) for row in x]
        table: dict[str, int] = {}
        if all(
            len(row) == min(len(line), length)
            and all(
                table.setdefault(word, at) == at
                for word, at in zip(_cut(line, length, row), row, strict=False)
            )
            for row, line in zip(rows, words, strict=True)
        ) and _tells(table, rows):
            return _Read(rows, table, length, padding, at_end)
    return None


def _tells(table: dict[str, int], rows: list[list[int]]) -> bool:
    """Whether words occur more than once, so that the table is confirmed, and have ids of their own."""
    again = sum(map(len, rows)) - len(table)
    return again >= max(_LEAST_WORDS, len(table) // 10) and len(set(table.values())) >= max(
        4, len(table) // 2
    )


def _cut(line: list[str], length: int, row: list[int]) -> list[str]:
    return line[: min(length, len(row))]


def _padding(x: Array, *, at_end: bool | None) -> int:
    if at_end is None:
        return -(2**62)
    values, counts = np.unique(x[:, -1 if at_end else 0], return_counts=True)
    return int(values[counts.argmax()])


def _stripped(row: list[int], padding: int, *, at_end: bool | None) -> list[int]:
    if at_end is None:
        return row
    kept = list(row)
    while kept and kept[-1 if at_end else 0] == padding:
        kept.pop(-1 if at_end else 0)
    return kept


def _made(
    known: _Read, words: list[list[str]], plain: list[list[str]], aim: Array, *, at_end: bool | None
) -> bool:
    """Whether the other side's ids are those of the known table for these words.

    A word that the table does not have may have an id of its own, always the same, or share the one id of
    unknown words. Several words that were changed must be in the table, or nothing would be proven.
    """
    wanted = aim.astype(np.int64).reshape(len(aim), -1)
    learnt: dict[str, int] = {}
    told: set[str] = set()
    before = {word for line in plain for word in line}
    for line, right in zip(words, wanted.tolist(), strict=True):
        kept = line[: known.length]
        start = 0 if at_end is None or at_end else known.length - len(kept)
        padding = right[:start] + right[start + len(kept) :]
        if any(each != known.padding for each in padding):
            return False
        for word, at in zip(kept, right[start:], strict=False):
            if known.table.get(word, at) != at or (
                word not in known.table and learnt.setdefault(word, at) != at
            ):
                return False
    origins: dict[str, set[str]] = {}
    moved = 0
    for line, original in zip(words, plain, strict=True):
        if len(line) != len(original):
            # Other words in other places, and all of them are right.
            moved += 1
            continue
        for word, as_it_was in zip(line, original, strict=True):
            origins.setdefault(word, set()).add(as_it_was)
    for word, were in origins.items():
        # A word that was changed to one that occurs as it is, or several that became one and were not.
        if (word in known.table and word in before and were != {word}) or len(
            {known.table[each] for each in were if each in known.table}
        ) > 1:
            told.add(word)
    owners: dict[int, int] = dict.fromkeys(known.table.values(), 1)
    for at in learnt.values():
        owners[at] = owners.get(at, 0) + 1
    shared = {at for at in learnt.values() if owners[at] > 1}
    return len(shared) <= 1 and max(len(told), moved) >= _LEAST_TOLD


def _fix(steps: tuple[str, ...], sides: tuple[str, str], *, in_serving: bool, at_end: bool | None) -> Fix:
    train, serve = sides if in_serving else sides[::-1]
    end = {True: ", padded after the words", False: ", padded before the words", None: ""}[at_end]
    padding = "" if at_end is None else ", and pad on training's side"
    return Fix(
        id="+".join(steps),
        title=f"one vocabulary looks up different words: {train} in training, {serve} in serving{end}",
        train=train,
        serve=serve + end,
        mends=f"in serving, look up what training looks up, {train}{padding}; keep the vocabulary",
        # All of one side was made from the words by the other side's table.
        apply=lambda train, serve: (train, train.astype(serve.dtype)),
        cost=NAMED_CONSTANTS + 0.5 * (len(steps) - 1),
    )
