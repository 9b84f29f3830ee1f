"""Says where in a tensor two sides differ: samples, columns, rows, and the raw input there."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, is_text, numbers
from savedmodel_matrix.verdicts.diagnose.prove import tolerance
from savedmodel_matrix.verdicts.diagnose.recipes.times import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: How many samples or columns are listed.
_SHOWN = 8
_WORST = 3
#: Of so many rows, some condition on the raw input holds exactly by chance.
_LEAST_ROWS = 4
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_IMAGE = 4
_ORIENTATION = 0x0112  # EXIF 2.32, section 4.6.4


def where(train: Array, serve: Array, raw: Mapping[str, Array]) -> str:
    """Return in words where the two differ; "" if they differ everywhere, or nowhere, or in their shapes."""
    different = differing(train, serve)
    if different is None or not different.any() or different.ndim == 0:
        return ""
    rows: Array = np.asarray(different.reshape(len(different), -1).any(axis=1))
    parts = [*_places(different, rows)]
    condition = next(_conditions(different, rows, raw), None)
    if condition:
        parts.append(f"exactly where {condition}")
    return ", ".join(parts)


def worst(train: Array, serve: Array, raw: Mapping[str, Array]) -> list[str]:
    """Return the three elements that differ most, side by side, with the raw value beside them."""
    different = differing(train, serve)
    if different is None or not different.any():
        return []
    if is_numeric(train) and is_numeric(serve):
        a, b = numbers(train), numbers(serve)
        with np.errstate(invalid="ignore"):
            gap = np.where(different, np.nan_to_num(np.abs(a - b), nan=np.inf), -1.0)
        order = np.argsort(-gap, axis=None, kind="stable")
    else:
        order = np.flatnonzero(different)
    lines = []
    for flat in order[: min(_WORST, int(different.sum()))]:
        at = np.unravel_index(int(flat), different.shape)
        place = ", ".join(str(int(index)) for index in at)
        beside = [
            f", {name} {_short(each[at])}" for name, each in raw.items() if each.shape == train.shape
        ] or [
            f", {name} {_short(each[at[0]])}"
            for name, each in raw.items()
            if each.ndim == 1 and each.shape == train.shape[:1]
        ]
        lines.append(
            f"[{place}]: {_short(train[at])} in training, {_short(serve[at])} in serving{''.join(beside)}"
        )
    return lines


def differing(train: Array, serve: Array) -> Array | None:
    """Return which elements differ by more than rounding; None if the sides cannot be compared so."""
    if train.shape != serve.shape or is_text(train) != is_text(serve):
        return None
    if not (is_numeric(train) and is_numeric(serve)):
        return np.asarray(train != serve)
    a, b = numbers(train), numbers(serve)
    with np.errstate(invalid="ignore", over="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= tolerance(a, b))
    return np.asarray(~same)


def _places(different: Array, rows: Array) -> Iterator[str]:
    if not rows.all() and len(rows) > 1:
        yield f"in {_listed('sample', np.flatnonzero(rows), len(rows))}"
    if different.ndim == 2:
        yield from _along(different, 1, "column")
    elif different.ndim == _IMAGE and different.shape[-1] in (1, 3, 4):
        yield from _along(different, 3, "channel")
        yield from _border(different)
    elif different.ndim > 2:
        yield from _along(different, 1, "row")
        yield from _along(different, 2, "column")


def _along(different: Array, axis: int, name: str) -> Iterator[str]:
    others = tuple(each for each in range(different.ndim) if each != axis)
    along: Array = np.asarray(different.any(axis=others))
    if not along.all() and len(along) > 1:
        yield f"in {_listed(name, np.flatnonzero(along), len(along))}"


def _border(different: Array) -> Iterator[str]:
    inner = different[:, 1:-1, 1:-1]
    if min(different.shape[1:3]) > 4 and not inner.any():
        yield "in the outermost pixels only"


def _listed(name: str, found: Array, count: int) -> str:
    if len(found) == 1:
        return f"{name} {found[0]} only (of {count})"
    runs = np.split(found, np.flatnonzero(np.diff(found) > 1) + 1)
    words = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    if len(words) > _SHOWN:
        return f"{len(found)} of {count} {name}s"
    return f"{name}s {', '.join(words)} (of {count})"


def _conditions(different: Array, rows: Array, raw: Mapping[str, Array]) -> Iterator[str]:
    for name, each in raw.items():
        if each.shape == different.shape:
            for words, holds in _of_values(each):
                if holds.any() and not holds.all() and np.array_equal(holds, different):
                    yield f"{name} {words}"
        if each.shape[:1] != rows.shape or (len(rows) < _LEAST_ROWS and not is_text(each)):
            continue
        for words, holds in _of_rows(each):
            if holds.any() and not holds.all() and np.array_equal(holds, rows):
                yield f"{name} {words}"
        yield from _of_order(name, each, rows)


def _of_values(raw: Array) -> Iterator[tuple[str, Array]]:
    if is_text(raw):
        yield from _of_texts(raw)
        return
    if not is_numeric(raw):
        return
    x = numbers(raw)
    with np.errstate(invalid="ignore"):
        yield "is missing (NaN)", np.isnan(x)
        yield "is zero", x == 0
        yield "is negative", x < 0
        yield "is zero or negative", x <= 0
        yield "is no whole number", np.isfinite(x) & (x % 1 != 0)


def _of_texts(raw: Array) -> Iterator[tuple[str, Array]]:
    texts = [
        each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in raw.ravel()
    ]

    def holds(test: object) -> Array:
        assert callable(test)  # noqa: S101
        return np.array([bool(test(text)) for text in texts]).reshape(raw.shape)

    yield "is empty", holds(lambda text: not text.strip())
    yield "has capital letters", holds(lambda text: text != text.lower())
    yield "has letters beyond ASCII", holds(lambda text: not text.isascii())
    yield "has digits", holds(lambda text: any(char.isdigit() for char in text))
    yield (
        "has other characters than letters, digits and spaces",
        holds(lambda text: any(not (char.isalnum() or char.isspace()) for char in text)),
    )
    yield "has several spaces in a row, or at an end", holds(lambda text: " ".join(text.split()) != text)


def _of_rows(raw: Array) -> Iterator[tuple[str, Array]]:
    if is_text(raw) and raw.ndim == 1:
        if all(isinstance(each, bytes) and each[:2] in (b"\xff\xd8", b"\x89P", b"GI", b"BM") for each in raw):
            yield from _of_images(raw)
        else:
            yield from _of_texts(raw)
    elif is_numeric(raw):
        for words, holds in _of_values(raw):
            yield words, np.asarray(holds.reshape(len(raw), -1).any(axis=1))


def _of_images(raw: Array) -> Iterator[tuple[str, Array]]:
    from PIL import Image  # noqa: PLC0415 - nothing but images needs it

    facts = []
    for data in raw:
        try:
            with Image.open(io.BytesIO(data)) as image:
                turned = image.getexif().get(_ORIENTATION, 1) != 1
                facts.append((turned, "A" in image.getbands() or "transparency" in image.info, image.mode))
        except OSError:
            return
    yield "says in its EXIF data that it is turned", np.array([each[0] for each in facts])
    yield "has an alpha channel", np.array([each[1] for each in facts])
    for mode in {each[2] for each in facts}:
        yield f"is stored as {mode}", np.array([each[2] == mode for each in facts])


def _of_order(name: str, raw: Array, rows: Array) -> Iterator[str]:
    """Yield the months, or the values from or up to one on, at which the two differ."""
    if raw.ndim != 1 or rows.all() or not rows.any() or len(rows) < 2 * _LEAST_ROWS:
        return
    seconds = seconds_of(raw)
    if seconds is not None:
        months = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12
        share = [rows[months == month].mean() if (months == month).any() else np.nan for month in range(12)]
        most = [month for month in range(12) if share[month] > 0.5]
        told = [each for each in share if not np.isnan(each)]
        # In the months in which clocks change, some rows differ.
        if most and len(told) > len(most) and sum(0 < each < 1 for each in told) <= 2:
            if most[-1] - most[0] == len(most) - 1:
                yield f"{name} is in {_MONTHS[most[0]]} to {_MONTHS[most[-1]]}"
            return
    if not is_numeric(raw) or not np.isfinite(numbers(raw)).all():
        return
    x = numbers(raw)
    inside, outside = x[rows], x[~rows]
    if inside.min() > outside.max():
        yield f"{name} is {_short(inside.min())} or more"
    elif inside.max() < outside.min():
        yield f"{name} is {_short(inside.max())} or less"


def _short(value: object) -> str:
    if isinstance(value, (bytes, str)):
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if not text.isprintable():
            return "…"
        return repr(text if len(text) <= 40 else text[:39] + "…")
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
