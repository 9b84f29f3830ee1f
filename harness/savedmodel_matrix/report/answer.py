"""The answer of a report in a few sentences: what agrees, what does not, why, and what fixes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.check import CheckVerdict
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.domain.wording import count, joined, listed
from savedmodel_matrix.report.distributions import random_sentence
from savedmodel_matrix.report.lines import causes, fixed_places, fixes, unselected
from savedmodel_matrix.report.tables import shown_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from savedmodel_matrix.report.document import CellRow, Report
    from savedmodel_matrix.report.lines import Fix

_MOST_NAMED = 3
_AGREE = (Verdict.IDENTICAL, Verdict.FLOAT_NOISE)
_FAILED = {
    Outcome.UNAVAILABLE: "cannot run",
    Outcome.INSTALL_FAILED: "cannot be installed",
    Outcome.IMPORT_FAILED: "cannot import TensorFlow",
    Outcome.LOAD_FAILED: "cannot be loaded",
    Outcome.RUN_FAILED: "cannot be run",
    Outcome.CRASHED: "crashed",
    Outcome.TIMED_OUT: "timed out",
    Outcome.SKIPPED: "did not run",
}


def answer(report: Report) -> list[str]:
    """Return the answer: sentences, the most important first."""
    rows = [row for row in shown_rows(report) if not row.is_left_out]
    parts = ["The harness itself failed; please report the traceback below."] if report.faults else []
    parts += _differences(report, rows)
    parts += filter(None, [random_sentence(rows)])
    parts += _weak(report, rows)
    parts += _skews(report, rows)
    parts += _checks(report)
    parts += _missing(report, rows)
    known = sum(row.expected is not None for row in rows)
    if known:
        parts.append(f"{count(known, 'known problem')} {'is' if known == 1 else 'are'} as expected.")
    left_out = unselected(report)
    return [*parts, f"{left_out}."] if left_out else parts


def _differences(report: Report, rows: Sequence[CellRow]) -> Iterator[str]:
    compared = [row for row in rows if row.cell != report.baseline and row.verdict is not None]
    apart = [row for row in compared if row.verdict not in _AGREE and row.expected is None]
    alike = [row for row in compared if row.verdict in _AGREE]
    same = {row.verdict for row in alike} == {Verdict.IDENTICAL}
    how = "bit for bit" if same else "exactly or within float noise"
    if not compared:
        yield "Nothing could be compared with the baseline."
    elif not apart:
        else_ = " else" if any(row.expected is not None for row in rows) else ""
        that_ran = " that ran" if any(_is_missing(row) for row in rows) else ""
        yield f"Everything{else_}{that_ran} matches the baseline {how}."
    else:
        cases = list(dict.fromkeys(row.case for row in apart))
        where = _where(apart, compared)
        verb = "differs" if len(cases) == 1 else "differ"
        beyond = "may differ" if {row.verdict for row in apart} == {Verdict.SUSPICIOUS} else verb
        yield f"{_cases(report, cases)} {beyond} from the baseline by more than noise{where}."
        yield from _inputs(report, cases)
        if alike:
            yield f"All other results match the baseline {how}."


def _weak(report: Report, rows: Sequence[CellRow]) -> Iterator[str]:
    weak = list(dict.fromkeys(row.case for row in rows if row.weak and row.cell != report.baseline))
    if weak:
        yield (
            f"The agreement of {_cases(report, weak)} is weak: most changes of the model would not have "
            "shown on these inputs either."
        )


def _inputs(report: Report, cases: Sequence[str]) -> Iterator[str]:
    """Yield that the difference comes from preprocessing, where that is proven for every case."""
    entries = [entry for entry in report.entries if entry.case in cases]
    verdicts = [each for entry in entries for each in (entry.given_baselines, entry.baseline_given_theirs)]
    if not {entry.case for entry in entries} >= set(cases) or any(each not in _AGREE for each in verdicts):
        return
    changed = list(dict.fromkeys(each for entry in entries for each in entry.libraries))
    because = f" ({listed(changed, _MOST_NAMED)})" if changed else ""
    yield f"Their inputs already differ{because}; on the same input, the models agree."


def _skews(report: Report, rows: Sequence[CellRow]) -> Iterator[str]:
    skewed = [row for row in rows if row.skew not in (None, *_AGREE) and row.expected is None]
    if skewed:
        cases = _cases(report, list(dict.fromkeys(row.case for row in skewed)))
        yield f"Serving gives different results from training for {cases}."


def _checks(report: Report) -> Iterator[str]:
    failing = [row for row in report.checks if row.verdict is CheckVerdict.FAILS and row.expected is None]
    if failing:
        names = list(dict.fromkeys(f"{row.check} of {row.case}" for row in failing))
        verb = "fails" if len(names) == 1 else "fail"
        yield f"{count(len(names), 'check')} {verb}: {listed(names, _MOST_NAMED)}."


def _missing(report: Report, rows: Sequence[CellRow]) -> Iterator[str]:
    missing = [row for row in rows if _is_missing(row)]
    if not missing:
        return
    by_outcome: dict[Outcome, list[CellRow]] = {}
    for row in missing:
        by_outcome.setdefault(row.outcome, []).append(row)
    required = [row for row in rows if row.required]
    said = [
        f"{_cases(report, list(dict.fromkeys(row.case for row in group)))} {_FAILED[outcome]}"
        f"{_where(group, required)}"
        for outcome, group in by_outcome.items()
    ]
    yield f"{len(missing)} of {len(required)} results are missing: {'; '.join(said)}."
    yield from _causes(report)


def _causes(report: Report) -> Iterator[str]:
    """Yield the cause of the failures, if there is one, and what fixes it."""
    found = causes(report)
    if len(found) != 1:
        if found:
            yield f"They have {len(found)} causes, see below."
        return
    ((cause, title), places) = next(iter(found.items()))
    yield f"Cause: {title}." if cause else "The cause is unknown, see below."
    working = [fix for fix in fixes(report, cause, places) if fix.works] if cause else []
    everywhere = [fix for fix in working if set(fix.places) >= set(places)]
    if everywhere:
        simplest = min(everywhere, key=_simplicity)
        yield f"Verified fix for all of them: {simplest.name}."
    elif working:
        yield f"{len(fixed_places(report, places))} of {len(places)} have a verified fix, see below."


def _simplicity(fix: Fix) -> tuple[int, int, bool]:
    """Return a key that sorts the simplest fix first.

    What is loaded or called needs no other environment, and one value for all is simpler than one each.
    """
    return len(fix.kinds), len(fix.values), not {"endpoint", "loader"}.issuperset(fix.kinds)


def _is_missing(row: CellRow) -> bool:
    return row.required and row.outcome is not Outcome.RECORDED and row.expected is None


def _cases(report: Report, cases: Sequence[str]) -> str:
    if len(cases) == len(report.cases) > 1:
        return f"the {len(cases)} cases"
    return joined(cases) if len(cases) <= _MOST_NAMED else listed(cases, _MOST_NAMED)


def _where(rows: Sequence[CellRow], among: Sequence[CellRow]) -> str:
    """Return " in e1 and e2", " in 5 environments", or nothing where it is everywhere."""
    environments = list(dict.fromkeys(row.environment for row in rows))
    if len(environments) == len({row.environment for row in among}):
        return " everywhere" if len(environments) > 1 else ""
    if len(environments) > _MOST_NAMED or max(map(len, environments)) > 40:
        return f" in {count(len(environments), 'environment')}"
    return f" in {joined(environments)}"
