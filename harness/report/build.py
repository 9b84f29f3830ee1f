"""Build the report of a plan from what was collected: classes, divergences, verdicts, exit status."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.compare.classes import classes, representative_pairs
from harness.compare.pairs import OutputDivergence, compare_recordings
from harness.judge.tolerance import judge, tolerance_for, unmatched
from harness.model.divergence import Tolerance
from harness.model.outcome import Outcome
from harness.model.recording import RecordedOutputs
from harness.model.secrets import masked
from harness.model.verdict import Verdict, worst
from harness.probe.arrays import read_array
from harness.report.document import (
    CaseRow,
    CellRow,
    ClassRow,
    DivergenceRow,
    EnvironmentRow,
    MinTolerance,
    PhaseRow,
    Report,
    SettingRow,
)
from harness.report.tables import class_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.compare.elements import Array
    from harness.compare.metrics import Cache
    from harness.model.plan import Plan
    from harness.model.recording import ArrayEntry, Output
    from harness.run.collect import Collected, Collection
    from harness.store.results import Results

#: With more classes than this in one case, only pairs with the baseline are measured: the number of
#: pairs grows with the square. The report says so.
MOST_CLASSES = 48


def build_report(results: Results, plan: Plan, collection: Collection, *, run: str, content: str) -> Report:
    """Return the report; arrays are read from the store, by memory map."""
    remarks = list(plan.remarks)
    cells = [_cell_row(row) for row in collection.rows]
    class_rows: list[ClassRow] = []
    divergence_rows: list[DivergenceRow] = []
    for case in plan.cases:
        comparison = _CaseComparison(results, plan, case, collection.rows)
        class_rows += comparison.classes()
        divergence_rows += comparison.divergences()
        remarks += comparison.remarks
    _relate(cells, class_rows, divergence_rows, str(plan.baseline))
    faults = [state.fault for state in collection.states.values() if state and state.fault]
    return Report(
        matrix=plan.matrix,
        run=run,
        content=content,
        baseline=str(plan.baseline),
        environments=_environments(plan, collection),
        settings=_settings(plan),
        cases=_cases(plan, collection),
        cells=cells,
        classes=class_rows,
        divergences=divergence_rows,
        remarks=remarks,
        faults=faults,
        exit_status=_exit_status(cells, faults),
    )


class _CaseComparison:
    """One case over all cells that recorded it."""

    def __init__(self, results: Results, plan: Plan, case: str, rows: list[Collected]) -> None:
        self.case = case
        self.baseline = str(plan.baseline)
        self.remarks: list[str] = []
        self._results = results
        self._patterns = {
            pattern: Tolerance(found.rtol, found.atol)
            for pattern, found in plan.cases[case].tolerance.items()
        }
        self._recorded = {
            str(row.cell): RecordedOutputs.from_json(row.recording)
            for row in rows
            if row.case == case and row.outcome is Outcome.RECORDED and row.recording is not None
        }
        self._groups = classes(self._recorded)

    def classes(self) -> list[ClassRow]:
        """Return the classes, in order of first appearance."""
        return [
            ClassRow(case=self.case, name=class_name(index), cells=list(cells))
            for index, cells in enumerate(self._groups)
        ]

    def divergences(self) -> Iterator[DivergenceRow]:
        """Yield a row for every output of every two classes; the reference is the baseline's if it can be."""
        cache: Cache = {}
        pairs = list(representative_pairs(self._groups, self.baseline))
        if self._recorded and self.baseline not in self._recorded:
            self.remarks.append(
                f"case {self.case}: the baseline {self.baseline} recorded nothing to compare with"
            )
        if len(self._groups) > MOST_CLASSES:
            with_baseline = len(self._groups) - 1 if self.baseline in self._recorded else 0
            self.remarks.append(
                f"case {self.case}: {len(self._groups)} classes; only the {with_baseline} pairs with the "
                f"baseline were measured, not the other {len(pairs) - with_baseline}"
            )
            pairs = pairs[:with_baseline]
        names = {output.id.name for found in self._recorded.values() for output in found.outputs}
        self.remarks += [
            f"case {self.case}: tolerance '{pattern}' matches no output"
            for pattern in (unmatched(self._patterns, names) if names else [])
        ]
        for a, b in pairs:
            for found in compare_recordings(
                self._recorded[a],
                self._recorded[b],
                names=(a, b),
                tolerance=self._tolerance,
                read=self._read,
                cache=cache,
            ):
                yield self._row(a, b, found)

    def _tolerance(self, output: Output) -> Tolerance:
        return tolerance_for(output, self._patterns)

    def _read(self, entry: ArrayEntry) -> Array:
        array: Array = read_array(str(self._results.objects), entry.to_json(), mmap=True)
        return array

    def _row(self, a: str, b: str, found: OutputDivergence) -> DivergenceRow:
        divergence = found.divergence
        least = divergence.min_tolerance
        return DivergenceRow(
            case=self.case,
            batch=None if found.output is None else found.output.batch,
            output="" if found.output is None else str(found.output),
            a=a,
            b=b,
            verdict=judge(divergence),
            reason=divergence.incomparable,
            elements=divergence.elements,
            different=divergence.different,
            beyond=divergence.beyond,
            rtol=divergence.tolerance.rtol,
            atol=divergence.tolerance.atol,
            max_abs=divergence.max_abs,
            max_rel=divergence.max_rel,
            rel_l2=divergence.rel_l2,
            scaled_ulp=divergence.scaled_ulp,
            nan_mismatches=divergence.nan_mismatches,
            inf_mismatches=divergence.inf_mismatches,
            min_tolerance=None if least is None else MinTolerance(**asdict(least)),
            decision_changed=divergence.decision_changed,
        )


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


