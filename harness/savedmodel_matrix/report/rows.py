"""The rows of a report, made from plans, collected results and judgements."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.secrets import masked
from savedmodel_matrix.planning.predictions import came_true
from savedmodel_matrix.report.document import (
    BeforeRow,
    CaseRow,
    CellRow,
    DivergenceRow,
    EnvironmentRow,
    ExpectationRow,
    MinTolerance,
    OutputRow,
    PhaseRow,
    PredictionRow,
    SettingRow,
)
from savedmodel_matrix.verdicts.judge.known_problems import expected_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.domain.outcome import Outcome
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collected, Collection
    from savedmodel_matrix.models.preflight.prediction import Prediction
    from savedmodel_matrix.report.document import PowerRow
    from savedmodel_matrix.verdicts.judge.case import JudgedOutput, OutputStanding
    from savedmodel_matrix.verdicts.judge.known_problems import CheckedExpectations

#: Measured numbers that a row takes unchanged.
_NUMBERS = (
    "elements", "different", "beyond", "max_abs", "max_rel", "rel_l2", "rms", "cosine", "snr_db",
    "top1_agreement", "top5_agreement", "kl", "scaled_ulp", "nan_mismatches", "inf_mismatches",
    "decision_changed",
)  # fmt: skip


def divergence_row(case: str, a: str, b: str, judged: JudgedOutput) -> DivergenceRow:
    """Return one output of one case between two cells; ``b`` is the reference."""
    divergence, judgement, ratio = judged.divergence, judged.judgement, judged.ratio
    least = divergence.min_tolerance
    return DivergenceRow(
        case=case,
        batch=None if judged.output is None else judged.output.batch,
        output="" if judged.output is None else str(judged.output),
        a=a,
        b=b,
        verdict=judgement.verdict,
        reason=judgement.reason,
        judged_by=judgement.by,
        rtol=divergence.tolerance.rtol,
        atol=divergence.tolerance.atol,
        min_tolerance=None if least is None else MinTolerance(**asdict(least)),
        noise_ratio=ratio.worst if ratio else None,
        noise_overall=ratio.overall if ratio else None,
        noise_peak=ratio.peak if ratio else None,
        decision=judgement.decision,
        decision_margin=max((row.margin for row in judged.moved), default=None),
        before=None if judged.before is None else before_row(judged.before),
        **{name: getattr(divergence, name) for name in _NUMBERS},
    )


def before_row(judged: JudgedOutput) -> BeforeRow:
    """Return what stands before an output's head."""
    return BeforeRow(
        output=str(judged.output),
        verdict=judged.judgement.verdict,
        max_abs=judged.divergence.max_abs,
        noise_ratio=judged.ratio.worst if judged.ratio else None,
    )


def expectation_rows(expected: CheckedExpectations) -> list[ExpectationRow]:
    """Return the expectations of a matrix, in its order."""
    return [
        ExpectationRow(
            cells=checked.expectation.cells,
            cases=checked.expectation.cases,
            expects=expected_problem(checked.expectation),
            reason=checked.expectation.reason,
            owner=checked.expectation.owner,
            until=checked.expectation.until,
            standing=checked.standing,
            covers=sum(
                index == place for of in (expected.covered, expected.covered_checks) for place in of.values()
            ),
        )
        for index, checked in enumerate(expected.checked)
    ]


def output_row(case: str, standing: OutputStanding) -> OutputRow:
    """Return the facts about one output of the baseline."""
    floor = standing.floor
    return OutputRow(
        case=case,
        batch=standing.output.batch,
        output=str(standing.output),
        dtype=standing.array.dtype,
        shape=list(standing.array.shape),
        caveats=dict(standing.caveats),
        sigma=floor.sigma if floor else None,
        raised=floor.raised if floor else None,
        detectable=floor.detectable if floor else None,
        no_floor=standing.no_floor,
        before=None if standing.before is None else str(standing.before),
    )


def prediction_row(prediction: Prediction | None, outcome: Outcome) -> PredictionRow | None:
    """Return the prediction for a cell and case, with the actual outcome."""
    if prediction is None:
        return None
    return PredictionRow(
        kind=prediction.kind.value,
        because=list(prediction.because),
        needs=list(prediction.needs),
        confidence=prediction.confidence.value,
        came_true=came_true(prediction, outcome),
    )


def cell_row(row: Collected) -> CellRow:
    """Return the result of one cell and case."""
    recording = row.recording
    return CellRow(
        environment=row.cell.environment,
        setting=row.cell.setting,
        case=row.case,
        outcome=row.outcome,
        reason=row.reason,
        recording=recording.key if recording else None,
        required=row.required,
        selected=row.selected,
        phases={
            name: PhaseRow(**phase.model_dump())
            for name, phase in (recording.phases if recording else {}).items()
        },
    )


def environment_rows(plan: Plan, collection: Collection) -> list[EnvironmentRow]:
    """Return the environments of a plan, and what is installed in each."""
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
                without=list(environment.without),
                interpreter=installed.interpreter if installed else None,
                lock=installed.lock if installed else None,
                unavailable=plan.unavailable.get(name),
                included_because=plan.included.get(name),
            )
        )
    return rows


def setting_rows(plan: Plan) -> list[SettingRow]:
    """Return the settings of a plan, secrets masked."""
    return [
        SettingRow(name=name, **{**setting.model_dump(mode="json"), "variables": masked(setting.variables)})
        for name, setting in plan.settings.items()
    ]


def case_rows(
    plan: Plan, collection: Collection, says: Mapping[str, str], powers: Mapping[str, PowerRow | None]
) -> list[CaseRow]:
    """Return the cases of a plan, with their models, inputs, sentences and the power of their inputs."""
    rows = []
    for name, case in plan.cases.items():
        ready = collection.ready[name]
        known = None if isinstance(ready, str) else ready
        rows.append(
            CaseRow(
                name=name,
                says=says[name],
                path=case.path,
                package=case.package,
                archive=known.archive.model_dump() if known and known.archive else None,
                signature=None if case.function else case.signature,
                function=case.function,
                model=known.model_digest if known else None,
                inputs=known.inputs_digest if known else None,
                batches=len(known.batches) if known and known.batches is not None else None,
                power=powers[name],
            )
        )
    return rows
