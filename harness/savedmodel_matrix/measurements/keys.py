"""The content key of a job's recording: the digest of everything that can affect its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.probe_request import SourceFile
from savedmodel_matrix.environments.host import host_facts, host_fingerprint
from savedmodel_matrix.environments.state import Installed
from savedmodel_matrix.planning.outside import places_of
from savedmodel_matrix.probe import VERSION as PROBE_VERSION
from savedmodel_matrix.store.atomic import json_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.domain.environment import Beside
    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.measurements.interface import Site


def key_of(site: Site, job: Job) -> str:
    """Return the key of the job's recording in this environment, on this host."""
    from savedmodel_matrix.measurements import measurement_of  # noqa: PLC0415 - kinds ask for keys themselves

    measurement = measurement_of(job)
    home = home_of(site, measurement.beside(site, job))
    depends = measurement.depends_on(site, job)
    return json_digest(
        {
            "lock": home.lock,
            "interpreter": home.interpreter,
            "probe": PROBE_VERSION,
            "host": host_fingerprint(),
            "model": depends.model,
            "inputs": depends.inputs,
            "asked": dict(depends.asked),
            "setting": dict(depends.setting),
            # A model that needs the network or another file fails here, and only here.
            **({"isolated": True} if site.plan.isolate else {}),
        }
    )


def home_of(site: Site, beside: Beside | None) -> Installed:
    """Return what is installed where a job runs; empty if a separate environment could not be created."""
    if beside is None:
        return site.installed
    found = site.installed.besides.get(beside.id)
    return found if isinstance(found, Installed) else Installed(lock="", interpreter="")


def identity_of(site: Site, job: Job, beside: Beside | None = None) -> dict[str, Any]:
    """Return the parts of the key in readable form."""
    home = home_of(site, beside)
    return {
        "environment": job.cell.environment,
        "setting": job.cell.setting,
        "case": job.case,
        "measurement": job.measurement,
        "variant": job.variant,
        "lock": home.lock,
        "interpreter": home.interpreter,
        "probe": PROBE_VERSION,
        "inputs_from": None if job.given is None else str(job.given.cell),
        "isolated": site.plan.isolate,
        "host": {"fingerprint": host_fingerprint(), **host_facts()},
    }


def source_file(path: Path) -> SourceFile:
    """Return a file as it is now."""
    status = path.stat()
    return SourceFile(
        path=str(path),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
    )


def outside_sources(site: Site) -> tuple[SourceFile, ...]:
    """Return the files outside the model as they were when last hashed; a missing one has to stay missing."""
    found: list[SourceFile] = []
    for each in site.ready.outside:
        for place in places_of(site.project, each):
            there = source_files(site, [str(place)])
            found += there if each.digest is not None else (SourceFile.absent(str(place)),)
    return tuple(found)


def outside_links(site: Site) -> dict[str, str]:
    """Return the files that the model reads by relative paths: a case has its own working folder."""
    return {
        str(place.relative_to(site.project.root)): str(place)
        for each in site.ready.outside
        if not Path(each.path).is_absolute()
        for place in places_of(site.project, each)
        if place.is_relative_to(site.project.root)
    }


def source_files(site: Site, paths: Sequence[str]) -> tuple[SourceFile, ...]:
    """Return the files at these places (relative to the project's root) as they were when last hashed."""
    seen = [site.project.digests.seen_at(site.project.root / path) for path in paths]
    return tuple(
        SourceFile(path=path, size=size, mtime_ns=mtime_ns, ctime_ns=ctime_ns, inode=inode)
        for each in seen
        for path, (size, mtime_ns, ctime_ns, inode) in sorted(each.items())
    )
