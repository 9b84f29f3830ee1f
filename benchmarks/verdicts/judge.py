"""What this tool and the fixed tolerances say of every recorded pair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.evidence.judged import judge_case, judged_power
from savedmodel_matrix.store.results import Results

from benchmarks.cost import BenchError
from benchmarks.planted.catalogue import MODELS
from benchmarks.planted.changes import ULP
from benchmarks.verdicts.others import passes
from benchmarks.verdicts.project import BASELINE, ORIGINALS, PLANTED, collected
from benchmarks.verdicts.truth import BEYOND, times_benign

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
    says for each fixed tolerance whether it passes. ``ratio`` is the largest noise ratio. ``dropped`` says
    that ours agrees, and that some output is not compared because it is random. ``beyond`` is how many times
    as much as benign it is (see ``truth``); None for benign ones and where no bit changes.
    ``change`` is the largest relative L2 of an output, ``detectable`` the least that its floor can detect.
    """

    model: str
    name: str
    kind: str
    ours: Verdict
    weak: bool
    dropped: bool
    ratio: float | None
    beyond: float | None
    others: Mapping[str, bool]
    change: float
    detectable: float | None


def judge_all(root: Path) -> tuple[list[Judged], list[str]]:
    """Judge everything that was recorded in the project at ``root``, and say what was not.

    Raises:
        BenchError: if a model was not recorded in the baseline.
    """
    plan, originals = collected(root, ORIGINALS)
    _, planted = collected(root, PLANTED)
    failed = [
        [row for row in each.rows if row.required and row.outcome is not Outcome.RECORDED]
        for each in (originals, planted)
    ]
    missing = [
        f"{row.cell} {row.case}: not judged: {row.outcome}: {row.reason}" for each in failed for row in each
    ]
    if any(str(row.cell) == BASELINE for row in failed[0]):
        raise BenchError("\n".join(missing))
    read = Results(root / "results").array
    return [row for model in MODELS for row in _judge(model, plan, originals, planted, read)], missing


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
        if row.case == model.name and row.recording is not None and row.outcome is Outcome.RECORDED
    }
    benign = judge_case(plan, model.name, originals, recordings, BASELINE, read)
    power = judged_power(plan, model.name, originals, read)
    is_blind = power is not None and power.share is not None and power.share < plan.power.min_power
    rows = [
        _row(model.name, cell, "benign", benign, (cell, BASELINE), read, is_blind=is_blind)
        for cell in recordings
        if cell != BASELINE
    ]
    found = {
        row.case: RecordedOutputs.of(row.recording)
        for row in planted.rows
        if row.recording and row.outcome is Outcome.RECORDED
    }
    arrays = {cell: _arrays(recording, read) for cell, recording in recordings.items()}
    base = arrays.pop(BASELINE)
    nudged = found.get(f"{model.name}-{ULP.name}")
    rounding = [*arrays.values(), *([_arrays(nudged, read)] if nudged else [])]
    for change in model.changes:
        recording = found.get(f"{model.name}-{change.name}")
        if recording is None:
            continue
        pair = {BASELINE: recordings[BASELINE], _CELL: recording}
        judged = judge_case(plan, model.name, originals, pair, BASELINE, read)
        beyond = times_benign(_arrays(recording, read), base, rounding)
        by_rule = beyond is None or beyond > BEYOND
        kind = "real" if (by_rule if change.real is None else change.real) else "undetectable"
        row = _row(model.name, change.name, kind, judged, (_CELL, BASELINE), read, is_blind=is_blind)
        rows.append(replace(row, beyond=beyond))
    return rows


def _arrays(recording: RecordedOutputs, read: Callable[[ArrayEntry], Array]) -> dict[str, Array]:
    return {f"{each.id} {each.id.batch}": np.asarray(read(each.array)) for each in recording.outputs}


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
    found = [*judged, *(each.before for each in judged if each.before is not None)]
    ratios = [each.ratio.worst for each in found if each.ratio is not None]
    limits = [
        standing.floor.detectable
        for standing in case.standings.values()
        if standing.floor is not None and standing.floor.detectable is not None
    ]
    a, b = (
        {
            str(output.id) + str(output.id.batch): output.array
            for output in case.sound[cell].outputs
            if not output.id.is_before
        }
        for cell in cells
    )
    return Judged(
        model=model,
        name=name,
        kind=kind,
        ours=ours,
        weak=is_blind and ours in AGREE,
        dropped=bool(case.nondeterministic) and ours in AGREE,
        beyond=None,
        ratio=max(ratios, default=None),
        others=passes(a, b, read),
        change=max((each.divergence.rel_l2 or 0.0 for each in judged), default=0.0),
        detectable=max(limits, default=None),
    )
