"""Jobs with their site and key: what runs together, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.measurements import measurement_of
from savedmodel_matrix.measurements.keys import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from savedmodel_matrix.domain.environment import Beside
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.probe_request import CaseRequest
    from savedmodel_matrix.measurements.interface import Site


@dataclass(frozen=True)
class Task:
    """A job with its site. ``after`` is the key of the recording that its inputs come from, if any."""

    site: Site
    job: Job
    key: str
    after: str | None
    beside: Beside | None

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """The environment variables of its process: TensorFlow reads them at import."""
        return tuple(sorted(measurement_of(self.job).variables(self.site, self.job).items()))

    @property
    def alone(self) -> str | None:
        """The only case that its start may be for, where models are isolated."""
        return self.job.case if self.site.plan.isolate else None

    def request(self) -> CaseRequest:
        """Return the request for the probe."""
        return measurement_of(self.job).ask(self.site, self.job, self.key)


def task_of(site: Site, job: Job) -> Task:
    """Return the job with its site and key."""
    measurement = measurement_of(job)
    taken = measurement.takes(site.plan, job)
    after = None if taken is None else key_of(site, taken)
    return Task(site, job, key_of(site, job), after, measurement.beside(site, job))


def starts(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Yield the tasks of each start of the probe: one interpreter and one set of variables.

    Isolated, a start has the tasks of one case: what a model can reach there is its own. A task runs after
    the task whose outputs it takes: later in the same start, or in a later start.
    """
    waiting = list(tasks)
    while waiting:
        # Prefer the start that can run the most tasks now: each start costs an import.
        groups: dict[tuple[str, tuple[tuple[str, str], ...], str | None], list[Task]] = {}
        for task in waiting:
            place = task.beside.id if task.beside else ""
            groups.setdefault((place, task.variables, task.alone), []).append(task)
        ready = [_ready(group, waiting) for group in groups.values()]
        chosen = max(ready, key=lambda group: (bool(group) and group[0].beside is not None, len(group)))
        assert chosen, "tasks do not depend on each other in a cycle"  # noqa: S101
        yield chosen
        done = {task.key for task in chosen}
        waiting = [task for task in waiting if task.key not in done]


def _ready(group: Sequence[Task], waiting: Sequence[Task]) -> list[Task]:
    """Return the tasks of a group whose inputs exist already or come from the group itself, in order."""
    pending = {task.key for task in waiting}
    found: list[Task] = []
    grew = True
    while grew:
        grew = False
        made = {task.key for task in found}
        for task in group:
            if task.key not in made and (task.after not in pending or task.after in made):
                found.append(task)
                made.add(task.key)
                grew = True
    return found
