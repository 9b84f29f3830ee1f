"""Values that are a linear function of the other side's: named ranges and units, else fitted constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.verdicts.diagnose.pair import (
    FITTED,
    FITTED_PER_COLUMN,
    NAMED_CONSTANTS,
    NOTHING_FITTED,
    Fix,
    is_integer,
    is_numeric,
    numbers,
    on_serve,
    short,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: Per channel (RGB) over ImageNet's training images in 0..1: torchvision/transforms/_presets.py, and
#: keras/applications/imagenet_utils.py, mode "torch".
_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
_IMAGENET_STD = np.array([0.229, 0.224, 0.225])
#: For levels 0..255, as in Caffe's VGG models: keras/applications/imagenet_utils.py, mode "caffe".
_CAFFE_MEAN = np.array([123.68, 116.779, 103.939])
#: openai/CLIP, clip/clip.py, _transform.
_CLIP_MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
_CLIP_STD = np.array([0.26862954, 0.26130258, 0.27577711])


@dataclass(frozen=True)
class Encoding:
    """How levels 0 to 255 of red, green and blue become values: ``factor * level + offset``."""

    name: str
    factor: Array
    offset: Array
    colours: bool = False  # whether each channel has its own constants


def _plain(name: str, factor: float, offset: float) -> Encoding:
    return Encoding(name, np.full(3, factor), np.full(3, offset))


#: Value ranges that libraries and well-known scripts produce. 0..1: torchvision's ToTensor, tf.image's
#: convert_image_dtype. -1..1: keras.applications, mode "tf". (x - 128) / 128: retrain.py of TensorFlow 1. The
#: others are mistakes in these: the wrong divisor, or a shift without a scale.
ENCODINGS = (
    _plain("0..255", 1.0, 0.0),
    _plain("0..1", 1 / 255, 0.0),
    _plain("-1..1", 1 / 127.5, -1.0),
    _plain("-0.5..0.5", 1 / 255, -0.5),
    _plain("-128..127", 1.0, -128.0),
    _plain("0..1 by 1/256", 1 / 256, 0.0),
    _plain("0..1 divided by 255 again", 1 / 255**2, 0.0),
    _plain("-1..1 by (x - 128) / 128", 1 / 128, -1.0),
    Encoding("ImageNet mean and std", 1 / 255 / _IMAGENET_STD, -_IMAGENET_MEAN / _IMAGENET_STD, colours=True),
    Encoding("ImageNet means subtracted from 0..255 (Caffe)", np.ones(3), -_CAFFE_MEAN, colours=True),
    Encoding("CLIP's mean and std", 1 / 255 / _CLIP_STD, -_CLIP_MEAN / _CLIP_STD, colours=True),
)

#: Factor, offset, training's unit, serving's unit. Inch, foot, pound and mile are exact by the international
#: agreement of 1959; 16-bit samples are divided by 2**15 (librosa, soundfile) or by the largest, 2**15 - 1.
_UNITS = (
    (100.0, 0.0, "percent", "fractions"),
    (1000.0, 0.0, "thousandths (milli)", "units"),
    (1e6, 0.0, "millionths (micro)", "units"),
    (60.0, 0.0, "minutes or seconds", "hours or minutes"),
    (3600.0, 0.0, "seconds", "hours"),
    (180 / np.pi, 0.0, "degrees", "radians"),
    (1.8, 32.0, "degrees Fahrenheit", "degrees Celsius"),
    (1.0, 273.15, "kelvin", "degrees Celsius"),
    (2.54, 0.0, "centimetres", "inches"),
    (1 / 0.3048, 0.0, "feet", "metres"),
    (1 / 0.45359237, 0.0, "pounds", "kilograms"),
    (1.609344, 0.0, "kilometres", "miles"),
    (1 / np.log(10), 0.0, "logarithms to base 10", "natural logarithms"),
    (1 / np.log(2), 0.0, "logarithms to base 2", "natural logarithms"),
    (np.log2(10), 0.0, "logarithms to base 2", "logarithms to base 10"),
    (10 / np.log(10), 0.0, "decibels of power", "natural logarithms"),
    (20 / np.log(10), 0.0, "decibels of magnitude", "natural logarithms"),
    (10.0, 0.0, "decibels of power", "logarithms to base 10"),
    (32768.0, 0.0, "16-bit samples", "samples in -1..1"),
    (32767.0, 0.0, "16-bit samples (by 32767)", "samples in -1..1"),
    (32768 / 32767, 0.0, "16-bit samples divided by 32767", "16-bit samples divided by 32768"),
)
_LOGARITHMS = ("logarithm", "decibel")
#: How close fitted constants must be to named ones. Rounding to 8 bits moves a fit about as much.
_NEAR = 2e-3
#: Fewer values prove nothing: a line through two values always fits.
_LEAST_VALUES = 4
#: A fit this close to no scaling, or to no offset, is also tried without it; the proof decides.
_ONLY = 1e-3
#: An unnamed fit must explain a larger relative difference than a float32 pipeline's rounding can add up to
#: (unit roundoff 6e-8).
_BEYOND_ROUNDING = 1e-4
#: Points so many times the median away are left out of a fit if they are few, and how often it is repeated.
_FAR, _MOST, _REFITS = 6.0, 0.9, 4
#: The least share of an encoding's range that values have to span.
_FILLS = 1 / 64
#: Points that a median is taken of, and the share of a range that is rounding.
_ENOUGH, _ROUNDED = 10_000, 1e-6


@dataclass(frozen=True)
class Line:
    """``factor * serve + offset``, with one of each or one per entry of the axis."""

    factor: Array
    offset: Array
    axis: int | None

    def apply(self, array: Array) -> Array:
        """Return the array with the line applied, as float64."""
        return numbers(array) * self._along(self.factor, array) + self._along(self.offset, array)

    def rounding(self, array: Array) -> Array:
        """Return the largest intermediate number, which determines the rounding."""
        size = np.abs(numbers(array)[np.isfinite(numbers(array))]).max(initial=0.0)
        found: Array = np.abs(self._along(self.factor, array)) * size + np.abs(
            self._along(self.offset, array)
        )
        return found

    def _along(self, values: Array, array: Array) -> Array:
        if self.axis is None:
            return values.reshape(())
        shape = [1] * array.ndim
        shape[self.axis] = -1
        return values.reshape(shape)


def fit(train: Array, serve: Array, axis: int | None) -> Line | None:
    """Fit on every second element or row; the others then prove the fit.

    None if there are too few values to distinguish a line from anything else.
    """
    t, s = numbers(train), numbers(serve)
    if axis is None:
        t, s = t.reshape(1, -1), s.reshape(1, -1)
    else:
        t, s = (np.moveaxis(each, axis, 0).reshape(each.shape[axis], -1) for each in (t, s))
    factors, offsets, told = [], [], 0
    for row_t, row_s in zip(t[:, ::2], s[:, ::2], strict=True):
        known = np.isfinite(row_t) & np.isfinite(row_s)
        x, y = row_s[known], row_t[known]
        values = np.unique(x).size
        told += values >= _LEAST_VALUES
        if values < 2:
            factors.append(1.0)
            offsets.append(float(y.mean() - x.mean()) if x.size else 0.0)
            continue
        factor, offset = _fitted(x, y)
        factors.append(factor)
        offsets.append(offset)
    if 2 * told < len(factors) or not all(factors):
        return None
    return Line(np.array(factors), np.array(offsets), axis)


def _fitted(x: Array, y: Array) -> tuple[float, float]:
    """Return the line through most points: a few that differ for another reason do not count."""
    kept = np.ones(x.size, bool)
    for _ in range(_REFITS):
        centred = x[kept] - x[kept].mean()
        factor = float(centred @ (y[kept] - y[kept].mean()) / (centred @ centred))
        offset = float(y[kept].mean() - factor * x[kept].mean())
        gap = np.abs(y - factor * x - offset)
        limit = _FAR * max(float(np.median(gap[:: max(x.size // _ENOUGH, 1)])), _ROUNDED * float(np.ptp(y)))
        closer = gap <= limit
        if (closer == kept).all() or closer.mean() < _MOST or np.ptp(x[closer]) == 0:
            break
        kept = closer
    return factor, offset


def propose(pair: Pair) -> Iterator[Fix]:
    """Yield lines: between named ranges, between units, and without a name."""
    train, serve = pair.train, pair.serve
    if not (is_numeric(train) and is_numeric(serve)) or train.shape != serve.shape or train.size < 8:
        return
    line = fit(train, serve, None)
    if line is not None:
        yield from _named(pair, line)
        yield from _units(pair, line)
        yield from _plainly(pair, line)
    channels = [axis for axis in {1, train.ndim - 1} if train.ndim > 2 and train.shape[axis] == 3]
    for axis in channels:
        per_channel = fit(train, serve, axis)
        if per_channel is not None:
            yield from _named(pair, per_channel)
    for axis in {train.ndim - 1, *channels} if train.ndim > 1 else ():
        per_column = fit(train, serve, axis)
        rows = train.size // train.shape[axis]
        if per_column is not None and rows >= 8 and train.shape[axis] > 1:
            yield _per_column(pair, per_column, axis)
            if axis == train.ndim - 1:
                yield from _units_of_columns(pair, per_column)


def _named(pair: Pair, line: Line) -> Iterator[Fix]:
    of_sides = [numbers(each)[np.isfinite(numbers(each))] for each in (pair.train, pair.serve)]
    ends = [(float(x.min(initial=np.inf)), float(x.max(initial=-np.inf))) for x in of_sides]
    size = _size(pair.train)
    for of_train in ENCODINGS:
        for of_serve in ENCODINGS:
            if of_train is of_serve or (of_train.colours or of_serve.colours) != (line.axis is not None):
                continue
            if not (
                _may_be(*ends[1], of_serve) and _fills(*ends[0], of_train) and _fills(*ends[1], of_serve)
            ):
                continue
            for order in (slice(None), slice(None, None, -1)):
                factor = (of_train.factor / of_serve.factor)[order]
                offset = (of_train.offset - of_serve.offset * of_train.factor / of_serve.factor)[order]
                if line.axis is None:
                    factor, offset = factor[:1], offset[:1]
                if not _near(line, factor, offset, size):
                    continue
                exact = Line(factor, offset, line.axis)
                colours = of_train.colours or of_serve.colours
                blue_first = " with blue first" if colours and order.step else ""
                yield Fix(
                    id="image-normalisation" if colours else "value-range",
                    title=f"{of_train.name}{blue_first} in training, {of_serve.name} in serving",
                    train=of_train.name + blue_first,
                    serve=of_serve.name,
                    mends=f"in serving, convert {of_serve.name} to {of_train.name}: {_words(exact)}",
                    apply=on_serve(exact.apply),
                    cost=0.9 * NOTHING_FITTED,
                    scale=exact.rounding(pair.serve),
                    opens=True,
                )
                if order.step is None and not colours:
                    break


def _may_be(low: float, high: float, encoding: Encoding) -> bool:
    """Whether the values lie in the encoding's range."""
    ends = np.stack([encoding.offset, encoding.offset + 255 * encoding.factor])
    # Resizing with a cubic or Lanczos kernel overshoots at edges by a few percent.
    room = 0.05 * (ends.max() - ends.min())
    return bool(low >= ends.min() - room and high <= ends.max() + room)


