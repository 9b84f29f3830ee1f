"""Lists of a report as lines of text: failures, predictions, causes and fixes, suggested cells."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.wording import count, joined, listed
from savedmodel_matrix.knowledge.causes.base import RemedyKind
from savedmodel_matrix.report.tables import several

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.report.document import CauseRow, RemedyRow, Report, UntriedRow

    #: An environment and a case.
    Place = tuple[str, str]
    #: The kind and the value of a step.
    Step = tuple[str, str]

#: Remedies that only a person can apply, in words.
_TO_DO: dict[str, str] = {
    RemedyKind.ADVICE: "{}",
    RemedyKind.MODULE: "list in `modules`: {}",
    RemedyKind.UPGRADE: "use TensorFlow {}",
}
_MOST_CASES = 4
_MOST_FIXES = 3
_MOST_NOT_TRIED = 3
_MOST_ERRORS = 3
_MOST_TO_DO = 1


def outside_lines(report: Report, most: int = sys.maxsize) -> list[str]:
    """Return what is to be said first: a paragraph for each model that is not self-contained."""
    said = [row.says for row in report.not_self_contained]
    left = [row.case for row in report.not_self_contained[most:]]
    return [*said[:most], f"Not self-contained either: {listed(left, _MOST_CASES)}."] if left else said


def case_lines(report: Report) -> list[str]:
    """Return the sentence on each case; cases with the same sentence share a line."""
    said: dict[str, list[str]] = {}
    for case in report.cases:
        said.setdefault(case.says, []).append(case.name)
    return [f"{listed(names, _MOST_CASES)}: {says}" for says, names in said.items()]


def failures(report: Report, *, explained: bool = True) -> list[str]:
    """Return one line per reason why cells that were asked for did not run.

    With ``explained`` false, only of those without a known cause.
    """
    causes_of = {(row.environment, row.setting, row.case) for row in report.causes if row.cause}
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for row in report.cells:
        known = (row.environment, row.setting, row.case) in causes_of
        if row.outcome is not Outcome.RECORDED and not row.is_left_out and (explained or not known):
            expected = f" (expected: {row.expected})" if row.expected else ""
            reason = f"{row.reason or ''}{expected}"
            grouped.setdefault((row.outcome.value, reason, row.case), []).append(row.cell)
    merged: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (outcome, reason, case), cells in grouped.items():
        merged.setdefault((outcome, reason, tuple(cells)), []).append(case)
    everything = [case.name for case in report.cases]
    return [
        f"{outcome}: {several(cells)}, {'every case' if cases == everything else ', '.join(cases)}: {reason}"
        for (outcome, reason, cells), cases in merged.items()
    ]


def unselected(report: Report) -> str:
    """Return how much a partial run left out; "" if nothing."""
    left_out = sum(row.is_left_out for row in report.cells)
    return f"{left_out} of {len(report.cells)} cells × cases were not selected" if left_out else ""


def predictions(report: Report) -> list[str]:
    """Return how many predictions of preflight were correct, and every one that was not."""
    told = [
        (row, row.prediction)
        for row in report.cells
        if row.prediction is not None and row.prediction.came_true is not None
    ]
    wrong: dict[tuple[str, str, str], list[str]] = {}
    for row, prediction in told:
        if not prediction.came_true:
            said = f"{prediction.kind} ({'; '.join(prediction.because) or 'nothing speaks against it'})"
            wrong.setdefault((row.case, said, row.outcome.value), []).append(row.cell)
    if not told:
        return []
    right = len(told) - sum(len(cells) for cells in wrong.values())
    return [
        f"{right} of {len(told)} predictions were correct",
        *(
            f"{case}: predicted {said}, but the outcome was {outcome}: {several(tuple(cells))}"
            for (case, said, outcome), cells in wrong.items()
        ),
    ]


def suggestions(report: Report) -> list[str]:
    """Return one line per suggested cell, and what it would tell apart."""
    return [
        f"{row.environment}/{row.setting} with {', '.join(map(' '.join, row.change.items()))}: separates "
        f"{' from '.join(row.separates)} ({', '.join(row.cases)})"
        for row in report.proposals
        if not row.added
    ]


class Fix(NamedTuple):
    """A fix that was tried, with one result; its values may differ between environments."""

    works: bool
    kinds: tuple[str, ...]
    """The kind of each of its steps."""
    values: list[tuple[str, ...]]
    """The values of its steps."""
    says: str
    places: list[Place]

    @property
    def name(self) -> str:
        """The fix in words: ``loader v1-session``, ``package a~=1.0 with variable B=1``."""
        steps = [
            f"{kind} {joined(list(dict.fromkeys(values)), 'or')}".removesuffix(" ")
            for kind, values in zip(self.kinds, zip(*self.values, strict=True), strict=True)
        ]
        return " with ".join([steps[0], joined(steps[1:], "and")] if len(steps) > 1 else steps)


def causes(report: Report) -> dict[tuple[str | None, str], list[Place]]:
    """Return where each cause (id and title) was seen; an unknown one has no id and its text as title."""
    found: dict[tuple[str | None, str], list[Place]] = {}
    for row in report.causes:
        title = row.title if row.cause else " ".join((row.useful or "").split())
        places = found.setdefault((row.cause, title), [])
        if (row.environment, row.case) not in places:
            places.append((row.environment, row.case))
    return found


def fixes(report: Report, cause: str | None, places: Sequence[Place]) -> list[Fix]:
    """Return what was tried for a cause in places, without sets of which a part works as well.

    First comes what works, with fewest steps, in most places, with fewest values.
    """
    struck = {_cell_of(row) for row in report.causes if row.cause == cause}
    rows = [
        row for row in report.remedies if (row.environment, row.case) in places and _cell_of(row) in struck
    ]
    working: dict[tuple[str, str, str], list[set[Step]]] = {}
    for row in rows:
        if row.mended:
            working.setdefault(_cell_of(row), []).append(set(steps_of(row)))
    grouped: dict[tuple[bool, tuple[Step, ...], str], list[RemedyRow]] = {}
    for row in rows:
        if any(part < set(steps_of(row)) for part in working.get(_cell_of(row), [])):
            continue
        family = tuple((kind, _family(kind, value)) for kind, value in steps_of(row))
        grouped.setdefault((row.mended, family, row.says), []).append(row)
    tried_in = _settings_of(rows)
    found = [
        Fix(
            works,
            tuple(kind for kind, _ in family),
            list(dict.fromkeys(tuple(value for _, value in steps_of(row)) for row in same)),
            says,
            _places(same, tried_in),
        )
        for (works, family, says), same in grouped.items()
    ]
    return sorted(found, key=lambda fix: (not fix.works, len(fix.kinds), -len(fix.places), len(fix.values)))


def _settings_of(rows: Sequence[RemedyRow]) -> dict[Place, set[str]]:
    found: dict[Place, set[str]] = {}
    for row in rows:
        found.setdefault((row.environment, row.case), set()).add(row.setting)
    return found


def _places(same: Sequence[RemedyRow], tried: Mapping[Place, set[str]]) -> list[Place]:
    """Return where a fix had one result; with the setting, if fixes for another one had another result."""
    settings = _settings_of(same)
    return list(
        dict.fromkeys(
            (
                row.environment if settings[place] == tried[place] else f"{row.environment}/{row.setting}",
                row.case,
            )
            for row in same
            for place in [(row.environment, row.case)]
        )
    )


def fixed_places(report: Report, places: Sequence[Place]) -> set[Place]:
    """Return the places where a fix works for every setting for which fixes were tried."""
    tried: dict[Place, dict[str, bool]] = {}
    for row in report.remedies:
        settings = tried.setdefault((row.environment, row.case), {})
        settings[row.setting] = settings.get(row.setting, False) or row.mended
    return {place for place in places if place in tried and all(tried[place].values())}


def steps_of(row: RemedyRow | UntriedRow) -> list[Step]:
    """Return the kind and value of each step of a fix."""
    return [(row.kind, row.value), *((each.kind, each.value) for each in row.together)]


def _cell_of(row: RemedyRow | CauseRow | UntriedRow) -> tuple[str, str, str]:
    return row.environment, row.setting, row.case


def _family(kind: str, value: str) -> str:
    """Return what values of one step have in common: tf-keras~=2.16.0 and ~=2.18.0 are the same package."""
    if kind not in ("package", "pin"):
        return value
    named = re.match(r"[\w.-]+?(?=[=<>~! \[;]|$)", value)
    return named.group() if named else value


def cause_lines(report: Report, most: int = 3, *, short: bool = False) -> list[str]:
    """Return, per cause, where it was seen, the error, and what was tried: indented lines, fixes first.

    At most ``most`` environments and cases are named. In short, unknown causes are left to ``failures``, few
    fixes are listed, and no failed attempts where there is a fix.
    """
    lines = []
    for (cause, title), places in causes(report).items():
        if cause is None:
            lines += [] if short else [f"unknown cause: {title} ({_where(places, most)})"]
            continue
        lines.append(f"{cause}: {title} ({_where(places, most)})")
        rows = [row for row in report.causes if (row.cause, row.title) == (cause, title)]
        lines += [f"  {line}" for line in _errors(report, rows, _MOST_ERRORS if short else None)]
        tried = fixes(report, cause, places)
        if short:
            tried = ([fix for fix in tried if fix.works] or tried)[:_MOST_FIXES]
        lines += [f"  {_tried(fix, tried, places, most)}" for fix in tried]
        works = any(fix.works for fix in tried)
        if not (short and works):
            lines += [f"  {each}" for each in _not_tried(report, cause, _MOST_NOT_TRIED if short else None)]
        if not works:
            lines += [f"  to do: {each}" for each in _for_a_person(rows)[: _MOST_TO_DO if short else None]]
    return lines


def _for_a_person(rows: Sequence[CauseRow]) -> list[str]:
    """Return what may help and cannot be tried by this tool."""
    pairs = [each.partition(": ")[::2] for row in rows for each in row.candidates]
    return list(dict.fromkeys(_TO_DO[kind].format(value) for kind, value in pairs if kind in _TO_DO))


def _errors(report: Report, rows: Sequence[CauseRow], most: int | None) -> list[str]:
    """Return the errors of one cause, at most ``most``; if there are several, each with its cases."""
    cells = {(row.environment, row.setting, row.case): row.reason for row in report.cells}
    cases_of: dict[str, list[str]] = {}
    for row in rows:
        reason = cells.get((row.environment, row.setting, row.case)) or "not recorded"
        cases_of.setdefault(reason, []).append(row.case)
    if len(cases_of) == 1:
        return [f"error: {reason}" for reason in cases_of]
    shown = list(cases_of.items())[:most]
    lines = [f"error in {listed(list(dict.fromkeys(cases)), _MOST_CASES)}: {says}" for says, cases in shown]
    left = len(cases_of) - len(shown)
    return [*lines, f"{count(left, 'more error')} with this cause"] if left else lines


def _tried(fix: Fix, tried: Sequence[Fix], struck: Sequence[Place], most: int) -> str:
    start = f"fixed by {fix.name}" if fix.works else f"tried, does not help{_alone(fix, tried)}: {fix.name}"
    only = "" if set(fix.places) >= set(struck) else f": {_where(fix.places, most)}"
    return f"{start} ({fix.says}){only}"


def _alone(fix: Fix, tried: Sequence[Fix]) -> str:
    """Return that it helps with other steps, if it does."""
    own = {step for values in fix.values for step in zip(fix.kinds, values, strict=True)}
    for other in tried:
        steps = {step for values in other.values for step in zip(other.kinds, values, strict=True)}
        if other.works and own < steps:
            return " alone"
    return ""


def _not_tried(report: Report, cause: str | None, most: int | None) -> list[str]:
    """Return the fixes that were not tried, with the reason, one line for each reason."""
    struck = {_cell_of(row) for row in report.causes if row.cause == cause}
    grouped: dict[str, list[str]] = {}
    for row in report.untried:
        if _cell_of(row) in struck:
            name = " with ".join(f"{kind} {value}" for kind, value in steps_of(row))
            grouped.setdefault(row.because, []).append(name)
    return [
        f"not tried: {listed(list(dict.fromkeys(names)), most or len(names))} ({because})"
        for because, names in grouped.items()
    ]


def _where(places: Sequence[Place], most: int) -> str:
    """Return ``e1, e2: cnn, rnn``."""
    environments = list(dict.fromkeys(environment for environment, _ in places))
    cases = list(dict.fromkeys(case for _, case in places))
    return f"{listed(environments, most)}: {listed(cases, most)}"
