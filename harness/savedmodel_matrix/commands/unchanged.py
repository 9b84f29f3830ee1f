"""Whether anything changed since the newest report: asked before anything stored is read.

A run reads its definition, its cases, its environments' states and their locks, from which the keys follow.
Only the recordings are not read again: the facts of their files say whether they are still the ones that the
report was made from, and the sizes of the files of arrays do the same. The report itself is hashed.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from savedmodel_matrix.environments.state import read_state
from savedmodel_matrix.evidence.content import premises_digest
from savedmodel_matrix.evidence.recorded import job_name
from savedmodel_matrix.execution.pending import current_installation
from savedmodel_matrix.measurements import added_measurements, work
from savedmodel_matrix.measurements.interface import Site
from savedmodel_matrix.measurements.keys import key_of
from savedmodel_matrix.planning.ready import find_all_ready
from savedmodel_matrix.store.atomic import read_stored
from savedmodel_matrix.store.file_facts import SETTLED_NS
from savedmodel_matrix.store.newest_report import SUMS, is_intact, newest_report
from savedmodel_matrix.store.reported import Reported, read_reported, state_digest, write_reported
from savedmodel_matrix.store.runs import Run, run_path

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.selection import Selection
    from savedmodel_matrix.evidence.collected import Collection, JobName
    from savedmodel_matrix.planning.workspace import Workspace
    from savedmodel_matrix.store.newest_report import NewestReport
    from savedmodel_matrix.store.results import Results


def note_reported(
    project: Workspace,
    plan: Plan,
    selection: Selection,
    collection: Collection,
    report: NewestReport,
    content: str,
    run: Run,
    today: dt.date,
) -> None:
    """Save what the newest report was made from, if nothing is left to run.

    ``content`` is the digest of what this collection's report is made from. ``run`` is the file of the matrix
    round, with the report's verdicts.
    """
    results = project.results
    sizes = {name: results.object_size(name) for array in collection.arrays for name in array.objects}
    if not (
        collection.settled
        and all(_has_settled(facts) for facts in collection.seen.values())
        and all(results.has_array(array, sizes.get) for array in collection.arrays)
    ):
        return
    premises = premises_digest(plan, selection, collection.states, collection.ready, collection.keys, today)
    path = run_path(results, run)
    with suppress(OSError):  # the next run reads everything
        state = state_digest(
            premises,
            path.name,
            remedies_done=report.remedies_done,
            recordings=collection.seen,
            objects=sizes,
            texts=_texts(results, path),
        )
        noted = Reported(
            run=path.name,
            remedies_done=report.remedies_done,
            recordings=tuple(collection.seen),
            objects=tuple(sizes),
            state=state,
        )
        # Another run beside this one may have replaced the report before it was hashed.
        hashed = newest_report(results)
        if hashed is not None and hashed == report and hashed.content == content:
            write_reported(results, noted)


def unchanged_since(
    project: Workspace, plan: Plan, selection: Selection, today: dt.date, *, fixes: bool
) -> Run | None:
    """Return the run that made the newest report if another one would run nothing and report the same.

    With ``fixes``, it must have tried them. None means that this is not known without reading everything.
    """
    results = project.results
    reported = read_reported(results)
    if reported is None or selection.fresh or (fixes and not reported.remedies_done):
        return None
    premises = _premises(project, plan, selection, today)
    path = results.root / "runs" / reported.run
    try:
        state = state_digest(
            premises or "",
            reported.run,
            remedies_done=reported.remedies_done,
            recordings={key: results.recording_facts(key) for key in reported.recordings},
            objects={name: results.object_size(name) for name in reported.objects},
            texts=_texts(results, path),
        )
    except OSError:
        return None
    if premises is None or state != reported.state or not is_intact(results):
        return None
    return read_stored(path, Run)


def _premises(project: Workspace, plan: Plan, selection: Selection, today: dt.date) -> str | None:
    """Return the digest of everything but stored recordings; None if a selected job cannot be settled."""
    ready = find_all_ready(project, plan.cases)
    known = {name: case for name, case in ready.items() if case is not None}
    if len(known) < len(ready):
        return None
    states = {name: read_state(project.results, name) for name in plan.environments}
    current = {
        name: current_installation(project, environment, plan)
        for name, environment in plan.environments.items()
    }
    if any(
        selection.wants(job)
        for name, installed in current.items()
        if installed is None
        for job in work(plan, name)
    ):
        return None
    keys: list[tuple[JobName, str | None]] = []
    for job in (job for kind in added_measurements().values() for job in kind.jobs(plan)):
        state = states[job.cell.environment]
        installed = None if state is None else state.installed
        site = None if installed is None else Site(project, plan, installed, known[job.case])
        keys.append((job_name(job), None if site is None else key_of(site, job)))
    return premises_digest(plan, selection, states, known, keys, today)


def _has_settled(facts: tuple[int, int, int, int] | None) -> bool:
    """Whether a change to a file since it was seen must have changed these facts."""
    if facts is None:
        return True
    _, modified_ns, changed_ns, _ = facts
    return time.time_ns() - max(modified_ns, changed_ns) > SETTLED_NS


def _texts(results: Results, run: Path) -> tuple[Path, ...]:
    return (results.latest / SUMS, run)