def _size(array: Array) -> float:
    x = numbers(array)
    return float(np.abs(x[np.isfinite(x)]).max(initial=0.0))


def _fills(low: float, high: float, encoding: Encoding) -> bool:
    """Whether the values are more than a few levels of the encoding: 0..1 is hardly a dark 0..255."""
    return bool(high - low > _FILLS * 255 * np.abs(encoding.factor).max())


def _near(line: Line, factor: Array, offset: Array, size: float) -> bool:
    return bool(
        np.all(np.abs(line.factor - factor) <= _NEAR * np.abs(factor))
        and np.all(np.abs(line.offset - offset) <= 2 * _NEAR * max(size, float(np.abs(offset).max())))
    )


def _units(pair: Pair, line: Line) -> Iterator[Fix]:
    size = _size(pair.train)
    for factor, offset, one, other in _UNITS:
        for exact, train, serve in (
            (Line(np.array([factor]), np.array([offset]), None), one, other),
            (Line(np.array([1 / factor]), np.array([-offset / factor]), None), other, one),
        ):
            # Factors close to one are told from one, or rounding would have a unit.
            close = min(1e-4, abs(float(exact.factor[0]) - 1) / 10 or 1e-4)
            if not np.allclose(line.factor, exact.factor, rtol=close) or not _near(
                line, exact.factor, exact.offset, size
            ):
                continue
            logarithms = all(any(word in side for word in _LOGARITHMS) for side in (train, serve))
            # A factor of ten can be many things besides decibels; a logarithm is below zero somewhere.
            if exact.factor in (10.0, 0.1) and not (numbers(pair.train) < 0).any():
                continue
            yield Fix(
                id="log-base" if logarithms else "unit",
                title=f"{train} in training, {serve} in serving",
                train=train,
                serve=serve,
                mends=f"in serving, {_words(exact)}",
                apply=on_serve(exact.apply),
                cost=NAMED_CONSTANTS,
                scale=exact.rounding(pair.serve),
                opens=True,
            )


