"""Two samples of runs: could they be of one distribution, and what difference would have shown?

A run is the unit: its elements may depend on each other in any way. Where that matters, the runs of both
samples are exchanged at random from a fixed seed (a permutation test), so that nothing is assumed about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    #: Runs × columns.
    Columns = NDArray[np.float64]
    #: The numbers of runs of the sample and of the reference.
    Runs = tuple[int, int]

_SEED = 1
_PERMUTATIONS = 499
#: Runs of each sample whose distances from each other are taken: their number grows with the square.
_MOST_DISTANCES = 200
#: Power is the size of a difference that is found in 9 of 10 cases.
_NINE_OF_TEN = 1.2815515655446004
#: A normal deviate that is r times as large moves the mean of its modulus by (r - 1) times this many of the
#: modulus' standard deviations: sqrt(2 / pi) / sqrt(1 - 2 / pi).
_MODULUS = 1.3236
#: A modulus that varies by less than this is that of two values equally far from the mean.
_SAME = 1e-3
#: What rounding leaves of the spread of a column that is always the same.
_FIXED = 1e-9
#: The probability below which a test names what differs.
_TELLS = 1e-3


class Test(StrEnum):
    """What two samples are compared by."""

    VALUES = "values"
    SPREAD = "spread"
    COMMON_SHIFT = "common shift"
    """The mean of all elements' shifts: small ones of many elements in one direction add up."""
    COMMON_SPREAD = "common spread"
    WHOLE = "whole"
    """Numbers on whole runs, and their spread."""
    TOGETHER = "together"
    """The distances of whole runs from each other: also how elements depend on each other."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """How a sample of runs differs from a reference.

    ``p`` is the probability that two samples of one distribution differ as much in any of the tests, and
    ``test`` the one in which they differ most, if possible not the last. ``column`` is the element, and
    ``whole`` the number on whole runs, that differs most; None if none varies. ``shift`` is the difference
    of that element's means in standard deviations. ``spread`` is how many times as much the elements spread
    as in the reference, on average; None if they have no size, or do not vary there. ``columns`` is the
    number of elements that vary.
    """

    p: float
    test: Test
    column: int | None
    shift: float
    spread: float | None
    whole: int | None
    runs: Runs
    columns: int

    def detectable_shift(self, level: float) -> float:
        """Return the shift of one element, in standard deviations, that is found in 9 of 10 cases."""
        critical = float(_norm().isf(level / len(Test) / max(self.columns, 1) / 2))
        return (critical + _NINE_OF_TEN) * _error(self.runs)

    def detectable_spread(self, level: float) -> float:
        """Return the relative change of one normal element's spread that is found likewise."""
        return self.detectable_shift(level) / _MODULUS


@dataclass(frozen=True, slots=True)
class Measured:
    """A sample and its reference, one below the other, and what rounding does to each column."""

    columns: Columns
    resolution: NDArray[np.float64]


def contrast(values: Measured, whole: Measured, runs: Runs, *, numbers: bool) -> Contrast:
    """Return how a sample differs from its reference in the elements of runs and in numbers on whole runs.

    ``numbers`` is whether elements have a size, and so a spread. A column that varies by no more than
    rounding is left out.
    """
    elements, moduli = _standardised(values, numbers=numbers)
    about, about_moduli = _standardised(whole, numbers=True)
    own, own_moduli = (_deviates(each.columns, runs) for each in (elements, moduli))
    of_whole, of_whole_moduli = (_deviates(each.columns, runs) for each in (about, about_moduli))
    found = {
        Test.VALUES: _largest(own),
        Test.SPREAD: _largest(own_moduli),
        Test.COMMON_SHIFT: _common(own, elements.columns, runs) if numbers else 1.0,
        Test.COMMON_SPREAD: _common(own_moduli, moduli.columns, runs),
        Test.WHOLE: _largest(np.concatenate([of_whole, of_whole_moduli])),
        Test.TOGETHER: _energy(elements.columns, runs),
    }
    # How elements go together names a difference only if nothing simpler does.
    simple = [test for test in found if test is not Test.TOGETHER and len(Test) * found[test] < _TELLS]
    test = min(simple or found, key=found.__getitem__)
    column = _widest(moduli, own_moduli) if test is Test.SPREAD else _widest(elements, own)
    shift = 0.0
    if column is not None:
        shift = float(own[elements.kept == column][0]) * _error(runs) if column in elements.kept else 0.0
    about_widest = max(
        ((_widest(about, of_whole), of_whole), (_widest(about_moduli, of_whole_moduli), of_whole_moduli)),
        key=lambda each: np.abs(each[1]).max(initial=0.0),
    )[0]
    return Contrast(
        p=min(1.0, len(Test) * min(found.values())),
        test=test,
        column=column,
        shift=shift,
        spread=_ratio(elements.columns[: runs[0]], elements.columns[runs[0] :]) if numbers else None,
        whole=about_widest,
        runs=runs,
        columns=len(elements.kept),
    )


