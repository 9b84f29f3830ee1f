"""The input and the type of corrections: named changes that may make two arrays agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

#: Numbers of any type, or an object array of ``bytes``.
Array = npt.NDArray[Any]

#: The first JPEG files of an input by decoder, each uint8 [height, width, 3], not turned by EXIF.
Decoded = Mapping[str, Sequence[Array]]

#: Costs. The cheapest proven correction is shown: one without a fit before a fitted one, and one with a name
#: before plain numbers.
NOTHING_FITTED = 1.0
NAMED_CONSTANTS = 2.0
FITTED = 4.0
FITTED_PER_COLUMN = 8.0


class LateError(Exception):
    """The time for one search is over. Its text says what was being tried."""


def never() -> bool:
    """Return False: there is no limit."""
    return False


def unlimited(trying: str) -> None:
    """Do nothing: there is no limit of time to check."""


@dataclass(frozen=True)
class Pair:
    """One tensor as made by training and by serving, with their common input (any number of arrays).

    ``late`` says whether the time for the search is over. ``decoded`` has the JPEG files among the input, by
    the input's name, as the decoders of both stages' environments decode them.
    """

    train: Array
    serve: Array
    raw: Mapping[str, Array] = field(default_factory=dict)
    decoded: Mapping[str, Decoded] = field(default_factory=dict)
    late: Callable[[], bool] = never

    def check_time(self, trying: str) -> None:
        """Raise ``LateError`` if the time for the search is over; ``trying`` says what is being tried."""
        if self.late():
            raise LateError(trying)


@dataclass(frozen=True)
class Fix:
    """A named correction. ``apply`` takes both sides, changes one, and returns both.

    If a correction can be proven on a part only (crops overlap in part), it returns that part of both.
    ``scale`` is the size of the largest intermediate number, which determines the rounding, in units of the
    result; an array if it differs between columns. ``slack`` is how far apart elements may be for a reason
    that ``train`` or ``serve`` names, such as one level of an 8-bit image. ``levels`` means that images may
    still differ by rounding to 8 bits. ``opens`` means that it may be a first step although it alone does not
    make the two agree. ``least`` is the relative difference below which it would only explain rounding.
    ``ties`` are other explanations of the same change, and ``experiment`` is what tells them apart.
    """

    id: str
    title: str
    train: str
    serve: str
    mends: str
    apply: Callable[[Array, Array], tuple[Array, Array]]
    cost: float = NOTHING_FITTED
    scale: float | Array = 0.0
    slack: float = 0.0
    levels: bool = False
    opens: bool = False
    least: float = 0.0
    ties: tuple[str, ...] = ()
    experiment: str = ""


def on_serve(change: Callable[[Array], Array]) -> Callable[[Array, Array], tuple[Array, Array]]:
    """Return a correction of both sides that changes serving's."""
    return lambda train, serve: (train, change(serve))


def on_train(change: Callable[[Array], Array]) -> Callable[[Array, Array], tuple[Array, Array]]:
    """Return a correction of both sides that changes training's, by doing to it what serving does."""
    return lambda train, serve: (change(train), serve)


def is_text(array: Array) -> bool:
    """Whether the array holds strings (``bytes``)."""
    return array.dtype.kind in "OSU"


def is_numeric(array: Array) -> bool:
    """Whether the array holds real numbers; booleans count as 0 and 1."""
    return array.dtype.kind in "biuf" or array.dtype == ml_dtypes.bfloat16


def is_integer(array: Array) -> bool:
    """Whether the array's type holds whole numbers only."""
    return array.dtype.kind in "biu"


def numbers(array: Array) -> npt.NDArray[np.float64]:
    """Return the array as float64; complex numbers become real and imaginary parts on a new last axis."""
    if array.dtype.kind == "c":
        return np.stack([array.real, array.imag], axis=-1).astype(np.float64)
    return array.astype(np.float64)


def short(value: float) -> str:
    """Return a number in a short, readable form."""
    return f"{value:.4g}"
