"""Training against serving: how the two pipelines treat the same raw input, and the effect on the outputs.

The reference is training's pipeline in the baseline, which stands for the environment that trained the model.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import TRAIN
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.evidence.collected import contents
from savedmodel_matrix.evidence.judged import judged_outputs, verdict_of
from savedmodel_matrix.report.pipelines.decoded import decoded_by
from savedmodel_matrix.report.pipelines.diagnoses import proof_of, row_of
from savedmodel_matrix.report.pipelines.document import SkewRow
from savedmodel_matrix.report.pipelines.stages import arrays_of
from savedmodel_matrix.report.pipelines.surroundings import surroundings
from savedmodel_matrix.verdicts.diagnose.describe import describe
from savedmodel_matrix.verdicts.diagnose.diagnose import examine
from savedmodel_matrix.verdicts.diagnose.parts import Parts
from savedmodel_matrix.verdicts.diagnose.parts import explain as explain_parts
from savedmodel_matrix.verdicts.diagnose.prove import is_same
from savedmodel_matrix.verdicts.diagnose.unvarying import says_nothing
from savedmodel_matrix.verdicts.diagnose.where import where, worst

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.evidence.collected import Collection, StageRecord
    from savedmodel_matrix.report.pipelines.document import DiagnosisRow
    from savedmodel_matrix.report.pipelines.stages import Pipeline
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis


#: Seconds of computing for the search of one case: what is not explained by then is said to be so. Time that
#: other processes take does not count, so that a busy machine finds what an idle one does.
SEARCH_LIMIT_S = 50.0


class Effect(NamedTuple):
    """The effect on the outputs: a verdict, decisions compared and changed, and the largest change."""

    verdict: Verdict | None
    rows: int
    changed: int
    largest: float | None


#: The beginnings of the ids of plain fits.
_FITTED = ("constant-scale", "constant-offset", "column-constants")
_EMPTY = (
    "training and serving make tensors that are the same for every input, so their agreement says nothing: "
    "look for a default that replaces them"
)
_NOTHING = Effect(None, 0, 0, None)


def skew_rows(
    plan: Plan,
    case: str,
    collection: Collection,
    pipelines: Mapping[str, Pipeline],
    read: Callable[[ArrayEntry], Array],
) -> list[SkewRow]:
    """Return a row per group of cells that serve the same, compared with training in the baseline."""
    train, serve = pipelines.get(TRAIN), pipelines.get(plan.cases[case].serving or "")
    home = train.of(plan.baseline) if train else None
    if home is None or serve is None:
        return []
    return [_row(plan, case, collection, home, group, read) for group in serve.groups]


def _row(
    plan: Plan,
    case: str,
    collection: Collection,
    home: StageRecord,
    group: Sequence[StageRecord],
    read: Callable[[ArrayEntry], Array],
) -> SkewRow:
    cells = [str(each.cell) for each in group]
    other_data = _other_data(case, collection)
    found, unexplained, side_by_side = (
        ([], [], []) if other_data else _diagnosed(case, collection, home, group[0], read)
    )
    if not other_data:
        found = [*found, *surroundings(plan, case, collection, home, read)]
    # Results on different data say nothing about the processing.
    effect = _NOTHING if other_data else _effect(plan, case, collection, group, read)
    empty = not found and not other_data and _says_nothing(case, collection, home, group[0], read)
    same = home.made == group[0].made and not found and not empty
    verdict = effect.verdict
    if empty or (found and home.made == group[0].made):
        # Nothing of the input is in it, or it is equal here but not in the process that serves: that outputs
        # agree means nothing.
        verdict = Verdict.INCOMPARABLE
    elif found and not unexplained and all(each.harmless for each in found) and not effect.changed:
        verdict = Verdict.FLOAT_NOISE
    return SkewRow(
        case=case,
        cells=cells,
        identical=same,
        other_data=other_data,
        diagnoses=found,
        unexplained=unexplained,
        worst=side_by_side,
        verdict=verdict,
        rows=effect.rows,
        decisions_changed=effect.changed,
        max_abs=effect.largest,
        says=_EMPTY
        if empty
        else _sentence(
            found, unexplained, effect._replace(verdict=verdict), same=same, other_data=other_data
        ),
    )


def _other_data(case: str, collection: Collection) -> bool:
    """Whether the two pipelines got different raw data, so that processing cannot be told from data."""
    ready = collection.ready[case]
    if not isinstance(ready, ReadyCase):
        return False
    own = ready.stages[TRAIN].inputs_digest
    return own is not None and own != ready.inputs_digest


def _diagnosed(
    case: str,
    collection: Collection,
    home: StageRecord,
    other: StageRecord,
    read: Callable[[ArrayEntry], Array],
) -> tuple[list[DiagnosisRow], list[str], list[str]]:
    """Return the diagnoses over all batches, every difference without one, and the worst elements of each."""
    raw = _raw(case, collection, read)
    sides = arrays_of(home, read), arrays_of(other, read)
    parts = _parts(home, read), _parts(other, read)
    batches: dict[tuple[str, tuple[str, ...]], list[tuple[int, Diagnosis]]] = {}
    unexplained, side_by_side = [], []
    until = time.thread_time() + SEARCH_LIMIT_S
    for batch in sorted({*sides[0], *sides[1]}):
        train, serve = (side.get(batch, {}) for side in sides)
        given = raw.get(batch, {})
        examined = examine(
            train, serve, given, lambda: time.thread_time() > until, decoded_by(batch, home, other, read)
        )
        found = list(examined.found)
        for name in [*train, *(name for name in serve if name not in train)]:
            if name not in train or name not in serve:
                unexplained.append(f"batch {batch}, {name}: only one of the pipelines returns it")
                continue
            if is_same(train[name], serve[name]):
                continue
            side_by_side += [
                f"batch {batch}, {name} {line}" for line in worst(train[name], serve[name], given)
            ]
            of_tensor = [each for each in found if name in each.tensors]
            if of_tensor and not any(map(_is_weak, of_tensor)):
                continue
            of_parts = [
                Parts(side[name], part.get((batch, name), {}))
                for side, part in zip((train, serve), parts, strict=True)
            ]
            place = where(train[name], serve[name], given)
            depends = explain_parts(*of_parts)
            if depends is not None:
                found = [each for each in found if name not in each.tensors]
                found.append(replace(depends, tensors=(name,), where=place))
            if depends is not None or of_tensor:
                continue
            says = describe(train[name], serve[name]).sentence
            more = f", {place}" if place else ""
            stopped = (
                f"; not searched further after {SEARCH_LIMIT_S:g} s of computing, at {examined.stopped[name]}"
                if name in examined.stopped
                else ""
            )
            unexplained.append(f"batch {batch}, {name}: {says}{more}{stopped}")
        for each in found:
            batches.setdefault((each.id, each.tensors), []).append((batch, each))
    rows = [
        row_of(
            max((each for _, each in found), key=lambda each: each.before), [batch for batch, _ in found]
        ).model_copy(
            update={
                "residual": max(each.residual for _, each in found),
                "max_abs_before": max(each.max_abs_before for _, each in found),
                "max_abs_after": max(each.max_abs_after for _, each in found),
            }
        )
        for found in batches.values()
    ]
    return rows, unexplained, side_by_side


def _is_weak(found: Diagnosis) -> bool:
    """Whether a diagnosis has only fitted constants, or leaves something: a cause goes before it."""
    return bool(found.left) or all(step.startswith(_FITTED) for step in found.steps)


def _says_nothing(
    case: str,
    collection: Collection,
    home: StageRecord,
    other: StageRecord,
    read: Callable[[ArrayEntry], Array],
) -> bool:
    """Whether both sides are the same for different inputs, in every tensor of every batch."""
    raw = _raw(case, collection, read)
    made = [(batch, each) for side in (home, other) for batch, each in arrays_of(side, read).items()]
    return bool(made) and all(
        says_nothing(array, raw.get(batch, {})) for batch, tensors in made for array in tensors.values()
    )


def _parts(
    record: StageRecord, read: Callable[[ArrayEntry], Array]
) -> dict[tuple[int, str], dict[str, Array]]:
    """Return what a stage made of parts of its batches: by batch and tensor, by way."""
    found: dict[tuple[int, str], dict[str, Array]] = {}
    for each in record.part.parts:
        for output in each.outputs:
            found.setdefault((each.batch, str(output.id)), {})[each.way] = read(output.array)
    return found


def _raw(
    case: str, collection: Collection, read: Callable[[ArrayEntry], Array]
) -> dict[int, dict[str, Array]]:
    ready = collection.ready[case]
    batches = ready.batches if isinstance(ready, ReadyCase) else None
    return {
        number: {part.name: read(part.array) for part in batch if part.component is None}
        for number, batch in enumerate(batches or ())
    }


def _effect(
    plan: Plan,
    case: str,
    collection: Collection,
    group: Sequence[StageRecord],
    read: Callable[[ArrayEntry], Array],
) -> Effect:
    """Return the worst effect on the outputs of the models in these cells."""
    trained = collection.trained.get(case)
    if trained is None or not trained.is_recorded:
        return _NOTHING
    cells = {each.cell for each in group}
    # Cells whose models agree bit for bit are judged once.
    different = {
        contents(row.recording): row.recording
        for row in collection.rows
        if row.case == case and row.cell in cells and row.outcome is Outcome.RECORDED and row.recording
    }
    found = [_between(plan, case, collection, each, trained, read) for each in different.values()]
    return max(found, key=lambda effect: effect.verdict.severity if effect.verdict else -1, default=_NOTHING)


def _between(
    plan: Plan,
    case: str,
    collection: Collection,
    served: Recording,
    trained: Recording,
    read: Callable[[ArrayEntry], Array],
) -> Effect:
    found = judged_outputs(plan, case, collection, served, trained, read, same_inputs=False)
    shapes = {(each.batch, each.name): each.array.shape for each in trained.outputs}
    rows = changed = 0
    for each in found:
        agreement = each.divergence.top1_agreement
        if agreement is not None and each.output is not None:
            count = math.prod(shapes[each.output.batch, each.output.name][:-1])
            rows, changed = rows + count, changed + round((1 - agreement) * count)
    largest = [each.divergence.max_abs for each in found if each.divergence.max_abs is not None]
    return Effect(verdict_of(found), rows, changed, max(largest, default=None))


def _sentence(
    found: Sequence[DiagnosisRow],
    unexplained: Sequence[str],
    effect: Effect,
    *,
    same: bool,
    other_data: bool,
) -> str:
    if same:
        return "training and serving make identical tensors from the same input"
    if other_data:
        return "training and serving were given different raw data, so their processing cannot be compared"
    parts = [f"{each.title} ({proof_of(each)})" for each in found]
    if unexplained:
        parts.append(f"a difference without a diagnosis: {listed(unexplained, 1)}")
    if not parts:
        parts = ["training and serving differ by no more than rounding"]
    if effect.verdict is None:
        return f"{'; '.join(parts)}; the effect on the model's outputs is not known"
    size = f", by up to {effect.largest:.2g}" if effect.largest else ""
    decisions = f", and {effect.changed} of {effect.rows} decisions change" if effect.rows else ""
    return f"{'; '.join(parts)}; model outputs: {effect.verdict}{size}{decisions}"
