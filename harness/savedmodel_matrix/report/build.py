"""Build the report of a plan from what was collected: classes, divergences, verdicts, exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.check import CheckVerdict
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import POSTPROCESS
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.evidence.judged import judge_case
from savedmodel_matrix.planning.predictions import planned_facts, predict_plan
from savedmodel_matrix.report.before import hidden
from savedmodel_matrix.report.checks import check_rows, verdicts_by_place
from savedmodel_matrix.report.distributions import (
    comparisons,
    distribution_rows,
    random_summary,
    relate_distributions,
)
from savedmodel_matrix.report.document import ClassRow, ProposalRow, Report
from savedmodel_matrix.report.explain import explain_case
from savedmodel_matrix.report.fixes import cause_rows, check_fix_rows, remedy_rows, untried_rows
from savedmodel_matrix.report.initialisation import initialisation_remarks
from savedmodel_matrix.report.outside import outside_rows
from savedmodel_matrix.report.pipelines.entries import entry_rows
from savedmodel_matrix.report.pipelines.findings import finding_rows
from savedmodel_matrix.report.pipelines.skew import skew_rows
from savedmodel_matrix.report.pipelines.stages import (
    pipelines_of,
    stage_factors,
    stage_remarks,
    stage_rows,
    summaries,
    with_postprocess,
    with_unstable_inputs,
)
from savedmodel_matrix.report.power import set_power, unproven
from savedmodel_matrix.report.propose import proposal_rows
from savedmodel_matrix.report.remarks import case_remarks
from savedmodel_matrix.report.rows import (
    case_rows,
    cell_row,
    divergence_row,
    environment_rows,
    expectation_rows,
    output_row,
    prediction_row,
    setting_rows,
)
from savedmodel_matrix.report.tables import MOST_CLASSES, class_name
from savedmodel_matrix.verdicts.compare.classes import representative_pairs
from savedmodel_matrix.verdicts.judge.known_problems import Seen, check_expectations, remark_on

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collected, Collection
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.fixes import Mending
    from savedmodel_matrix.report.document import CellRow, CheckRow, DivergenceRow, OutputRow
    from savedmodel_matrix.report.explain import CaseExplanation
    from savedmodel_matrix.report.pipelines.document import EntryRow, FindingRow, SkewRow, StageRow
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.judge.known_problems import CheckedExpectations


def build_report(
    project: Workspace,
    plan: Plan,
    collection: Collection,
    mending: Mending,
    *,
    run: str,
    content: str,
    today: dt.date,
) -> Report:
    """Return the report; arrays are read from the store by memory map, expectations held to ``today``."""
    read = project.results.array
    remarks = [*plan.remarks, *collection.remarks]
    cells = [cell_row(row) for row in collection.rows]
    of_case: dict[str, list[tuple[Collected, CellRow]]] = {case: [] for case in plan.cases}
    for row, cell in zip(collection.rows, cells, strict=True):
        of_case[row.case].append((row, cell))
    _predict(project, plan, collection, cells)
    class_rows: list[ClassRow] = []
    divergence_rows: list[DivergenceRow] = []
    stages: list[StageRow] = []
    entries: list[EntryRow] = []
    skews: list[SkewRow] = []
    findings: list[FindingRow] = []
    said: dict[str, list[str]] = {}
    checks: list[CheckRow] = []
    explained: dict[str, CaseExplanation] = {}
    judged: dict[str, _CaseRows] = {}
    total = comparisons(plan, collection)
    for case in plan.cases:
        collected = [row for row, _ in of_case[case]]
        rows = judged[case] = _CaseRows(read, plan, case, collected, collection, total)
        classes, divergences = rows.classes(), rows.divergences()
        if rows.pipelines:
            class_of = {cell: row.cells[0] for row in classes for cell in row.cells}
            found = stage_rows(rows.pipelines)
            stages += found
            remarks += stage_remarks(case, found, rows.pipelines, plan.baseline)
            entered = entry_rows(plan, case, collection, rows.pipelines, divergences, class_of, read)
            skewed = skew_rows(plan, case, collection, rows.pipelines, read)
            entries, skews = entries + entered, skews + skewed
            findings += finding_rows(project, plan, case, collection, rows.pipelines, read)
            said[case] = summaries(entered, skewed)
        class_rows += classes
        divergence_rows += divergences
        checks += rows.checks()
        for _, cell in of_case[case]:
            if cell.outcome is Outcome.RECORDED:
                cell.not_compared = rows.not_compared
        libraries = stage_factors(rows.pipelines)
        explained[case] = explain_case(
            plan, case, collected, classes, divergences, libraries, collection.locked
        )
        remarks += [*rows.remarks, *initialisation_remarks(case, collected)]
    _relate(cells, class_rows, divergence_rows, str(plan.baseline))
    distributions = [row for each in judged.values() for row in each.distributions]
    only_random = [case for case, each in judged.items() if each.is_random_throughout]
    relate_distributions(cells, distributions, str(plan.baseline), only_random)
    _skewed(cells, skews)
    powers = set_power(plan, collection, cells, read)
    expected = _expect(plan, cells, checks, today)
    selected = " ".join(plan.remarks)  # an empty selection has already been reported
    remarks += [
        remark
        for index, checked in enumerate(expected.checked)
        if (remark := remark_on(index, checked)) is not None and f"expect.{index}:" not in selected
    ]
    faults = [state.fault for state in collection.states.values() if state and state.fault]
    return Report(
        matrix=plan.matrix,
        not_self_contained=outside_rows(project, plan, collection, read),
        run=run,
        content=content,
        baseline=str(plan.baseline),
        environments=environment_rows(plan, collection),
        settings=setting_rows(plan),
        cases=case_rows(
            plan,
            collection,
            {
                name: "; ".join(
                    [
                        found.says,
                        *hidden(name, divergence_rows, class_rows, str(plan.baseline)),
                        *said.get(name, ()),
                        *random_summary(judged[name].distributions),
                    ]
                )
                for name, found in explained.items()
            },
            powers,
        ),
        cells=cells,
        classes=class_rows,
        divergences=divergence_rows,
        distributions=distributions,
        causes=cause_rows(project, plan, collection),
        remedies=remedy_rows(plan, mending),
        untried=untried_rows(mending),
        check_fixes=check_fix_rows(mending),
        remedies_done=mending.done,
        stages=stages,
        entries=entries,
        skews=skews,
        findings=findings,
        explanations=[row for found in explained.values() for row in found.explanations],
        proposals=[
            *(ProposalRow(**row.model_dump(), added=True) for row in plan.added),
            *proposal_rows(
                plan, project.releases, {name: found.proposals for name, found in explained.items()}
            ),
        ],
        expectations=expectation_rows(expected),
        outputs=[row for each in judged.values() for row in each.outputs()],
        checks=checks,
        replicates=plan.noise_floor.replicates if plan.noise_floor else None,
        remarks=remarks,
        faults=faults,
        exit_status=_exit_status(
            cells,
            checks,
            faults,
            [name for name in plan.cases if plan.cases[name].train],
            unproven(plan, powers),
        ),
    )


def _predict(project: Workspace, plan: Plan, collection: Collection, cells: list[CellRow]) -> None:
    """Give each cell's row the prediction for it."""
    facts = planned_facts(project, plan, collection.ready)
    predictions = predict_plan(project, plan, collection.ready, facts)
    # If a pipeline fails, the model's files say nothing about it.
    failed = {(each.cell, each.case) for each in collection.stages if each.outcome is not Outcome.RECORDED}
    for cell, row in zip(cells, collection.rows, strict=True):
        place = row.cell, row.case
        cell.prediction = None if place in failed else prediction_row(predictions.get(place), row.outcome)