def _units_of_columns(pair: Pair, line: Line) -> Iterator[Fix]:
    """Yield the units of a few columns where the others agree: beside another fault, they are not alone."""
    differ = np.flatnonzero(
        (np.abs(line.factor - 1) > _ONLY) | (np.abs(line.offset) > _ONLY * _size(pair.train))
    )
    if not 0 < len(differ) <= len(line.factor) / 2:
        return
    factors, offsets = np.ones(len(line.factor)), np.zeros(len(line.factor))
    words: list[tuple[str, str, str]] = []
    for column in differ:
        part = Line(line.factor[column, None], line.offset[column, None], None)
        size = _size(pair.train[..., column])
        for factor, offset, one, other in _UNITS:
            for f, o, train, serve in (
                (factor, offset, one, other),
                (1 / factor, -offset / factor, other, one),
            ):
                if np.allclose(part.factor, f, rtol=1e-4) and _near(part, np.array([f]), np.array([o]), size):
                    factors[column], offsets[column] = f, o
                    words.append((f"column {column}", train, serve))
                    break
            else:
                continue
            break
        else:
            return
    exact = Line(factors, offsets, line.axis)
    train, serve = (", ".join(f"{each[0]} in {each[side]}" for each in words) for side in (1, 2))
    yield Fix(
        id="unit",
        title="; ".join(f"{name}: {one} in training, {other} in serving" for name, one, other in words),
        train=train,
        serve=serve,
        mends=f"in serving, {_words(exact)}",
        apply=on_serve(exact.apply),
        cost=NAMED_CONSTANTS + 0.3 * len(words),
        scale=exact.rounding(pair.serve),
    )


