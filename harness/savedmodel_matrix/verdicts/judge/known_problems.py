"""Known problems compared with the results: what they cover, and whether each still occurs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.check import CheckVerdict
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.domain.wording import listed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.check import Check
    from savedmodel_matrix.domain.definition import Expect

    #: One cell and case.
    Place = tuple[CellId, str]

#: Nothing ran, so nothing is known.
_NOT_RUN = frozenset({Outcome.UNAVAILABLE, Outcome.SKIPPED})

#: More places than this are counted instead of named.
_MOST_NAMED = 3


class Standing(StrEnum):
    """The state of an expectation; the first that applies."""

    EXPIRED = "expired"
    """Its date has passed, so it no longer covers anything, whatever its cells show."""
    UNMATCHED = "unmatched"
    """It matches nothing that ran, or nothing that could be compared."""
    MET = "met"
    """At least one cell shows it, and none is fixed."""
    PARTLY = "partly"
    """Some cells show it, and some are fixed."""
    FIXED = "fixed"
    """Its cells ran, and all are fixed."""
    CHANGED = "changed"
    """No cell shows it, and some show a different or worse problem, which it does not cover."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The result of one cell and case; ``verdict`` is None if there was nothing to compare.

    ``skew`` is the verdict on serving against training, where the case has both pipelines.
    """

    outcome: Outcome
    verdict: Verdict | None
    checks: Mapping[Check, CheckVerdict] = field(default_factory=dict)
    """The results of the case's checks there."""
    skew: Verdict | None = None

    def against(self, *, is_baseline: bool) -> Verdict | None:
        """The verdict that an expectation applies to; the baseline's own verdict does not count."""
        found = [each for each in (None if is_baseline else self.verdict, self.skew) if each is not None]
        return worst(found) if found else None


@dataclass(frozen=True, slots=True)
class Checked:
    """One expectation and the results of its cells; cells with no result are in no tuple."""

    expectation: Expect
    standing: Standing
    shown: tuple[Place, ...]
    """These show exactly what is expected."""
    fixed: tuple[Place, ...]
    """These ran and are better than expected."""
    changed: tuple[Place, ...]
    """These have a different or worse problem."""


@dataclass(frozen=True, slots=True)
class CheckedExpectations:
    """Every expectation, and the cells and cases that they cover."""

    covered: Mapping[Place, int]
    """Index of the expectation that covers a cell and case: the first that does."""
    covered_checks: Mapping[tuple[CellId, str, Check], int]
    """The same of a check there, which says nothing of the cell's outcome and verdict."""
    checked: tuple[Checked, ...]
    """In the order of the definition."""


def check_expectations(
    expectations: Sequence[Expect], today: dt.date, seen: Mapping[Place, Seen], baseline: CellId
) -> CheckedExpectations:
    """Return what the expectations cover on this day, and the state of each.

    The baseline's own verdict does not count: it is compared with itself.
    """
    covered: dict[Place, int] = {}
    covered_checks: dict[tuple[CellId, str, Check], int] = {}
    checked = []
    for index, expectation in enumerate(expectations):
        found: dict[_Sight, list[Place]] = {sight: [] for sight in _Sight}
        for (cell, case), what in seen.items():
            if expectation.selects(cell, case):
                found[_sight(expectation, what, is_baseline=cell == baseline)].append((cell, case))
        if not expectation.is_expired(today):
            for place in found[_Sight.SHOWN]:
                if expectation.check is None:
                    covered.setdefault(place, index)
                else:
                    covered_checks.setdefault((*place, expectation.check), index)
        shown, fixed, changed = (
            tuple(found[sight]) for sight in (_Sight.SHOWN, _Sight.FIXED, _Sight.CHANGED)
        )
        standing = _standing(bool(shown), bool(fixed), bool(changed))
        if expectation.is_expired(today):
            standing = Standing.EXPIRED
        checked.append(Checked(expectation, standing, shown, fixed, changed))
    return CheckedExpectations(covered, covered_checks, tuple(checked))


def remark_on(index: int, checked: Checked) -> str | None:
    """Return what the user should do about an expectation; None if it holds as declared."""
    expectation = checked.expectation
    what = expected_problem(expectation)
    about = f"expect.{index} ({what}, {expectation.owner}, until {expectation.until})"
    shown = f"still seen in {_named(checked.shown)}" if checked.shown else ""
    fixed = f"no longer seen in {_named(checked.fixed)}" if checked.fixed else ""
    changed = f"a different problem in {_named(checked.changed)}" if checked.changed else ""
    everything = "; ".join(filter(None, (shown, fixed, changed)))
    match checked.standing:
        case Standing.EXPIRED:
            return (
                f"{about}: expired, so it no longer covers anything; {everything or 'nothing it matches ran'}"
            )
        case Standing.UNMATCHED:
            return (
                f"{about}: cells '{expectation.cells}' and cases '{expectation.cases}' match nothing that "
                "ran and could be compared"
            )
        case Standing.FIXED:
            return f"{about}: fixed, so remove it; {everything}"
        case Standing.PARTLY:
            return f"{about}: fixed in part, so narrow it; {everything}"
        case Standing.CHANGED:
            return f"{about}: changed; {everything}"
        case Standing.MET:
            return f"{about}: still there, but {changed}" if changed else None


def expected_problem(expectation: Expect) -> str:
    """Return the outcome, verdict or failing check that is expected, in a word or two."""
    if expectation.check is not None:
        return f"{expectation.check} fails"
    return str(expectation.outcome or expectation.verdict)


class _Sight(Enum):
    """What the result of one cell and case means for an expectation."""

    SHOWN = auto()
    FIXED = auto()
    CHANGED = auto()
    UNKNOWN = auto()


_CHECKED = {
    CheckVerdict.FAILS: _Sight.SHOWN,
    CheckVerdict.PASSES: _Sight.FIXED,
    CheckVerdict.FLOAT_NOISE: _Sight.FIXED,
    CheckVerdict.NOT_RUN: _Sight.UNKNOWN,
    None: _Sight.UNKNOWN,
}


def _sight(expectation: Expect, seen: Seen, *, is_baseline: bool) -> _Sight:
    if expectation.check is not None:
        return _CHECKED[seen.checks.get(expectation.check)]
    if expectation.outcome is not None and seen.outcome is expectation.outcome:
        return _Sight.SHOWN
    if seen.outcome in _NOT_RUN:
        return _Sight.UNKNOWN
    if seen.outcome is not Outcome.RECORDED:
        return _Sight.CHANGED
    if expectation.verdict is None:
        return _Sight.FIXED
    verdict = seen.against(is_baseline=is_baseline)
    return _Sight.UNKNOWN if verdict is None else _compared(expectation.verdict, verdict)


def _compared(expected: Verdict, seen: Verdict) -> _Sight:
    if seen is expected or (expected is Verdict.DIVERGED and seen is Verdict.SUSPICIOUS):
        return _Sight.SHOWN
    # An output that became comparable and really differs is a different problem, not a fixed one.
    fixed = seen in {Verdict.IDENTICAL, Verdict.FLOAT_NOISE} and seen.severity < expected.severity
    return _Sight.FIXED if fixed else _Sight.CHANGED


def _standing(shown: bool, fixed: bool, changed: bool) -> Standing:
    if shown:
        return Standing.PARTLY if fixed else Standing.MET
    if changed:
        return Standing.CHANGED
    return Standing.FIXED if fixed else Standing.UNMATCHED


def _named(places: Sequence[Place]) -> str:
    return listed([f"{cell} {case}" for cell, case in places], _MOST_NAMED)