class _CaseRows:
    """One case over all cells that recorded it, as rows."""

    def __init__(
        self,
        read: Callable[[ArrayEntry], Array],
        plan: Plan,
        case: str,
        rows: Sequence[Collected],
        collection: Collection,
        comparisons: int,
    ) -> None:
        self.case = case
        self._rows = rows
        self.baseline = str(plan.baseline)
        self._read, self._plan, self._collection = read, plan, collection
        self._limits = plan.cases[case].tolerance
        self._noise = collection.noise.get(case)
        self.pipelines = pipelines_of(plan, case, collection)
        self._recorded = {
            str(row.cell): self._through(plan, row.cell, RecordedOutputs.of(row.recording))
            for row in rows
            if row.outcome is Outcome.RECORDED and row.recording is not None
        }
        self._judged = judge_case(plan, case, collection, self._recorded, self.baseline, read)
        self.distributions = distribution_rows(
            plan, case, collection, self._judged.nondeterministic, comparisons, read
        )
        self.remarks = case_remarks(
            case,
            self.baseline,
            self._recorded,
            self._judged,
            self._limits,
            self._noise,
            collection.origins[case],
            {(row.batch, row.output) for row in self.distributions if row.verdict is not None},
        )

    def _through(self, plan: Plan, cell: CellId, outputs: RecordedOutputs) -> RecordedOutputs:
        """Return a model's outputs, with the results that the pipelines around it add."""
        before, behind = (
            self.pipelines.get(name or "") for name in (plan.cases[self.case].serving, POSTPROCESS)
        )
        whole = with_postprocess(outputs, behind.of(cell) if behind else None)
        return with_unstable_inputs(whole, before, cell, plan.baseline)

    def classes(self) -> list[ClassRow]:
        """Return the classes, in order of first appearance."""
        return [
            ClassRow(case=self.case, name=class_name(index), cells=list(cells))
            for index, cells in enumerate(self._judged.groups)
        ]

    @property
    def not_compared(self) -> list[str]:
        """The names of outputs that are nondeterministic."""
        return sorted({str(output) for output in self._judged.nondeterministic})

    @property
    def is_random_throughout(self) -> bool:
        """Whether the case ran in the baseline, and none of its outputs can be compared run by run."""
        found = self._judged.sound.get(self.baseline)
        return found is not None and not found.outputs

    def outputs(self) -> list[OutputRow]:
        """Return the facts about each output of the baseline."""
        return [output_row(self.case, standing) for standing in self._judged.standings.values()]

    def checks(self) -> list[CheckRow]:
        """Return the results of the case's checks, in every cell that runs it."""
        return check_rows(self._plan, self.case, self._rows, self._collection, self._judged, self._read)

    def divergences(self) -> list[DivergenceRow]:
        """Return a row per output of every two classes; if possible, the baseline's is the reference."""
        pairs = list(representative_pairs(self._judged.groups, self.baseline))
        if len(self._judged.groups) > MOST_CLASSES:
            with_baseline = len(self._judged.groups) - 1 if self.baseline in self._recorded else 0
            self.remarks.append(
                f"case {self.case}: {len(self._judged.groups)} classes; only the {with_baseline} pairs with "
                f"the baseline were measured, not the other {len(pairs) - with_baseline}"
            )
            pairs = pairs[:with_baseline]
        return [
            divergence_row(self.case, a, b, judged) for a, b in pairs for judged in self._judged.judge(a, b)
        ]


