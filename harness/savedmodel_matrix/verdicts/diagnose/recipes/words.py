"""Ids of words: both sides' tables read off the raw text, and what is different between them."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers
from savedmodel_matrix.verdicts.diagnose.prove import distance
from savedmodel_matrix.verdicts.diagnose.recipes.word_tables import WordTable, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: A difference in more steps than this is not an explanation.
_MOST_STEPS = 3
#: Words that both tables have, and places where a dropped word would be: fewer prove nothing.
_LEAST_COMMON, _LEAST_DROPPED = 8, 4
_SHOWN = 6
#: Hash functions of the standard library that stages use for buckets; Python's own differs by process.
_HASHES: dict[str, Callable[[bytes], int]] = {
    "CRC-32": zlib.crc32,
    "Adler-32": zlib.adler32,
    **{
        name: lambda data, name=name: int(hashlib.new(name, data).hexdigest(), 16)  # type: ignore[misc]
        for name in ("md5", "sha1", "sha256")
    },
}
#: Usual numbers of buckets, with and without an id kept for padding.
_BUCKETS = sorted(
    {
        each + more
        for each in (*(10**n for n in range(1, 7)), *(2**n for n in range(4, 21)))
        for more in (0, -1)
    }
)


def explain(pair: Pair) -> Diagnosis | None:
    """Return what differs between the ways in which words become ids, or None."""
    train, serve = pair.train, pair.serve
    if not (_are_ids(train) and _are_ids(serve)) or len(train) != len(serve):
        return None
    for raw in pair.raw.values():
        pair.check_time("words of the raw text")
        if not is_text(raw) or raw.ndim != 1 or len(raw) != len(train):
            continue
        try:
            texts = [each.decode() if isinstance(each, bytes) else str(each) for each in raw]
        except UnicodeDecodeError:
            continue
        of_train, of_serve = read(train, texts), read(serve, texts)
        if of_train and not of_serve:
            of_serve = _without(of_train, serve, texts)
        elif of_serve and not of_train:
            of_train = _without(of_serve, train, texts)
        if of_train and of_serve:
            return _between(pair, of_train, of_serve, texts)
    return None


def _are_ids(array: Array) -> bool:
    if not is_numeric(array) or array.ndim not in (1, 2) or not array.size:
        return False
    x = numbers(array)
    return bool(np.isfinite(x).all() and not (x % 1).any() and np.abs(x).max() < 2**31)


def _without(known: WordTable, side: Array, texts: Sequence[str]) -> WordTable | None:
    """Return the table of a side that drops some words: those whose ids never occur in it."""
    there = set(np.unique(side).tolist())
    written = {word for text in texts for word in known.split.words(text)}
    dropped = {word for word in written if known.table.get(known.change(word)) not in there}
    places = sum(word in dropped for text in texts for word in known.split.words(text))
    if places < _LEAST_DROPPED or len(dropped) > len(written) / 2:
        return None
    found = read(side, texts, dropped)
    if found is None or any(
        found.table[word] != known.table.get(word, at) for word, at in found.table.items()
    ):
        return None
    shown = ", ".join(sorted(dropped)[:_SHOWN]) + (", ..." if len(dropped) > _SHOWN else "")
    found.parts["stop-words"] = f"{len(dropped)} words dropped ({shown})"
    return found


def _between(pair: Pair, train: WordTable, serve: WordTable, texts: Sequence[str]) -> Diagnosis | None:
    differ: list[tuple[str, str, str]] = []
    if train.parts["text"] != serve.parts["text"]:
        name = "+".join(each for each in (train.parts["text"], serve.parts["text"]) if each)
        differ.append((name, train.parts["words"], serve.parts["words"]))
    for name in ("tokens", "special-tokens", "padding-side", "padding-value", "truncation-side"):
        one, other = train.parts.get(name), serve.parts.get(name)
        if one and other and one != other:
            differ.append((name, one, other))
    if "stop-words" in train.parts or "stop-words" in serve.parts:
        kept = "every word kept"
        differ.append(
            ("stop-words", train.parts.get("stop-words", kept), serve.parts.get("stop-words", kept))
        )
    words = {word for text in texts for word in train.split.words(text)}
    tables = _tables(train, serve, words)
    if tables is not None and train.parts["text"] != serve.parts["text"]:
        # Words that become one move all ids behind them: the vocabulary was made after the text function.
        sizes = [f"a vocabulary of {len(each.table)} of these" for each in (train, serve)]
        tables = "vocabulary", sizes[0], sizes[1]
    if tables is not None:
        differ.append(tables)
    if not differ or len(differ) > _MOST_STEPS:
        return None
    before = distance(pair.train, pair.serve)
    return Diagnosis(
        id="+".join(name for name, _, _ in differ),
        title="; ".join(f"{one} in training, {other} in serving" for _, one, other in differ),
        train="; ".join(one for _, one, _ in differ),
        serve="; ".join(other for _, _, other in differ),
        mends="in serving, use what training uses: " + ", and ".join(one for _, one, _ in differ),
        before=before.relative,
        residual=0.0,
        max_abs_before=before.largest,
        max_abs_after=0.0,
        steps=tuple(step for name, _, _ in differ for step in name.split("+")),
        proof=f"every id of both sides is that of a word of the raw text, by one table of {len(train.table)} "
        f"words in training and one of {len(serve.table)} in serving",
    )


def _tables(train: WordTable, serve: WordTable, words: set[str]) -> tuple[str, str, str] | None:
    """Return what differs between the ids of words that both sides look up as they are; None if nothing."""
    common = {
        word: (train.table[word], serve.table[word])
        for word in sorted(words)
        if word in train.table and word in serve.table and train.change(word) == serve.change(word) == word
    }
    if len(common) < _LEAST_COMMON or all(a == b for a, b in common.values()):
        return None
    one, other = (_hash({word: ids[side] for word, ids in common.items()}) for side in (0, 1))
    if one is not None and other is not None:
        name = "hash-buckets" if one[0] == other[0] else "hash-function"
        return name, f"{one[0]} modulo {one[1]}", f"{other[0]} modulo {other[1]}"
    known = {word: ids for word, ids in common.items() if ids[0] != train.unknown and ids[1] != serve.unknown}
    gaps = {a - b for a, b in common.values()}
    if len(gaps) == 1:
        gap = gaps.pop()
        return "vocabulary-offset", f"ids {abs(gap)} {'later' if gap > 0 else 'earlier'}", "ids"
    if len(known) >= len(common) / 2 and all(a == b for a, b in known.values()):
        sides = [
            f"{sum(ids[side] == unknown for ids in common.values())} words with id {unknown} (unknown)"
            if unknown is not None
            else "no unknown words"
            for side, unknown in ((0, train.unknown), (1, serve.unknown))
        ]
        return "out-of-vocabulary", sides[0], sides[1]
    shown = ", ".join(f"{word!r} {a} and {b}" for word, (a, b) in list(common.items())[:3])
    counts = [len({ids[side] for ids in common.values()}) for side in (0, 1)]
    same = len(set(common.values())) == counts[0] == counts[1]
    name = "vocabulary-order" if same else "vocabulary"
    return name, f"training's vocabulary of {len(train.table)}", f"another of {len(serve.table)} ({shown})"


def _hash(table: dict[str, int]) -> tuple[str, int] | None:
    """Return the hash function and the number of buckets that give every word's id."""
    largest = max(table.values())
    for name, function in _HASHES.items():
        values = [(function(word.encode()), at) for word, at in table.items()]
        for buckets in _BUCKETS:
            if buckets > largest and all(value % buckets == at for value, at in values):
                return name, buckets
    return None
