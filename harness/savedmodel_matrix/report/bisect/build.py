"""Build the answer of a bisection from what was measured."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from packaging.version import Version

from savedmodel_matrix.domain.bisect import TENSORFLOW, Bisect, Predicate
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.wording import joined
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.evidence.recorded import Evidence
from savedmodel_matrix.knowledge.release_notes import notes_between
from savedmodel_matrix.planning.bisect import version_of
from savedmodel_matrix.questions.bisect import pins_of, searched, swap_plan, swaps_of
from savedmodel_matrix.questions.fixes import causes_of, mending_of
from savedmodel_matrix.questions.predicates import judged
from savedmodel_matrix.report.bisect.document import (
    BisectDocument,
    ChangeRow,
    MeasuredRow,
    PackageRow,
    SwapRow,
)
from savedmodel_matrix.report.fixes import remedy_rows
from savedmodel_matrix.report.upgrade.fixes import fix_rows

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collected, Collection
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.bisect import Change, Found, Swap
    from savedmodel_matrix.questions.predicates import Judged
    from savedmodel_matrix.verdicts.causes.match import Match

_ASKED = {
    Predicate.OUTCOME: "does it run, and if not, why?",
    Predicate.VERDICT: "does it run, and agree with the good version within noise?",
    Predicate.BITS: "are the outputs bit for bit those of the good version?",
    Predicate.DECISION: "are the decisions those of the good version?",
}


def build_bisection(project: Workspace, plan: Plan, bisect: Bisect, *, run: str) -> BisectDocument:
    """Return the answer, from what is in the store."""
    found = searched(project, plan, bisect, set(plan.environments))
    made = _Bisection(project, plan, bisect, found)
    problem = _problem(plan, bisect, found)
    return BisectDocument(
        target=bisect.target,
        run=run,
        package=bisect.package,
        predicate=bisect.predicate,
        asked=_asked(bisect),
        good=bisect.versions[0],
        bad=bisect.versions[-1],
        measured=[made.measured(name) for name in plan.environments if made.is_measured(name)],
        unmeasured=[made.version(name) for name in plan.environments if not made.is_measured(name)],
        changes=[made.change(each) for each in found.changes] if problem is None else [],
        problem=problem,
        exit_status=ExitStatus.INCOMPLETE if problem else ExitStatus.OK,
    )


def _asked(bisect: Bisect) -> str:
    if bisect.predicate is Predicate.COMMAND:
        return f"does `{bisect.command}` exit with 0?"
    if bisect.predicate is Predicate.NOISE:
        return f"does it differ from the good version by more than {bisect.over:g} times the noise?"
    return _ASKED[bisect.predicate]


def _problem(plan: Plan, bisect: Bisect, found: Found) -> str | None:
    first, *_, last = plan.environments
    for end, name in ((bisect.versions[0], first), (bisect.versions[-1], last)):
        if name not in found.judged or found.judged[name].answer is None:
            return f"{bisect.package} {end} could not be judged, so nothing can be narrowed down"
    if not found.changes:
        same = _words(found.judged[first].answer)
        return f"both ends have the same answer ({same}): there is nothing to find"
    return None


class _Bisection:
    """One bisection, with what is known at its changes."""

    def __init__(self, project: Workspace, plan: Plan, bisect: Bisect, found: Found) -> None:
        self._project, self._plan, self._bisect, self._found = project, plan, bisect, found
        self._collection = collect(project, plan, Selection())
        self._rows = _rows_of(self._collection, plan.baseline.setting)
        self._remedies = remedy_rows(plan, mending_of(project, plan, self._collection))
        self._swaps = swaps_of(project, plan, bisect, found.changes)
        beside = swap_plan(plan, self._swaps)
        self._swapped: Mapping[str, Judged] = {}
        if beside is not None:
            collection, evidence = (
                collect(project, beside, Selection()),
                Evidence(project, beside, Selection()),
            )
            self._swapped = judged(project, beside, bisect, collection, evidence)

    def version(self, name: str) -> str:
        """Return the version of the bisected package."""
        return version_of(self._bisect, self._plan.environments[name])

    def is_measured(self, name: str) -> bool:
        """Whether it was tried."""
        return name in self._found.judged

    def measured(self, name: str) -> MeasuredRow:
        """Return one version and its answer."""
        found = self._found.judged[name]
        return MeasuredRow(
            version=self.version(name), environment=name, answer=_words(found.answer), reason=found.reason
        )

    def change(self, change: Change) -> ChangeRow:
        """Return everything that is known of a change."""
        before, after = (self._plan.environments[name] for name in (change.before, change.after))
        failed = next((row for row in self._rows[change.after] if row.outcome is not Outcome.RECORDED), None)
        matches = [] if failed is None else self._causes(failed)
        good = str(_words(self._found.judged[change.before].answer))
        swaps = [self._swap(each) for each in self._swaps if each.change == change]
        versions = self.version(change.before), self.version(change.after)
        return ChangeRow(
            before=versions[0],
            after=versions[1],
            exact=change.exact,
            unjudged=self._between(change),
            answer_before=good,
            answer_after=str(_words(self._found.judged[change.after].answer)),
            reason=self._found.judged[change.after].reason,
            cause=matches[0].cause.id if matches else None,
            title=matches[0].title if matches else None,
            packages=_packages(pins_of(self._project, before), pins_of(self._project, after)),
            swaps=swaps,
            blame=_blame(self._bisect, versions, good, swaps),
            confounded=None
            if before.python == after.python
            else f"Python changes here as well, from {before.python} to {after.python}: no Python runs both",
            known=_known(self._bisect, versions),
            git=(self._git(change.before), self._git(change.after)),
            fixes=fix_rows(self._remedies, change.after, after.tensorflow),
            reproduce=_command(self._bisect, *versions),
        )

    def _between(self, change: Change) -> list[str]:
        names = list(self._plan.environments)
        between = names[names.index(change.before) + 1 : names.index(change.after)]
        return [
            self.version(name) for name in between if name in self._found.left_out and self.is_measured(name)
        ]

    def _causes(self, failed: Collected) -> Sequence[Match]:
        return causes_of(self._project, self._plan, failed, self._collection.ready[failed.case])

    def _swap(self, swap: Swap) -> SwapRow:
        found = self._swapped.get(swap.environment.id)
        return SwapRow(
            package=swap.package,
            old=swap.old,
            new=swap.new,
            answer=None if found is None else _words(found.answer),
            reason=None if found is None else found.reason,
        )

    def _git(self, name: str) -> str | None:
        found = (row.recording.effective.tensorflow_git for row in self._rows[name] if row.recording)
        return next((each for each in found if each), None)


def _rows_of(collection: Collection, setting: str) -> dict[str, list[Collected]]:
    rows: dict[str, list[Collected]] = {}
    for row in collection.rows:
        if row.cell.setting == setting:
            rows.setdefault(row.cell.environment, []).append(row)
    return rows


def _words(answer: Hashable) -> str | None:
    """Return an answer in words, that of several cases once if they have the same; None if there is none."""
    if answer is None:
        return None
    if not isinstance(answer, tuple):
        return str(answer)
    return joined(list(dict.fromkeys(map(str, answer))))


def _known(bisect: Bisect, versions: tuple[str, str]) -> list[str]:
    if bisect.package != TENSORFLOW:
        return []
    older, newer = sorted(versions, key=Version)
    return notes_between(older, newer)


def _packages(old: Mapping[str, str], new: Mapping[str, str]) -> list[PackageRow]:
    names = sorted(old.keys() | new.keys())
    return [
        PackageRow(name=name, old=old.get(name), new=new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    ]


def _blame(bisect: Bisect, versions: tuple[str, str], good: str, swaps: Sequence[SwapRow]) -> str:
    """Return what is to blame, as far as putting packages back tells."""
    if bisect.package != TENSORFLOW:
        return f"{bisect.package} {versions[1]}: every other package stayed the same as far as it could"
    guilty = [each for each in swaps if each.answer == good]
    if guilty:
        named = joined([f"{each.package} {each.old} in place of {each.new}" for each in guilty], "or")
        return f"a dependency: with {named}, TensorFlow {versions[1]} gives the good answer"
    innocent = [each.package for each in swaps if each.answer is not None]
    open_ = [each.package for each in swaps if each.answer is None]
    if not swaps:
        return f"TensorFlow {versions[1]}: no other package changed"
    each_ = ", one at a time," if len(innocent) > 1 else ""
    tried = f"putting back {joined(innocent)}{each_} changes nothing" if innocent else ""
    left = f"{joined(open_)} cannot be put back beside TensorFlow {versions[1]}" if open_ else ""
    says = "; ".join(part for part in (tried, left) if part)
    return f"TensorFlow {versions[1]}{' itself' if not open_ else ', or what it requires'}: {says}"


def _command(bisect: Bisect, good: str, bad: str) -> str:
    """Return the command that shows this change alone."""
    options = ["--good", good, "--bad", bad, "--on", bisect.predicate]
    if bisect.package != TENSORFLOW:
        options = ["--package", bisect.package, "--tensorflow", bisect.tensorflow or "", *options]
    if bisect.predicate is Predicate.NOISE:
        options += ["--over", f"{bisect.over:g}"]
    for option, value in (
        ("--command", bisect.command),
        ("--case", bisect.case),
        ("--python", bisect.python),
    ):
        if value is not None:
            options += [option, value]
    return f"nox -s bisect -- {shlex.join([bisect.target, *options])}"