@dataclass(frozen=True, slots=True)
class _Standardised:
    """Columns with mean 0 and standard deviation 1 over both samples, and which columns they were."""

    columns: Columns
    kept: NDArray[np.int64]


def _standardised(measured: Measured, *, numbers: bool) -> tuple[_Standardised, _Standardised]:
    """Return the columns that vary, and the moduli of their deviations from the mean that do."""
    centred = measured.columns - measured.columns.mean(0)
    kept = np.flatnonzero(_deviation(centred) > measured.resolution)
    values = centred[:, kept]
    moduli = np.abs(values)
    spread = moduli - moduli.mean(0)
    least = np.maximum(measured.resolution[kept], _SAME * _deviation(values))
    wide = np.flatnonzero(_deviation(spread) > least) if numbers else np.zeros(0, np.int64)
    return (
        _Standardised(values / _deviation(values), kept),
        _Standardised(spread[:, wide] / _deviation(spread[:, wide]), kept[wide]),
    )


def _deviation(centred: Columns) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.sqrt(np.mean(centred * centred, 0))
    return found


def _norm() -> Any:  # noqa: ANN401 - SciPy has no types
    from scipy.stats import norm  # noqa: PLC0415 - takes long to import, and few reports need it

    return norm


def _error(runs: Runs) -> float:
    """Return the standard error of a difference of means, in standard deviations."""
    return float(np.sqrt(1 / runs[0] + 1 / runs[1]))


@lru_cache(maxsize=2)
def _signs(runs: Runs) -> Columns:
    """Return permutations × runs: 1 / n for the runs drawn as the sample, -1 / m for the m others."""
    n, m = runs
    random = np.random.default_rng(_SEED)
    drawn = np.argsort(random.random((_PERMUTATIONS, n + m)), axis=1)[:, :n]
    signs = np.full((_PERMUTATIONS, n + m), -1 / m)
    np.put_along_axis(signs, drawn, 1 / n, axis=1)
    return signs


def _deviates(columns: Columns, runs: Runs) -> NDArray[np.float64]:
    """Return the difference of the means of each column, in standard errors."""
    n, m = runs
    own = columns[:n].mean(0) - columns[n:].mean(0)
    # The standard deviation over both samples is 1; within them it is smaller where they differ.
    within = np.sqrt(np.clip(1 - own * own * n * m / (n + m) ** 2, 1e-12, None))
    found: NDArray[np.float64] = own / within / _error(runs)
    return found


def _widest(kept: _Standardised, deviates: NDArray[np.float64]) -> int | None:
    return int(kept.kept[np.argmax(np.abs(deviates))]) if deviates.size else None


def _largest(deviates: NDArray[np.float64]) -> float:
    """Return the probability of the largest deviate, whatever the columns have in common (Bonferroni)."""
    if not deviates.size:
        return 1.0
    return float(min(1.0, deviates.size * 2 * _norm().sf(np.abs(deviates).max())))


def _common(deviates: NDArray[np.float64], columns: Columns, runs: Runs) -> float:
    """Return the probability of the mean deviate; its standard deviation is that of permutations."""
    permuted = _signs(runs) @ columns.mean(1) / _error(runs) if deviates.size else np.zeros(1)
    spread = float(permuted.std())
    return float(2 * _norm().sf(abs(float(deviates.mean())) / spread)) if spread > 0 else 1.0


def _energy(columns: Columns, runs: Runs) -> float:
    """Return the probability of the energy distance between the samples (Székely and Rizzo, 2004).

    Beyond all permutations, the tail is that of the Pearson type III distribution with their moments
    (Kazi-Aoual et al., 1995).
    """
    from scipy.stats import pearson3, skew  # noqa: PLC0415 - as above

    if not columns.shape[1]:
        return 1.0
    n, m = (min(each, _MOST_DISTANCES) for each in runs)
    both = np.concatenate([columns[:n], columns[runs[0] : runs[0] + m]])
    squares = (both * both).sum(1)
    distances = np.sqrt(np.clip(squares[:, None] + squares - 2 * both @ both.T, 0, None))
    signs = _signs((n, m))
    permuted = -np.einsum("ij,ij->i", signs @ distances, signs)
    own = np.concatenate([np.full(n, 1 / n), np.full(m, -1 / m)])
    energy = -float(own @ distances @ own)
    # What is left of equal sums is rounding.
    above = int((permuted >= energy * (1 - 1e-9)).sum())
    if above or not permuted.std() > 0:
        return (above + 1) / (len(permuted) + 1)
    tail = pearson3.sf(energy, skew(permuted), loc=permuted.mean(), scale=permuted.std())
    return float(min(tail, 1 / (len(permuted) + 1)))


def _ratio(sample: Columns, reference: Columns) -> float | None:
    """Return how many times as much the columns spread that vary in both, as a geometric mean.

    It is 0 if they vary in the reference alone, and None if they do not vary there.
    """
    own, base = sample.std(0), reference.std(0)
    both = (own > _FIXED) & (base > _FIXED)
    if both.any():
        return float(np.exp(np.mean(np.log(own[both] / base[both]))))
    return 0.0 if (base > _FIXED).any() else None
