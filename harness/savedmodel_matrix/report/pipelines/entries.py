"""Where a difference comes from: the pipeline before the model, the model itself, or the one after it.

Running each cell's model on the other cell's input shows whether the model contributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import POSTPROCESS
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.evidence.judged import judged_outputs, verdict_of
from savedmodel_matrix.report.pipelines.document import EntryRow
from savedmodel_matrix.report.pipelines.stages import arrays_of, changed_libraries
from savedmodel_matrix.verdicts.diagnose.describe import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection, StageRecord
    from savedmodel_matrix.report.document import DivergenceRow
    from savedmodel_matrix.report.pipelines.stages import Pipeline
    from savedmodel_matrix.verdicts.compare.elements import Array

_INNOCENT = (Verdict.IDENTICAL, Verdict.FLOAT_NOISE)
_AGREES = {
    Verdict.IDENTICAL: "gives identical outputs",
    Verdict.FLOAT_NOISE: "gives outputs equal within float noise",
    Verdict.SUSPICIOUS: "gives outputs that may differ by more than noise (suspicious)",
    Verdict.DIVERGED: "gives different outputs too",
    Verdict.INCOMPARABLE: "gives outputs that cannot be compared",
}


def entry_rows(
    plan: Plan,
    case: str,
    collection: Collection,
    pipelines: Mapping[str, Pipeline],
    divergences: Sequence[DivergenceRow],
    class_of: Mapping[str, str],
    read: Callable[[ArrayEntry], Array],
) -> list[EntryRow]:
    """Return a row per group of cells whose pipelines made something different from the baseline's.

    ``divergences`` and ``class_of`` (the first cell of each recorded cell's class) are those of the case.
    """
    rows = []
    serving = pipelines.get(plan.cases[case].serving or "")
    home = serving.of(plan.baseline) if serving else None
    # A pipeline that differs in every process gets a remark of its own; no cell is to blame.
    if serving is not None and home is not None and not serving.moving(plan.baseline):
        for group in serving.groups:
            if home not in group:
                found = _before(plan, case, collection, home, group, divergences, class_of, read)
                rows.append(found)
    behind = pipelines.get(POSTPROCESS)
    rows += _behind(plan, case, behind, divergences, class_of, read) if behind else []
    return rows


def _before(
    plan: Plan,
    case: str,
    collection: Collection,
    home: StageRecord,
    group: Sequence[StageRecord],
    divergences: Sequence[DivergenceRow],
    class_of: Mapping[str, str],
    read: Callable[[ArrayEntry], Array],
) -> EntryRow:
    changed = changed_libraries(home, group[0])
    inputs = _described(home, group[0], read)
    # Nothing can be proven for cells whose model fails.
    ran = {row.cell for row in collection.rows if row.case == case and row.outcome is Outcome.RECORDED}
    running = [each.cell for each in group if each.cell in ran]
    here = _verdicts(plan, case, collection, running, home.cell, read)
    there = _verdicts(plan, case, collection, [home.cell], running[0], read) if running else None
    cells = [str(each.cell) for each in group]
    whole = [_end_to_end(divergences, class_of, cell, str(plan.baseline)) for cell in cells]
    known = [verdict for verdict in whole if verdict is not None]
    return EntryRow(
        case=case,
        stage=home.stage,
        cells=cells,
        libraries=changed,
        inputs=inputs,
        end_to_end=worst(known) if known else None,
        given_baselines=here,
        baseline_given_theirs=there,
        says=_sentence(home.stage, changed, inputs, here, there),
    )


def _sentence(
    stage: str, changed: Sequence[str], inputs: str, here: Verdict | None, there: Verdict | None
) -> str:
    because = ", ".join(changed) or (
        f"all libraries that {stage} uses are the same: does it depend on time, or on the order of a set?"
    )
    start = f"the inputs to the model already differ ({because}: {inputs})"
    if here is None or there is None:
        return f"{start}; the model was not run on the other's input, so it may differ too"
    ways = worst([here, there])
    proof = "verified by running each on the other's input"
    return f"{start}; given the same input, the model {_AGREES[ways]} ({proof})"


def _described(home: StageRecord, other: StageRecord, read: Callable[[ArrayEntry], Array]) -> str:
    """Return in words how the results of two pipelines differ: per tensor, the batch that differs most."""
    sides = arrays_of(home, read), arrays_of(other, read)
    worst_of: dict[str, tuple[float, str]] = {}
    for batch in sorted({*sides[0], *sides[1]}):
        before, now = (side.get(batch, {}) for side in sides)
        for name in [*before, *(name for name in now if name not in before)]:
            if name not in before or name not in now:
                worst_of[name] = float("inf"), "on one side only"
                continue
            found = describe(before[name], now[name])
            if found.relative and found.relative >= worst_of.get(name, (0.0, ""))[0]:
                worst_of[name] = found.relative, found.sentence
    several = len(worst_of) > 1
    return "; ".join(f"{name}: {says}" if several else says for name, (_, says) in worst_of.items()) or (
        "in their bits only"
    )


def _verdicts(
    plan: Plan,
    case: str,
    collection: Collection,
    cells: Sequence[CellId],
    maker: CellId,
    read: Callable[[ArrayEntry], Array],
) -> Verdict | None:
    """Return the worst verdict of the model in ``cells``, given what ``maker`` made, against ``maker``'s own.

    None where it was not recorded in all of them.
    """
    swapped = {
        swap.job.cell: swap.recording
        for swap in collection.swaps
        if swap.job.case == case and swap.job.given is not None and swap.job.given.cell == maker
    }
    own = next(row for row in collection.rows if (row.cell, row.case) == (maker, case))
    found = []
    for cell in cells:
        recording = swapped.get(cell)
        if recording is None or not recording.is_recorded or own.recording is None:
            return None
        outputs = judged_outputs(
            plan, case, collection, recording, own.recording, read, same_inputs=maker == plan.baseline
        )
        found.append(verdict_of(outputs))
    return worst(found) if found else None


def _end_to_end(
    divergences: Sequence[DivergenceRow], class_of: Mapping[str, str], cell: str, baseline: str
) -> Verdict | None:
    if cell not in class_of or baseline not in class_of:
        return None
    pair = {class_of[cell], class_of[baseline]}
    verdicts = [row.verdict for row in divergences if {row.a, row.b} == pair]
    return worst(verdicts) if verdicts else Verdict.IDENTICAL if len(pair) == 1 else None


def _behind(
    plan: Plan,
    case: str,
    behind: Pipeline,
    divergences: Sequence[DivergenceRow],
    class_of: Mapping[str, str],
    read: Callable[[ArrayEntry], Array],
) -> list[EntryRow]:
    """Return the differences that come from postprocess: the model's outputs agree, its results do not."""
    home = behind.of(plan.baseline)
    rows = []
    for group in behind.groups if home else ():
        if home is None or home in group:
            continue
        cells = []
        for each in group:
            pair = {class_of.get(str(each.cell)), class_of.get(str(plan.baseline))}
            found = [row for row in divergences if {row.a, row.b} == pair]
            model = [row.verdict for row in found if not row.output.startswith(f"{POSTPROCESS}/")]
            after = [row.verdict for row in found if row.output.startswith(f"{POSTPROCESS}/")]
            if after and worst(after) not in _INNOCENT and all(verdict in _INNOCENT for verdict in model):
                cells.append(str(each.cell))
        if cells:
            changed = changed_libraries(home, group[0])
            inputs = _described(home, group[0], read)
            because = f"{', '.join(changed)}: " if changed else ""
            rows.append(
                EntryRow(
                    case=case,
                    stage=POSTPROCESS,
                    cells=cells,
                    libraries=changed,
                    inputs=inputs,
                    end_to_end=None,
                    given_baselines=None,
                    baseline_given_theirs=None,
                    says="the model's outputs agree, but postprocess turns them into different results "
                    f"({because}{inputs})",
                )
            )
    return rows
