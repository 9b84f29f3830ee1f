"""What a plan of an upgrade does not know, and what it would cost to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.wording import count, joined, listed
from savedmodel_matrix.environments.host import host_facts
from savedmodel_matrix.planning.locking import lock_status
from savedmodel_matrix.questions.standing import Answer
from savedmodel_matrix.report.upgrade.document import How

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.questions.standing import Standings
    from savedmodel_matrix.report.document import PowerRow
    from savedmodel_matrix.report.upgrade.document import ModelRow, ReleaseRow

_MOST_NAMED = 4


def unknown(
    models: Sequence[ModelRow],
    releases: Sequence[ReleaseRow],
    found: Mapping[str, Standings],
    powers: Mapping[str, PowerRow | None],
) -> list[str]:
    """Return what this machine and these inputs cannot tell, the most important first."""
    lines = []
    if open_ := [each.case for each in models if each.at_last is None]:
        lines.append(f"whether {listed(open_, _MOST_NAMED)} agrees in the last release: it was not measured")
    if weak := [each.case for each in models if each.weak]:
        lines.append(
            f"how much agreement of {listed(weak, _MOST_NAMED)} proves: its inputs notice few changes of the "
            "model (savedmodel-matrix inputs makes better ones)"
        )
    if blind := [case for case, row in powers.items() if row is None]:
        lines.append(f"what the inputs of {listed(blind, _MOST_NAMED)} notice: it was not measured")
    if unproven := [
        case for case, own in found.items() if any(each.answer is Answer.UNPROVEN for each in own.of.values())
    ]:
        lines.append(f"whether {listed(unproven, _MOST_NAMED)} agrees: no output of it could be compared")
    if inferred := [
        row.tensorflow
        for at, row in enumerate(releases)
        if any(model.steps[at].how is How.INFERRED for model in models)
    ]:
        lines.append(
            f"{joined(inferred)}: not measured for every model; the releases around have the same answer, "
            "and preflight expects nothing else"
        )
    lines += [f"{row.tensorflow}: {row.unavailable}" for row in releases if row.unavailable is not None]
    if host_facts()["gpus"] == "none":
        lines.append("anything on a GPU: this machine has none")
    lines.append(f"other CPUs than this one ({host_facts()['cpu']}), whose kernels may round differently")
    return lines


def surer(
    project: Workspace, plan: Plan, collection: Collection, releases: Sequence[ReleaseRow], target: str
) -> list[str]:
    """Return what measuring the rest would cost: downloads in MB, time from what the measured ones took."""
    left = [row for row in releases if not row.measured and row.unavailable is None]
    if not left:
        return []
    seconds: dict[str, float] = {}
    for row in collection.rows:
        if row.recording is not None:
            own = seconds.get(row.cell.environment, 0.0)
            seconds[row.cell.environment] = own + row.recording.seconds
    sizes = [lock_status(project, plan.environments[row.environment])[2] for row in left]
    known = [size for size in sizes if size is not None]
    download = f", {sum(known)} MB to download" if len(known) == len(left) else ""
    mean = sum(seconds.values()) / len(seconds) if seconds else 0.0
    return [
        (
            f"the other {count(len(left), 'release')} ({joined([row.tensorflow for row in left])}): about "
            f"{max(1, round(mean * len(left) / 60))} min of running, and their installation{download}: "
            f"nox -s plan -- {target} --all"
        )
    ]