def _relate(
    cells: list[CellRow], class_rows: list[ClassRow], divergences: list[DivergenceRow], baseline: str
) -> None:
    """Give each cell's row its class and its verdict against the baseline."""
    class_of = {(row.case, cell): row for row in class_rows for cell in row.cells}
    verdicts: dict[tuple[str, str, str], list[Verdict]] = {}
    for row in divergences:
        verdicts.setdefault((row.case, row.a, row.b), []).append(row.verdict)
    for cell in cells:
        own, reference = class_of.get((cell.case, cell.cell)), class_of.get((cell.case, baseline))
        if own is None:
            continue
        cell.class_ = own.name
        if reference is own:
            cell.verdict = Verdict.IDENTICAL
        elif reference is not None:
            cell.verdict = worst(verdicts[cell.case, own.cells[0], reference.cells[0]])


def _skewed(cells: list[CellRow], skews: list[SkewRow]) -> None:
    """Give each cell's row the verdict on serving against training."""
    of_cell = {(row.case, cell): row for row in skews for cell in row.cells}
    for cell in cells:
        row = of_cell.get((cell.case, cell.cell))
        if row is not None and cell.outcome is Outcome.RECORDED:
            cell.skew = row.verdict


def _expect(plan: Plan, cells: list[CellRow], checks: list[CheckRow], today: dt.date) -> CheckedExpectations:
    """Mark the cells and checks whose problem is a known one; return the state of each expectation."""
    rows = {(CellId(cell.environment, cell.setting), cell.case): cell for cell in cells}
    verdicts = verdicts_by_place(checks)
    seen = {
        place: Seen(cell.outcome, cell.verdict, verdicts.get(place, {}), cell.skew)
        for place, cell in rows.items()
    }
    checked = check_expectations(plan.expectations, today, seen, plan.baseline)
    for place, index in checked.covered.items():
        rows[place].expected = plan.expectations[index].reason
    for row in checks:
        cell = CellId(row.environment, row.setting)
        covers = checked.covered_checks.get((cell, row.case, row.check))
        row.expected = None if covers is None else plan.expectations[covers].reason
    return checked


def _exit_status(
    cells: list[CellRow],
    checks: list[CheckRow],
    faults: list[str],
    trained: Sequence[str],
    unproven: Sequence[str],
) -> ExitStatus:
    """Return the first that applies: a fault, a divergence, incomplete, ok.

    In the ``unproven`` cases, agreement is none.

    A divergence takes precedence over a cell that could not run, because it is certain.
    """
    if faults:
        return ExitStatus.HARNESS_FAULT
    cells = [cell for cell in cells if cell.expected is None]
    # Suspicious also fails: only the user can decide that it may pass (``expect``).
    beyond = (Verdict.SUSPICIOUS, Verdict.DIVERGED, Verdict.INCOMPARABLE)
    differs = any(cell.verdict in beyond or cell.skew in beyond for cell in cells)
    # A check is a policy that the user has turned on.
    if differs or any(row.verdict is CheckVerdict.FAILS and row.expected is None for row in checks):
        return ExitStatus.DIVERGED
    # A recording that was compared with nothing is not known to agree. The same holds for serving in a case
    # with training's pipeline (``trained``).
    is_open = any(
        cell.outcome is not Outcome.RECORDED
        or cell.verdict is None
        or (cell.case in trained and cell.skew is None)
        or cell.case in unproven
        for cell in cells
        if cell.required
    )
    if is_open or any(row.verdict is CheckVerdict.NOT_RUN and row.required for row in checks):
        return ExitStatus.INCOMPLETE
    return ExitStatus.OK
