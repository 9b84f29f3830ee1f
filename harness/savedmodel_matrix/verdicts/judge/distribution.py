"""The verdict on a random output: whether its runs in one cell and in the baseline have one distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.distribution import ABOUT
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.domain.wording import count
from savedmodel_matrix.verdicts.compare.elements import Kind, element_of
from savedmodel_matrix.verdicts.compare.two_sample import Measured, Test, contrast
from savedmodel_matrix.verdicts.judge.categories import MOST_VALUES, categories
from savedmodel_matrix.verdicts.judge.tolerance import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.distribution import Sample
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.compare.two_sample import Columns, Contrast, Runs

#: The probability that any comparison of a matrix calls a distribution another one although it is not: up to
#: the first it is suspicious, up to the second it differs. Each is divided by the number of comparisons.
SUSPICIOUS, DIVERGED = 1e-2, 1e-4
#: Runs that would not have shown a shift of one standard deviation are too few to say that nothing differs.
_LEAST_POWER = 1.0
#: Integers that take more values than this may be amounts, and then their mean tells more than shares.
_FEW_VALUES = 16
#: A change of spread that is not worth naming.
_SAME_SPREAD = 0.05


@dataclass(frozen=True, slots=True)
class DistributionJudgement:
    """The verdict on a random output, and how sure it is.

    ``verdict`` is None if too few runs were made to tell; it is never ``identical``. ``shift`` and ``spread``
    are those of the ``Contrast``. ``detectable_shift`` (in standard deviations) and ``detectable_spread``
    would have shown in one element. All are None if the samples cannot be compared.
    """

    verdict: Verdict | None
    says: str
    runs: Runs
    p: float | None = None
    shift: float | None = None
    spread: float | None = None
    detectable_shift: float | None = None
    detectable_spread: float | None = None


def judge_distribution(
    sample: Sample, reference: Sample, comparisons: int, read: Callable[[ArrayEntry], Array]
) -> DistributionJudgement:
    """Return the judgement of an output's sample in a cell; ``comparisons`` is how many there are in all."""
    runs = sample.runs, reference.runs
    if sample.dtype != reference.dtype:
        says = f"its type is {sample.dtype}, and {reference.dtype} in the baseline"
        return DistributionJudgement(Verdict.INCOMPARABLE, says, runs)
    if sample.shape != reference.shape and None not in (sample.shape, reference.shape):
        says = f"its shape is {list(sample.shape or ())}, and {list(reference.shape or ())} in the baseline"
        return DistributionJudgement(Verdict.INCOMPARABLE, says, runs)
    kind = element_of(sample.dtype).kind
    names, elements, sized, distinct = _elements(kind, (sample, reference), read)
    numbers = sized > 0 or not names
    about = np.concatenate([_repeated(each, each.whole, read) for each in (sample, reference)])
    # The mean of few labels says nothing that their shares do not.
    about = about if numbers or distinct > _FEW_VALUES else about[:, :1]
    found = contrast(
        Measured(elements, _resolution(elements, sample.dtype) if numbers else np.zeros(elements.shape[1])),
        Measured(about, _resolution(about, sample.dtype)),
        runs,
        numbers=numbers,
    )
    level = SUSPICIOUS / max(comparisons, 1)
    shift, spread = found.detectable_shift(level), found.detectable_spread(level)
    verdict: Verdict | None = Verdict.FLOAT_NOISE
    if found.p <= DIVERGED / max(comparisons, 1):
        verdict = Verdict.DIVERGED
    elif found.p <= level:
        verdict = Verdict.SUSPICIOUS
    elif shift > _LEAST_POWER and (sample.varies or reference.varies):
        verdict = None
    if verdict in (Verdict.DIVERGED, Verdict.SUSPICIOUS):
        what = _difference(found, names, elements, about, sized)
        says = f"another distribution: {what} (p = {found.p:.1g}, {_runs(runs)})"
    else:
        says = _agreement(verdict, found, level, runs, numbers=numbers)
    return DistributionJudgement(
        verdict,
        says,
        runs,
        found.p,
        found.shift,
        found.spread,
        shift,
        spread if numbers else None,
    )


def _elements(
    kind: Kind, both: Sequence[Sample], read: Callable[[ArrayEntry], Array]
) -> tuple[list[str], Columns, int, int]:
    """Return the elements of both samples as columns: names, columns, how many have a size, how many values.

    The first ones have a size. The others are shares of values: of integers, booleans and strings.
    """
    if any(each.values is None for each in both):
        return [], np.zeros((sum(each.runs for each in both), 0)), 0, 0
    where = [_named(position, both[0].shape or ()) for position in read(both[0].positions).tolist()]
    values = np.concatenate([_repeated(each, each.values, read) for each in both])
    if kind in (Kind.INTEGER, Kind.BOOLEAN, Kind.STRING):
        named, shares, distinct = categories(where, values)
        if distinct <= MOST_VALUES or kind is Kind.STRING:
            return named, shares, 0, distinct
        columns = np.concatenate([values.astype(np.float64), shares], axis=1)
        return [*where, *named], columns, len(where), distinct
    loaded = element_of(both[0].dtype).load(values.reshape(-1)).reshape(values.shape)
    if kind is Kind.COMPLEX:
        where = [f"{part} {name}" for part in ("real part of", "imaginary part of") for name in where]
        loaded = np.concatenate([loaded.real, loaded.imag], axis=1)
    # A number on whole runs says how many are not finite.
    return where, np.where(np.isfinite(loaded), loaded, 0.0), len(where), 0


