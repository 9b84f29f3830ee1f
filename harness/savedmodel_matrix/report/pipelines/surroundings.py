"""Stages whose results depend on their surroundings: hash seed, zone, locale, threads, folder, or chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.plan import TRAIN
from savedmodel_matrix.measurements.elsewhere import EVERYTHING, SEEDED, SEEDED_AGAIN, way_of
from savedmodel_matrix.measurements.stage import stage_of
from savedmodel_matrix.report.pipelines.diagnoses import row_of
from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis
from savedmodel_matrix.verdicts.diagnose.prove import distance, is_same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry, Output
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection, StageRecord
    from savedmodel_matrix.report.pipelines.document import DiagnosisRow
    from savedmodel_matrix.verdicts.compare.elements import Array

#: Measured by the stage itself, in one process: no two processes share a working folder.
_FOLDER = "working folder"
#: By way: the id, and what the result depends on.
_NAMES = {
    SEEDED: ("hash-seed", "the seed of Python's hash()"),
    SEEDED_AGAIN: ("not-deterministic", "chance or the time of day"),
    "time zone": ("machine-time-zone", "the time zone of the machine"),
    "locale": ("machine-locale", "the locale of the machine"),
    "threads": ("machine-threads", "the number of threads"),
    _FOLDER: ("machine-folder", "the working folder"),
}
_PROOFS = {
    SEEDED: "two processes with one hash seed make the same, and one with another seed does not",
    SEEDED_AGAIN: "two processes with one hash seed and the same surroundings make different results",
    _FOLDER: "in one process, it makes the same again in the first folder, and something else in another",
}


def surroundings(
    plan: Plan, case: str, collection: Collection, home: StageRecord, read: Callable[[ArrayEntry], Array]
) -> list[DiagnosisRow]:
    """Return a row for each thing outside the input that training's or serving's result depends on."""
    stages: dict[str, list[str]] = {}
    sizes: dict[str, tuple[float, float, tuple[str, ...]]] = {}
    names = (TRAIN, plan.cases[case].serving)
    made = {each.stage: each for each in collection.stages if (each.cell, each.case) == (home.cell, case)}
    for stage in (name for name in names if name in made):
        assert stage is not None, "it is one of the stages"  # noqa: S101
        for way, moved in _causes(case, stage, collection, made[stage], read).items():
            stages.setdefault(way, []).append({TRAIN: "training"}.get(stage, "serving"))
            sizes.setdefault(way, moved)
    return [_row(way, who, *sizes[way]) for way, who in stages.items()]


def _row(way: str, who: list[str], relative: float, largest: float, tensors: tuple[str, ...]) -> DiagnosisRow:
    name, cause = _NAMES[way]
    says = " and ".join(who)
    found = Diagnosis(
        id=name,
        title=f"what {says} {'make' if len(who) > 1 else 'makes'} depends on {cause}",
        train=cause if "training" in who else "the input alone",
        serve=cause if "serving" in who else "the input alone",
        mends=f"make the result of {says} a function of the input alone",
        before=relative,
        residual=relative,
        max_abs_before=largest,
        max_abs_after=largest,
        steps=(name,),
        tensors=tensors,
        proof=_PROOFS.get(way, f"only {cause} was changed, and the result changed"),
    )
    return row_of(found, [0])


def _causes(
    case: str,
    stage: str,
    collection: Collection,
    home: StageRecord,
    read: Callable[[ArrayEntry], Array],
) -> dict[str, tuple[float, float, tuple[str, ...]]]:
    """Return what a stage's results depend on: by way, how far apart they are, and the tensors."""
    runs = {
        way_of(each.job): each.recording
        for each in collection.elsewhere
        if (each.job.case, stage_of(each.job)) == (case, stage) and each.recording is not None
    }
    if home.recording is not None and home.part.in_another_folder:
        # Processes have different working folders, so that nothing else shows beside it.
        there = _arrays(home.part.in_another_folder, read)
        own = {name: each for name, each in _arrays(home.recording.outputs, read).items() if name in there}
        moved = _moved(own, there)
        return {_FOLDER: moved} if moved is not None else {}
    if home.recording is None or EVERYTHING not in runs or SEEDED not in runs or SEEDED_AGAIN not in runs:
        return {}
    of = {way: _arrays(run.outputs, read) for way, run in runs.items() if run.is_recorded}
    own, seeded = _arrays(home.recording.outputs, read), of.get(SEEDED)
    if seeded is None:
        return {}
    found = {}
    if (again := _moved(seeded, of.get(SEEDED_AGAIN, seeded))) is not None:
        return {SEEDED_AGAIN: again}
    if (moved := _moved(own, seeded)) is not None:
        found[SEEDED] = moved
    for way in _NAMES:
        if way not in (SEEDED, SEEDED_AGAIN) and way in of and (moved := _moved(seeded, of[way])) is not None:
            found[way] = moved
    return found


def _arrays(outputs: Sequence[Output], read: Callable[[ArrayEntry], Array]) -> dict[str, Array]:
    return {f"{each.batch} {each.id}": read(each.array) for each in outputs}


def _moved(
    one: Mapping[str, Array], other: Mapping[str, Array]
) -> tuple[float, float, tuple[str, ...]] | None:
    """Return how far apart two results are and in which tensors, if by more than rounding."""
    different = [name for name in one if name not in other or not is_same(one[name], other[name])]
    if not different:
        return None
    apart = [distance(one[name], other[name]) for name in different if name in other]
    names = dict.fromkeys(name.partition(" ")[2] for name in different)
    return (
        max((each.relative for each in apart), default=1.0),
        max((each.largest for each in apart), default=0.0),
        tuple(names),
    )
