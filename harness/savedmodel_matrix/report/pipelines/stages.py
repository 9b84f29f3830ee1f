"""The pipelines around one case's models: what each made in every cell, as rows, and remarks on them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.arrays import Output
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import POSTPROCESS
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.evidence.collected import contents
from savedmodel_matrix.measurements.stage import AGAIN, stage_of
from savedmodel_matrix.report.pipelines.document import StageRow
from savedmodel_matrix.report.tables import class_name, several
from savedmodel_matrix.store.atomic import json_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry, OutputId
    from savedmodel_matrix.domain.cell import CellId
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.recording import Recording
    from savedmodel_matrix.evidence.collected import Collection, StageRecord
    from savedmodel_matrix.report.pipelines.document import EntryRow, SkewRow
    from savedmodel_matrix.verdicts.compare.elements import Array

#: What libraries are called, by the module that they are imported as.
_NAMES = {
    "PIL": "Pillow",
    "cv2": "OpenCV",
    "numpy": "NumPy",
    "scipy": "SciPy",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
}


@dataclass(frozen=True)
class Pipeline:
    """One stage of one case in every cell that ran it; ``groups`` are cells that made the same bits.

    ``again`` is the recording of the baseline's run in another process, where there is one.
    """

    stage: str
    records: Sequence[StageRecord]
    again: Recording | None = None
    groups: Sequence[Sequence[StageRecord]] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[Any, list[StageRecord]] = {}
        for record in self.records:
            if record.made is not None:
                found.setdefault(record.made, []).append(record)
        object.__setattr__(self, "groups", list(found.values()))

    def of(self, cell: CellId) -> StageRecord | None:
        """Return its result in one cell, if there is one."""
        return next((each for group in self.groups for each in group if each.cell == cell), None)

    def moving(self, baseline: CellId) -> list[str]:
        """Return the names of tensors that differ in every process, so that no cell is to blame."""
        home = self.of(baseline)
        if home is None or home.made is None or self.again is None:
            return []
        if not self.again.is_recorded:
            return []
        return sorted({output.name for output, _ in set(home.made) ^ set(contents(self.again))})


def pipelines_of(plan: Plan, case: str, collection: Collection) -> dict[str, Pipeline]:
    """Return the pipelines of a case by the names of their stages."""
    again = {
        stage_of(swap.job): swap.recording
        for swap in collection.swaps
        if swap.job.case == case and swap.job.variant.endswith(AGAIN)
    }
    return {
        name: Pipeline(
            name,
            [each for each in collection.stages if (each.case, each.stage) == (case, name)],
            again.get(name),
        )
        for name in plan.cases[case].stages
    }


def stage_rows(pipelines: Mapping[str, Pipeline]) -> list[StageRow]:
    """Return a row per stage and cell."""
    rows = []
    for pipeline in pipelines.values():
        letters = {
            each.cell: class_name(number) for number, group in enumerate(pipeline.groups) for each in group
        }
        rows += [_row(record, letters.get(record.cell)) for record in pipeline.records]
    return rows


def _row(record: StageRecord, letter: str | None) -> StageRow:
    recording = record.recording
    return StageRow(
        environment=record.cell.environment,
        setting=record.cell.setting,
        case=record.case,
        stage=record.stage,
        outcome=record.outcome,
        reason=record.reason,
        recording=recording.key if recording else None,
        beside=record.beside,
        class_=letter,
        libraries=libraries(record),
        unstable=sorted({each.name for each in (recording.unstable if recording else ())}),
        wrote=sorted({each.name for each in record.part.wrote}),
        remarks=list(dict.fromkeys(record.part.remarks)),
    )


def libraries(record: StageRecord) -> dict[str, str]:
    """Return the libraries that a stage's code imports, by name, with their versions."""
    return {_NAMES.get(module, module): version for module, version in record.part.libraries.items()}


def brought(record: StageRecord) -> dict[str, str]:
    """Return the libraries that those import in turn, by name, with their versions."""
    return {_NAMES.get(module, module): version for module, version in record.part.brought.items()}


def changed_libraries(before: StageRecord, now: StageRecord) -> list[str]:
    """Return ``"Pillow 9.5.0 → 11.3.0"`` for each library that differs, NumPy last.

    Indirect libraries are listed only if none of those that the stage names has changed.
    """
    for of in (libraries, brought):
        old, new = of(before), of(now)
        names = sorted({*old, *new}, key=lambda name: (name == "NumPy", name.lower()))
        changed = [name for name in names if old.get(name) != new.get(name)]
        if changed:
            return [f"{name} {old.get(name, 'none')} → {new.get(name, 'none')}" for name in changed]
    return []


