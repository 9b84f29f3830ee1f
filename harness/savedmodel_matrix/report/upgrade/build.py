"""Build the answer of an upgrade plan from what was measured."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.planning.predictions import came_true
from savedmodel_matrix.questions.standing import Answer
from savedmodel_matrix.report.fixes import remedy_rows
from savedmodel_matrix.report.power import power_row
from savedmodel_matrix.report.upgrade.blockers import blocker_rows, order_of
from savedmodel_matrix.report.upgrade.document import (
    BreakRow,
    FixRow,
    HopRow,
    How,
    ModelRow,
    StepRow,
    UpgradeDocument,
)
from savedmodel_matrix.report.upgrade.fixes import fix_rows
from savedmodel_matrix.report.upgrade.hops import asks, release_row
from savedmodel_matrix.report.upgrade.unknown import surer, unknown
from savedmodel_matrix.report.upgrade.words import model_says

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.fixes import Mending
    from savedmodel_matrix.questions.standing import Standing, Standings
    from savedmodel_matrix.questions.upgrade import Narrowed
    from savedmodel_matrix.report.document import PowerRow, RemedyRow
    from savedmodel_matrix.report.upgrade.document import ReleaseRow


class _Known(NamedTuple):
    """What is known of one case in one release; ``standing`` is the measured one that it follows from."""

    how: How
    standing: Standing | None


def build_upgrade(
    project: Workspace,
    plan: Plan,
    collection: Collection,
    narrowed: Narrowed,
    mending: Mending,
    *,
    target: str,
    run: str,
) -> UpgradeDocument:
    """Return the answer; ``target`` is what the person named."""
    releases = [
        release_row(project, plan, each, measured=any(name in own.of for own in narrowed.found.values()))
        for name, each in plan.environments.items()
    ]
    remedies = remedy_rows(plan, mending)
    powers = {case: power_row(plan, case, collection, project.results.array) for case in plan.cases}
    models = [
        _Model(plan, own, narrowed, releases, remedies).row(powers[case])
        for case, own in narrowed.found.items()
    ]
    blockers = blocker_rows(models)
    return UpgradeDocument(
        target=target,
        run=run,
        first=releases[0].tensorflow,
        last=releases[-1].tensorflow,
        baseline=str(plan.baseline),
        releases=releases,
        models=models,
        blockers=blockers,
        order=order_of(models, blockers),
        unknown=unknown(models, releases, narrowed.found, powers),
        surer=surer(project, plan, collection, releases, target),
        exit_status=_exit_status(models),
    )


def _exit_status(models: Sequence[ModelRow]) -> ExitStatus:
    """Return 1 if a model differs in the last release, 4 if that is open or it does not run there."""
    if any(each.at_last is Answer.DIFFERS for each in models):
        return ExitStatus.DIVERGED
    agree = all(each.at_last is Answer.AGREES for each in models)
    return ExitStatus.OK if agree else ExitStatus.INCOMPLETE


class _Model:
    """One case over the candidates."""

    def __init__(
        self,
        plan: Plan,
        own: Standings,
        narrowed: Narrowed,
        releases: Sequence[ReleaseRow],
        remedies: Sequence[RemedyRow],
    ) -> None:
        self._plan, self._own, self._narrowed, self._releases = plan, own, narrowed, releases
        self._remedies = [row for row in remedies if row.case == own.case]
        self._version = {row.environment: row.tensorflow for row in releases}
        self._known = {row.environment: self._what_is_known(row.environment) for row in releases}

    def row(self, power: PowerRow | None) -> ModelRow:
        """Return all of it."""
        case = self._plan.cases[self._own.case]
        last = self._known[self._releases[-1].environment]
        breaks = self._breaks()
        row = ModelRow(
            case=self._own.case,
            path=case.path if case.package is None else f"{case.package}: {case.path}",
            furthest=self._furthest(),
            at_last=last.standing.answer if last.standing else None,
            fixed=bool(self._fixes(self._releases[-1].environment)),
            says="",
            steps=[self._step(each) for each in self._releases],
            breaks=breaks,
            hops=[],
            needs=self._needs(),
            power=power.power if power else None,
            weak=bool(power and power.weak),
        )
        whole = row.model_copy(update={"hops": self._hops(row)})
        return whole.model_copy(update={"says": model_says(whole, self._releases)})

    def _what_is_known(self, environment: str) -> _Known:
        if environment in self._own.of:
            return _Known(How.MEASURED, self._own.of[environment])
        order = [row.environment for row in self._releases]
        at = order.index(environment)
        before = next((name for name in reversed(order[:at]) if name in self._own.of), None)
        after = next((name for name in order[at:] if name in self._own.of), None)
        if before is None or after is None or not self._own.same(before, after):
            return _Known(How.UNKNOWN, None)
        if self._predicted(environment) not in {self._predicted(before), self._predicted(after)}:
            return _Known(How.UNKNOWN, None)
        return _Known(How.INFERRED, self._own.of[before])

    def _furthest(self) -> str | None:
        found = None
        for row in self._releases:
            known = self._known[row.environment]
            if known.standing is None and row.unavailable is not None:
                continue
            if known.standing is None or known.standing.answer is not Answer.AGREES:
                break
            found = row.tensorflow
        return found

    def _breaks(self) -> list[BreakRow]:
        measured = [row for row in self._releases if row.environment in self._own.of]
        return [
            self._break(before, at)
            for before, at in pairwise(measured)
            if not self._own.same(before.environment, at.environment)
        ]

    def _break(self, before: ReleaseRow, at: ReleaseRow) -> BreakRow:
        standing = self._own.of[at.environment]
        places = [row.environment for row in self._releases]
        between = self._releases[places.index(before.environment) + 1 : places.index(at.environment)]
        best = standing.causes[0] if standing.causes else None
        return BreakRow(
            before=before.tensorflow,
            at=at.tensorflow,
            exact=all(row.unavailable is not None for row in between),
            answer=standing.answer,
            reason=standing.row.reason,
            cause=standing.cause,
            title=best.title if best else None,
            fixes=self._fixes(at.environment),
        )

    def _fixes(self, environment: str) -> list[FixRow]:
        return fix_rows(self._remedies, environment, self._version[environment])

    def _hops(self, row: ModelRow) -> list[HopRow]:
        """Return the hop without a change, and from there the one to the last release with a fix, if any."""
        by_version = {each.tensorflow: each for each in self._releases}
        first, last = self._releases[0], self._releases[-1]
        hops = []
        if row.furthest not in (None, first.tensorflow):
            furthest = by_version[row.furthest]
            hops.append(
                HopRow(first=first.tensorflow, last=row.furthest, fix=None, asks=asks(first, furthest))
            )
        fixes = self._fixes(last.environment)
        if row.furthest is not None and row.furthest != last.tensorflow and fixes:
            furthest = by_version[row.furthest]
            hops.append(
                HopRow(first=row.furthest, last=last.tensorflow, fix=fixes[0], asks=asks(furthest, last))
            )
        return hops

    def _step(self, row: ReleaseRow) -> StepRow:
        known = self._known[row.environment]
        prediction = self._narrowed.predictions.get(self._place(row.environment))
        measured = known.standing if known.how is How.MEASURED else None
        outcome = measured.row.outcome if measured else None
        return StepRow(
            tensorflow=row.tensorflow,
            how=known.how,
            answer=known.standing.answer if known.standing else None,
            outcome=outcome,
            verdict=measured.verdict if measured else None,
            noise_ratio=measured.ratio if measured else None,
            predicted=prediction.kind.value if prediction else None,
            came_true=came_true(prediction, outcome) if prediction and outcome else None,
        )

    def _needs(self) -> list[str]:
        found = (self._narrowed.predictions.get(self._place(row.environment)) for row in self._releases)
        return list(dict.fromkeys(name for each in found if each is not None for name in each.needs))

    def _predicted(self, environment: str) -> object:
        prediction = self._narrowed.predictions.get(self._place(environment))
        return None if prediction is None else (prediction.kind, prediction.stage)

    def _place(self, environment: str) -> tuple[CellId, str]:
        return CellId(environment, self._plan.baseline.setting), self._own.case