def _repeated(sample: Sample, entry: ArrayEntry | None, read: Callable[[ArrayEntry], Array]) -> Array:
    """Return the rows of every run: of a sample that never varies, one is stored."""
    assert entry is not None  # noqa: S101 - the callers look
    rows = np.asarray(read(entry)).reshape(entry.shape)
    return rows if sample.varies else np.repeat(rows, sample.runs, axis=0)


def _resolution(columns: Columns, dtype: str) -> Columns:
    """Return what rounding does to each column: the default tolerance of the type, relative to its size."""
    tolerance = DEFAULTS.get(dtype)
    relative = max(tolerance.rtol, tolerance.atol) if tolerance else 0.0
    sizes = np.abs(columns).max(0, initial=0.0)
    typical = float(np.sqrt(np.mean(columns * columns))) if columns.size else 0.0
    found: Columns = np.maximum(relative * np.maximum(sizes, typical), 1e-12 * sizes)
    return found


def _named(position: int, shape: Sequence[int]) -> str:
    index = np.unravel_index(position, tuple(shape)) if shape else ()
    return f"element {[int(each) for each in index]}" if index else "it"


def _difference(found: Contrast, names: Sequence[str], elements: Columns, about: Columns, sized: int) -> str:
    """Return in what the distributions differ."""
    name = names[found.column] if found.column is not None and names else "it"
    if found.test is Test.WHOLE and found.whole is not None:
        means = _means(about[:, found.whole], found.runs)
        return f"{ABOUT[found.whole]} is {means[0]:.4g} on average, and {means[1]:.4g} in the baseline"
    if found.test is Test.VALUES and found.column is not None:
        return _of_element(name, elements[:, found.column], found, is_share=found.column >= sized)
    if found.test is Test.COMMON_SHIFT:
        return f"its elements are shifted together, {name} by {abs(found.shift):.2g} standard deviations"
    if found.test in (Test.SPREAD, Test.COMMON_SPREAD):
        return _of_spread(name, found.spread)
    return "its elements depend on each other, or are distributed, in another way"


def _of_element(name: str, column: Columns, found: Contrast, *, is_share: bool) -> str:
    means = _means(column, found.runs)
    if is_share:
        return f"{name} in {100 * means[0]:.3g} % of cases, and in {100 * means[1]:.3g} % in the baseline"
    says = f"the mean of {name} is {means[0]:.4g}, and {means[1]:.4g} in the baseline"
    is_fixed = not np.ptp(column[: found.runs[0]]) and not np.ptp(column[found.runs[0] :])
    return says if is_fixed else f"{says}: {abs(found.shift):.2g} standard deviations"


def _of_spread(name: str, spread: float | None) -> str:
    if not spread:
        where = ("here", "in the baseline") if spread == 0 else ("in the baseline", "here")
        return f"it never varies {where[0]}, and does {where[1]}"
    if abs(spread - 1) < _SAME_SPREAD:
        return f"{name} lies at other distances from its mean"
    return f"it spreads {spread:.3g} times as much as in the baseline"


def _means(column: Columns, runs: Runs) -> tuple[float, float]:
    return float(column[: runs[0]].mean()), float(column[runs[0] :].mean())


def _agreement(verdict: Verdict | None, found: Contrast, level: float, runs: Runs, *, numbers: bool) -> str:
    shift = found.detectable_shift(level)
    if numbers:
        shown = f"a shift of {shift:.2g} standard deviations or a spread changed by "
        shown += f"{100 * found.detectable_spread(level):.2g} %"
    else:
        # A value with the probability 1/2 has the standard deviation 1/2, and no other a larger one.
        shown = f"a probability changed by {shift / 2:.2g}"
    if verdict is None:
        return f"too few runs to tell: only {shown} would have shown ({_runs(runs)})"
    if not found.columns and found.whole is None:
        return f"the runs differ by rounding only, in both ({_runs(runs)})"
    says = f"nothing shows another distribution (p = {found.p:.1g}); {shown} in one element would have shown"
    return f"{says} ({_runs(runs)})"


def _runs(runs: Runs) -> str:
    return f"{count(runs[0], 'run')} against {runs[1]}"
