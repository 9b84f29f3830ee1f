"""A stage in a process with another hash seed, time zone, locale and number of threads: is it the same?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.plan import POSTPROCESS
from savedmodel_matrix.measurements.stage import StageMeasurement, stage_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.measurements.interface import Site

#: Python seeds the hash of strings anew in every process unless this is set.
_SEED = {"PYTHONHASHSEED": "1"}
#: What a process may depend on without saying so, and a value that few machines have. The zone is 14 hours
#: ahead of UTC, so that almost every hour is on another day.
WAYS: dict[str, dict[str, str]] = {
    "time zone": {"TZ": "Pacific/Kiritimati"},
    "locale": {"LC_ALL": "C"},
    "threads": {"OMP_NUM_THREADS": "1"},
}
#: All of it at once: the only one that runs for every stage.
EVERYTHING = "everything else"
#: Two processes with one hash seed and nothing else changed.
SEEDED, SEEDED_AGAIN = "one hash seed", "one hash seed, again"
#: What tells which of it matters, where everything at once does.
APART = (SEEDED, SEEDED_AGAIN, *WAYS)


class ElsewhereMeasurement(StageMeasurement):
    """Runs the stage of ``job.variant``, "STAGE in WAY", in a process whose surroundings are others."""

    name = "elsewhere"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:
        """Yield a job in the baseline for every stage before the model."""
        for job in plan.baseline_jobs(environment):
            for stage in plan.cases[job.case].stages if job.given is None else ():
                if stage != POSTPROCESS:
                    yield replace(job, measurement=self.name, variant=f"{stage} in {EVERYTHING}")

    def variables(self, site: Site, job: Job) -> Mapping[str, str]:
        """Return the variables of the way; those that the setting names itself stay."""
        way = way_of(job)
        changed = {name: value for each in WAYS.values() for name, value in each.items()}
        added = changed if way == EVERYTHING else WAYS.get(way, {})
        return {**_SEED, **added, **super().variables(site, job)}

    def fresh_process(self, job: Job) -> bool:
        """Whether it needs an interpreter of its own: forks of one share its random state."""
        return way_of(job) != EVERYTHING

    def runs_parts(self, site: Site, job: Job) -> bool:  # noqa: ARG002 - never
        """Return False: the stage itself has run on parts."""
        return False


def way_of(job: Job) -> str:
    """Return what is changed in a job's process."""
    return job.variant.partition(" in ")[2]


def apart(job: Job) -> list[Job]:
    """Return the jobs that tell what a stage depends on, given the job in which everything was changed."""
    return [replace(job, variant=f"{stage_of(job)} in {way}") for way in APART]
