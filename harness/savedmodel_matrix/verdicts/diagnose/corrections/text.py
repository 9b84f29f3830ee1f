"""Strings, and numbers that were strings: case, Unicode forms, spaces, leading zeros, decimal commas."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    NAMED_CONSTANTS,
    NOTHING_FITTED,
    Fix,
    is_numeric,
    is_text,
    numbers,
    on_serve,
    on_train,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair


#: A number with decimals in raw text.
_DECIMAL = re.compile(rb"\d,\d")


class Rewriting(NamedTuple):
    """A rewriting of strings, its description, and that of text without it."""

    id: str
    done: str
    not_done: str
    apply: Callable[[str], str]


def _no_accents(text: str) -> str:
    kept = (char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", "".join(kept))


def _whole_number(text: str) -> str:
    return str(int(text)) if re.fullmatch(r"[+-]?\d+", text) else text


def _as_float(text: str) -> str:
    return str(float(text)) if re.fullmatch(r"[+-]?\d+(\.\d*)?", text) else text


_TF_PUNCTUATION = re.compile(r"[!\"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']")

REWRITINGS = (
    Rewriting("letter-case", "lower case", "original letter case", str.lower),
    Rewriting("letter-case", "upper case", "original letter case", str.upper),
    Rewriting("letter-case", "case folding", "original letter case", str.casefold),
    *(
        Rewriting(
            "unicode-form",
            form,
            "a different Unicode form",
            lambda text, form=form: unicodedata.normalize(form, text),  # type: ignore[misc]
        )
        for form in ("NFC", "NFD", "NFKC", "NFKD")
    ),
    Rewriting("accents", "accents removed", "accents kept", _no_accents),
    Rewriting(
        "white-space", "leading and trailing spaces removed", "leading and trailing spaces kept", str.strip
    ),
    Rewriting(
        "white-space",
        "runs of white space collapsed",
        "white space kept",
        lambda text: " ".join(text.split()),
    ),
    Rewriting(
        "punctuation", "punctuation removed", "punctuation kept", lambda text: _TF_PUNCTUATION.sub("", text)
    ),
    Rewriting("decimal-comma", "decimal points", "decimal commas", lambda text: text.replace(",", ".")),
    Rewriting("csv-types", "numbers without leading zeros", "strings kept", _whole_number),
    Rewriting("csv-types", "numbers as floats (7.0)", "strings kept", _as_float),
    Rewriting(
        "text-encoding", "UTF-8 read as Latin-1", "UTF-8", lambda text: text.encode().decode("latin-1")
    ),
    Rewriting(
        "text-encoding",
        "UTF-8 read as Windows-1252",
        "UTF-8",
        lambda text: text.encode().decode("cp1252", "replace"),
    ),
    Rewriting("text-encoding", "a byte order mark", "no byte order mark", lambda text: "\ufeff" + text),
)


def rewritten(array: Array, apply: Callable[[str], str]) -> Array:
    """Return the array of bytes with every string rewritten as text; ValueError if one is not UTF-8."""
    out = np.empty(array.shape, object)
    out.ravel()[:] = [apply(text.decode()).encode() for text in array.ravel()]
    return out


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield rewritings of one side's strings, and different readings of numbers."""
    if pair.train.shape != pair.serve.shape:
        return
    if is_text(pair.train) and is_text(pair.serve):
        for one in REWRITINGS:
            yield _fix(one, in_training=True)
            yield _fix(one, in_training=False)
    elif is_text(pair.train) != is_text(pair.serve):
        yield from _types(pair)
    elif is_numeric(pair.train) and is_numeric(pair.serve) and pair.train.ndim <= 2:
        yield from _commas(pair)


def _fix(one: Rewriting, *, in_training: bool) -> Fix:
    train, serve = (one.done, one.not_done) if in_training else (one.not_done, one.done)
    return Fix(
        id=one.id,
        title=f"{train} in training, {serve} in serving",
        train=train,
        serve=serve,
        mends=f"in serving, treat text like training: {train}",
        apply=(on_serve if in_training else on_train)(lambda array: rewritten(array, one.apply)),
        opens=True,
    )


def _types(pair: Pair) -> Iterator[Fix]:
    in_training = is_text(pair.train)
    strings = pair.train if in_training else pair.serve
    names = (
        f"strings ({strings.ravel()[0]!r})",
        f"numbers ({(pair.serve if in_training else pair.train).ravel()[0]})",
    )
    train, serve = names if in_training else names[::-1]
    yield Fix(
        id="csv-types",
        title=f"{train} in training, {serve} in serving",
        train=train,
        serve=serve,
        mends="in serving, read the column with training's type (the reader's dtype=)",
        apply=(on_train if in_training else on_serve)(
            lambda array: np.array([float(text) for text in array.ravel()]).reshape(array.shape)
        ),
    )


def _commas(pair: Pair) -> Iterator[Fix]:
    """Yield "1,5" read as 15: the digits are the same, and the comma is gone."""
    texts = [text for raw in pair.raw.values() if is_text(raw) for text in raw.ravel()]
    if pair.raw and not texts:
        return  # numbers in the raw input were never read from text here
    seen = any(isinstance(text, bytes) and _DECIMAL.search(text) for text in texts)
    for wrap, train, serve in (
        (on_train, "the comma is the decimal separator", "the comma is dropped (1,5 is read as 15)"),
        (on_serve, "the comma is dropped (1,5 is read as 15)", "the comma is the decimal separator"),
    ):
        for decimals in (None, 1, 2, 3):
            yield Fix(
                id="decimal-comma",
                title=f"{train} in training; {serve} in serving",
                train=train,
                serve=serve,
                mends="in serving, read numbers with training's decimal separator",
                apply=wrap(lambda array, decimals=decimals: _joined(array, decimals)),  # type: ignore[misc]
                # One number of decimals for all values is the same as a factor: without commas in the raw
                # input, a unit is likelier.
                cost=NOTHING_FITTED if decimals is None else (0.9 if seen else 1.1) * NAMED_CONSTANTS,
            )


def _joined(array: Array, decimals: int | None) -> Array:
    """Return numbers without their decimal point, as short as possible or with so many decimals."""
    # The shortest form that identifies the float32.
    values = [np.format_float_positional(value, trim="-") for value in array.ravel()]
    if decimals is not None:
        values = [f"{value:.{decimals}f}" for value in numbers(array).ravel()]
    return np.array([float(text.replace(".", "")) for text in values]).reshape(array.shape)
