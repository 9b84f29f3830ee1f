"""A plan as text for a terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from savedmodel_matrix.commands.printed import Table, text_of
from savedmodel_matrix.domain.wording import count, first_lines, joined, listed
from savedmodel_matrix.models.preflight.prediction import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from savedmodel_matrix.commands.plan_document import PlanDocument, PlannedEnvironment, PredictedCase

_COLUMNS = ("environment", "work", "packages", "needs", "predicted")
#: How many settings, cases, locks and remarks are named; ``plan --json`` has all of them.
_MOST_LISTED = 20
#: If more cells × cases than this are excluded for one reason, the rest are counted instead of named.
_MOST_NAMED = 6
#: Runs of a case for its noise floor in addition to the replicates: the case is loaded three more times, run
#: twice in two of them, and its batches are run once in two parts.
_MORE_FOR_NOISE = 6
#: Characters of a reason in the table; ``plan --json`` and ``inspect`` show all of it.
_REASON_WIDTH = 60

#: A statement about cases: the verb for one case, the verb for several, and the rest.
_Said = tuple[str, str, str]
_LOADS: _Said = ("loads", "load", "")


def render_plan(plan: PlanDocument) -> str:
    """Return the plan as text for a terminal."""
    table = Table([_row(plan, row) for row in plan.environments], _COLUMNS)
    parts: list[str | Table] = [
        *plan.not_self_contained,
        _extent(plan),
        f"settings: {listed(plan.settings, _MOST_LISTED)}",
        f"cases: {listed(plan.cases, _MOST_LISTED)}",
        f"baseline: {plan.baseline}",
        "",
        table,
        "",
        f"{plan.to_run} to run, {plan.recorded} already recorded",
        _download(plan),
    ]
    if plan.fixes_to_try:
        parts.append(f"fixes to try for the failures so far: {plan.fixes_to_try} cells × cases")
    parts += first_lines(list(_excluded(plan)), _MOST_LISTED)
    parts += _unpredicted(plan)
    problems = [
        f"lock of {row.environment}: {row.lock_problem}" for row in plan.environments if row.lock_problem
    ]
    parts += first_lines(problems, _MOST_LISTED)
    parts += first_lines([f"remark: {remark}" for remark in plan.remarks], _MOST_LISTED)
    return text_of(parts)


def _row(plan: PlanDocument, row: PlannedEnvironment) -> Sequence[str | Sequence[str]]:
    if row.status != "planned":
        why = f"unavailable: {row.unavailable}" if row.unavailable else "excluded, see below"
        return row.environment, why
    return (
        row.environment,
        ", ".join(_work(plan, row)),
        "installed" if row.installed else _size(row.download_mb),
        ", ".join(_needs(row)),
        first_lines(list(predicted_lines(row.predictions)), _MOST_LISTED),
    )


def _work(plan: PlanDocument, row: PlannedEnvironment) -> Iterator[str]:
    if not row.selected:
        yield "not selected"
    elif row.to_run:
        yield f"runs {row.to_run} of {row.selected}"
    else:
        yield f"all {row.selected} recorded"
    if row.noise_floors and plan.replicates is not None:
        more = plan.replicates + _MORE_FOR_NOISE
        yield f"noise floor of {count(row.noise_floors, 'case')} ({more} more runs each)"
    if row.stage_environments:
        yield f"stages in {count(len(row.stage_environments), 'separate environment')}"
    if row.checks:
        yield count(row.checks, "check")


def _needs(row: PlannedEnvironment) -> Iterator[str]:
    if not row.interpreter:
        yield "Python from uv"
    if row.lock != "current":
        yield f"lock {row.lock}"
    for each in row.stage_environments:
        if each.lock != "current":
            yield f"stage lock {each.lock}"


def predicted_lines(predictions: Sequence[PredictedCase]) -> Iterator[str]:
    """Yield a short prediction for an environment's cases, problems first."""
    settings: dict[_Said, dict[str, list[str]]] = {}
    for each in predictions:
        settings.setdefault(_said(each), {}).setdefault(each.case, []).append(each.setting)
    loading = settings.pop(_LOADS, {})
    everywhere = Counter(each.case for each in predictions)
    for said, found in settings.items():
        yield _sentence(_named(found, everywhere), said)
    names = _named(loading, everywhere)
    if len(names) < 2 or any(name not in everywhere for name in names):
        yield from [_sentence(names, _LOADS)] if names else []
    else:
        yield "the others load" if settings else "all load"


def _named(found: dict[str, list[str]], everywhere: Counter[str]) -> list[str]:
    """Return the cases, with their settings if those are not all of them."""
    return [
        case if len(where) == everywhere[case] else f"{case} ({', '.join(where)})"
        for case, where in found.items()
    ]


def _sentence(names: Sequence[str], said: _Said) -> str:
    singular, plural, rest = said
    some = joined(names) if len(names) <= _MOST_NAMED else listed(names, _MOST_NAMED)
    return f"{some} {singular if len(names) == 1 else plural}{rest}"


def _unpredicted(plan: PlanDocument) -> Iterator[str]:
    predicted = {each.case for row in plan.environments for each in row.predictions}
    if names := [case for case in plan.cases if case not in predicted]:
        yield f"no prediction for {listed(names, _MOST_LISTED)}: the model cannot be read here yet"


def _said(prediction: PredictedCase) -> _Said:
    match prediction.kind:
        case Kind.LOADS:
            return _LOADS
        case Kind.NEEDS:
            return "needs", "need", f" {joined(prediction.needs)}"
        case Kind.FAILS:
            why = textwrap.shorten(prediction.because[0], _REASON_WIDTH, placeholder=" …")
            return "fails", "fail", f" to {prediction.stage}: {why}"


def _excluded(plan: PlanDocument) -> Iterator[str]:
    """Yield one line per reason: a pairwise cover leaves out thousands of cells for the same reason."""
    places: dict[str, list[str]] = {}
    for row in plan.excluded:
        places.setdefault(row.reason, []).append(f"{row.cell} {row.case}")
    for reason, names in places.items():
        yield f"excluded: {listed(names, _MOST_NAMED)}: {reason}"


def _extent(plan: PlanDocument) -> str:
    counts = [
        count(len(plan.environments), "environment"),
        count(len(plan.settings), "setting"),
        count(len(plan.cases), "case"),
    ]
    return f"matrix {plan.matrix}: {' × '.join(counts)}"


def downloads(plan: PlanDocument) -> list[int | None]:
    """Return the size in MB of what each environment downloads at most, None where it is unknown."""
    return [row.download_mb for row in plan.environments if row.to_run and not row.installed]


def _download(plan: PlanDocument) -> str:
    coming = downloads(plan)
    known = [size for size in coming if size is not None]
    unknown = len(coming) - len(known)
    plus = f", and {unknown} of unknown size" if unknown else ""
    return f"to download: at most {sum(known)} MB{plus} (less whatever uv has cached)"


def _size(megabytes: int | None) -> str:
    return "unknown size" if megabytes is None else f"{megabytes} MB"
