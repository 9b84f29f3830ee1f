"""What this tool and the fixed tolerances say of every recorded pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.evidence.judged import judge_case, judged_power
from savedmodel_matrix.store.results import Results

from benchmarks.planted.catalogue import MODELS
from benchmarks.verdicts.others import passes
from benchmarks.verdicts.project import BASELINE, ORIGINALS, PLANTED, collected

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.judge.case import JudgedCase

    from benchmarks.planted.change import Model

AGREE = (Verdict.IDENTICAL, Verdict.FLOAT_NOISE)
_CELL = "planted"  # of a changed model, in addition to the cells of the original


@dataclass(frozen=True)
class Judged:
    """One change of one model: what it is known to be, and the judgement of each judge.

    ``weak`` says that ours agrees on inputs that notice too little for that to prove anything. ``others``
    says for each fixed tolerance whether it passes. ``ratio`` is the largest noise ratio.
    ``change`` is the largest relative L2 of an output, ``detectable`` the least that its floor can detect.
    """

    model: str
    name: str
    kind: str
    ours: Verdict
    weak: bool
    ratio: float | None
    others: Mapping[str, bool]
    change: float
    detectable: float | None


def judge_all(root: Path) -> list[Judged]:
    """Judge everything that was recorded in the project at ``root``.

    Raises:
        BenchError: if something to be judged was not recorded.
    """
    plan, originals = collected(root, ORIGINALS)
    _, planted = collected(root, PLANTED)
    read = Results(root / "results").array
    return [row for model in MODELS for row in _judge(model, plan, originals, planted, read)]


def _judge(
    model: Model,
    plan: Plan,
    originals: Collection,
    planted: Collection,
    read: Callable[[ArrayEntry], Array],
) -> list[Judged]:
    recordings = {
        str(row.cell): RecordedOutputs.of(row.recording)
        for row in originals.rows
        if row.case == model.name and row.recording is not None
    }
    benign = judge_case(plan, model.name, originals, recordings, BASELINE, read)
    power = judged_power(plan, model.name, originals, read)
    is_blind = power is not None and power.share is not None and power.share < plan.power.min_power
    rows = [
        _row(model.name, cell, "benign", benign, (cell, BASELINE), read, is_blind=is_blind)
        for cell in recordings
        if cell != BASELINE
    ]
    found = {row.case: row.recording for row in planted.rows}
    for change in model.changes:
        recording = found[f"{model.name}-{change.name}"]
        assert recording is not None, "checked when it was collected"  # noqa: S101
        pair = {BASELINE: recordings[BASELINE], _CELL: RecordedOutputs.of(recording)}
        judged = judge_case(plan, model.name, originals, pair, BASELINE, read)
        kind = "real" if change.real else "undetectable"
        rows.append(_row(model.name, change.name, kind, judged, (_CELL, BASELINE), read, is_blind=is_blind))
    return rows


def _row(
    model: str,
    name: str,
    kind: str,
    case: JudgedCase,
    cells: tuple[str, str],
    read: Callable[[ArrayEntry], Array],
    *,
    is_blind: bool,
) -> Judged:
    judged = case.judge(*cells)
    ours = worst([each.judgement.verdict for each in judged])
    ratios = [each.ratio.worst for each in judged if each.ratio is not None]
    limits = [
        standing.floor.detectable
        for standing in case.standings.values()
        if standing.floor is not None and standing.floor.detectable is not None
    ]
    a, b = (
        {str(output.id) + str(output.id.batch): output.array for output in case.sound[cell].outputs}
        for cell in cells
    )
    return Judged(
        model=model,
        name=name,
        kind=kind,
        ours=ours,
        weak=is_blind and ours in AGREE,
        ratio=max(ratios, default=None),
        others=passes(a, b, read),
        change=max((each.divergence.rel_l2 or 0.0 for each in judged), default=0.0),
        detectable=max(limits, default=None),
    )