def _exit_status(cells: list[CellRow], faults: list[str]) -> int:
    """Return the contract's number: the first that applies of 5, 1, 4 and 0.

    A divergence comes before a cell that could not run: it is known, and nothing can make it unknown.
    """
    if faults:
        return 5
    if any(cell.verdict in (Verdict.DIVERGED, Verdict.INCOMPARABLE) for cell in cells):
        return 1
    if any(cell.required and cell.outcome is not Outcome.RECORDED for cell in cells):
        return 4
    # What was recorded but compared with nothing is not known to agree.
    if any(cell.required and cell.verdict is None for cell in cells):
        return 4
    return 0


def _cell_row(row: Collected) -> CellRow:
    recording = row.recording or {}
    return CellRow(
        environment=row.cell.environment,
        setting=row.cell.setting,
        case=row.case,
        outcome=row.outcome,
        reason=row.reason,
        recording=recording.get("key"),
        required=row.required,
        unstable=sorted({output["name"] for output in recording.get("unstable", [])}),
        phases={name: PhaseRow(**phase) for name, phase in recording.get("phases", {}).items()},
    )


def _environments(plan: Plan, collection: Collection) -> list[EnvironmentRow]:
    rows = []
    for name, environment in plan.environments.items():
        state = collection.states[name]
        installed = state.installed if state else None
        rows.append(
            EnvironmentRow(
                id=name,
                tensorflow=environment.tensorflow,
                python=environment.python,
                build=environment.build,
                resolve=environment.resolve,
                requirements=list(environment.requirements),
                interpreter=installed.interpreter if installed else None,
                lock=installed.lock if installed else None,
                unavailable=plan.unavailable.get(name),
                included_because=plan.included.get(name),
            )
        )
    return rows


def _settings(plan: Plan) -> list[SettingRow]:
    return [
        SettingRow(name=name, **{**setting.model_dump(mode="json"), "variables": masked(setting.variables)})
        for name, setting in plan.settings.items()
    ]


def _cases(plan: Plan, collection: Collection) -> list[CaseRow]:
    rows = []
    for name, case in plan.cases.items():
        ready = collection.ready[name]
        known = None if isinstance(ready, str) else ready
        rows.append(
            CaseRow(
                name=name,
                path=case.path,
                package=case.package,
                archive=known.archive if known else None,
                signature=None if case.function else case.signature,
                function=case.function,
                model=known.model_digest if known else None,
                inputs=known.inputs_digest if known else None,
                batches=len(known.batches) if known and known.batches is not None else None,
            )
        )
    return rows