def stage_factors(pipelines: Mapping[str, Pipeline]) -> dict[str, dict[str, str]]:
    """Return, per cell, the libraries of its stages as factors that a result may depend on.

    Those beside the cell's environment are named so: the cell has a NumPy of its own. What libraries brought
    in is a factor only where all that a stage names is the same everywhere.
    """
    found: dict[str, dict[str, str]] = {}
    for pipeline in pipelines.values():
        ran = [record for record in pipeline.records if record.recording is not None]
        varies = len({json_digest(libraries(record)) for record in ran}) > 1
        for record in ran:
            used = libraries(record) if varies else {**brought(record), **libraries(record)}
            for name, version in used.items():
                factor = f"{name} (beside)" if record.beside else name
                found.setdefault(str(record.cell), {}).setdefault(factor, version)
    return found


def stage_remarks(
    case: str, rows: Sequence[StageRow], pipelines: Mapping[str, Pipeline], baseline: CellId
) -> list[str]:
    """Return the problems of the pipelines themselves, each once with the cells that show it."""
    said: dict[str, list[str]] = {}
    for pipeline in pipelines.values():
        if names := pipeline.moving(baseline):
            text = (
                f"{pipeline.stage} is not deterministic: a second process made a different "
                f"{', '.join(names)} from the same input (the order of a set, time, a seed?), so nothing "
                "after it is compared"
            )
            said[text] = [str(baseline)]
    for row in rows:
        for text in _faults(row):
            said.setdefault(f"{row.stage} {text}", []).append(row.cell)
    return [f"case {case}: {text} ({several(tuple(cells))})" for text, cells in said.items()]


def _faults(row: StageRow) -> Iterator[str]:
    if row.unstable:
        names = ", ".join(row.unstable)
        yield (
            f"is not deterministic: two calls on the same input made different {names}, so nothing after "
            "it is compared"
        )
    if row.wrote:
        yield f"writes to its input {', '.join(row.wrote)}, so later users of that array get changed values"
    yield from row.remarks
    if row.stage == "train" and row.outcome is not Outcome.RECORDED:
        yield f"has nothing to compare: {row.outcome}: {row.reason}"


def summaries(entries: Sequence[EntryRow], skews: Sequence[SkewRow]) -> list[str]:
    """Return the part of a case's sentence about its pipelines; nothing if they all agree."""
    said = []
    differ = [entry for entry in entries if entry.stage != POSTPROCESS]
    if differ:
        names = list(dict.fromkeys(each for entry in differ for each in entry.libraries))
        count = sum(len(entry.cells) for entry in differ)
        verdicts = [each for entry in differ for each in (entry.given_baselines, entry.baseline_given_theirs)]
        known = [verdict for verdict in verdicts if verdict is not None]
        innocent = len(known) == len(verdicts) and worst(known) in (Verdict.IDENTICAL, Verdict.FLOAT_NOISE)
        model = "the model is not the cause" if innocent else "the model may differ too"
        because = f" ({', '.join(names)})" if names else ""
        said.append(f"its inputs already differ in {count} of the cells{because}; {model}")
    if any(entry.stage == POSTPROCESS for entry in entries):
        said.append("postprocess gives different results on equal outputs")
    titles = dict.fromkeys(each.title for skew in skews for each in skew.diagnoses if not each.harmless)
    if titles:
        said.append(f"serving preprocesses differently from training: {'; '.join(titles)}")
    elif any(skew.unexplained for skew in skews):
        said.append("serving preprocesses differently from training, in a way that has no diagnosis")
    elif any(skew.other_data for skew in skews):
        said.append("training and serving were given different raw data")
    return said


def arrays_of(record: StageRecord, read: Callable[[ArrayEntry], Array]) -> dict[int, dict[str, Array]]:
    """Return a stage's results: arrays by name, by batch; a composite's components are "NAME.COMPONENT"."""
    found: dict[int, dict[str, Array]] = {}
    for output in record.recording.outputs if record.recording else ():
        found.setdefault(output.batch, {})[str(output.id)] = read(output.array)
    return found


def with_postprocess(outputs: RecordedOutputs, record: StageRecord | None) -> RecordedOutputs:
    """Return a model's outputs with those of the stage after it, as "postprocess/NAME"."""
    if record is None or record.recording is None or record.outcome is not Outcome.RECORDED:
        return outputs

    def renamed(output: OutputId) -> OutputId:
        return output._replace(name=f"{POSTPROCESS}/{output.name}")

    made = tuple(Output.of(renamed(each.id), each.array) for each in record.recording.outputs)
    return RecordedOutputs(
        outputs.outputs + made,
        outputs.unstable | {renamed(each.id) for each in record.recording.unstable},
        frozenset(each.id for each in made),
    )


def with_unstable_inputs(
    outputs: RecordedOutputs, pipeline: Pipeline | None, cell: CellId, baseline: CellId
) -> RecordedOutputs:
    """Return a model's outputs, all of them unstable if the pipeline before it is."""
    record = pipeline.of(cell) if pipeline else None
    if pipeline is None or not (pipeline.moving(baseline) or (record and record.is_unstable)):
        return outputs
    return replace(outputs, unstable=frozenset(each.id for each in outputs.outputs))