def _plainly(pair: Pair, line: Line) -> Iterator[Fix]:
    known = numbers(pair.train)[np.isfinite(numbers(pair.train))]
    size = float(np.abs(known).max(initial=0.0))
    a, b = float(line.factor[0]), float(line.offset[0])
    both = np.isfinite(numbers(pair.train)) & np.isfinite(numbers(pair.serve))
    gap = np.median(numbers(pair.train)[both] - numbers(pair.serve)[both])
    forms = [("constant-scale-and-offset", f"{short(a)} times serving's, plus {short(b)}", line, 1.0)]
    if abs(a - 1) <= _ONLY:
        offset = Line(np.ones(1), np.array([gap]), None)
        forms.append(("constant-offset", f"serving's plus {short(float(gap))}", offset, 0.0))
    if abs(b) <= _ONLY * size:
        forms.append(
            ("constant-scale", f"{short(a)} times serving's", Line(line.factor, np.zeros(1), None), 0.0)
        )
    for name, words, exact, more in forms:
        yield Fix(
            id=name,
            title=f"training's values are {words}",
            train=f"mean {short(_mean(pair.train))}, std {short(_std(pair.train))}",
            serve=f"mean {short(_mean(pair.serve))}, std {short(_std(pair.serve))}",
            mends=f"in serving, {_words(exact)}; look for a different mean, deviation or range",
            apply=on_serve(exact.apply),
            cost=FITTED + more,
            scale=exact.rounding(pair.serve),
            least=_BEYOND_ROUNDING if not is_integer(pair.train) else 0.0,
        )


def _per_column(pair: Pair, line: Line, axis: int) -> Fix:
    count = pair.train.shape[axis]
    train, serve = _looks(pair.train), _looks(pair.serve)
    scaled = train != serve
    return Fix(
        id="scaling" if scaled else "column-constants",
        title=f"{train} in training, {serve} in serving"
        if scaled
        else f"each of the {count} columns is scaled with different constants in training and serving",
        train=train,
        serve=serve,
        mends="in serving, scale with the constants saved by training; per column: " + _words(line),
        apply=on_serve(line.apply),
        cost=FITTED_PER_COLUMN + 0.01 * count,
        scale=line.rounding(pair.serve),
        least=_BEYOND_ROUNDING,
    )


def _looks(array: Array) -> str:
    """Return what the values look like. The bounds are wide: this only describes a finding, not proves it."""
    x = numbers(array)
    x = x[np.isfinite(x)]
    if x.min() >= -0.25 and x.max() <= 1.25:
        return "min-max (values about 0..1)"
    if abs(x.mean()) < 0.75 and 0.5 < x.std() < 2 and x.min() < -0.5:
        return f"z-score (mean {short(x.mean())}, std {short(x.std())})"
    return "unknown constants"


def _words(line: Line) -> str:
    if line.factor.size == 1:
        return f"multiply by {line.factor[0]:.6g} and add {line.offset[0]:.6g}"
    shown = min(line.factor.size, 6)
    factors = ", ".join(f"{value:.6g}" for value in line.factor[:shown])
    offsets = ", ".join(f"{value:.6g}" for value in line.offset[:shown])
    more = f" (the first {shown} of {line.factor.size})" if shown < line.factor.size else ""
    return f"multiply by {factors} and add {offsets}{more}"


def _mean(array: Array) -> float:
    return float(np.nanmean(numbers(array)))


def _std(array: Array) -> float:
    return float(np.nanstd(numbers(array)))
