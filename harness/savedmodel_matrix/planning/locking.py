"""An environment's lock: what it must be made from, whether it is current, and creating a missing one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.environment import Beside
from savedmodel_matrix.domain.errors import LockError
from savedmodel_matrix.environments.backends import backend_of
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.environments.locks.lock import RELEASE_GRACE, Lock, LockInput, is_current, read_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.knowledge.releases import ReleaseTable
    from savedmodel_matrix.planning.workspace import Workspace


def lock_input(releases: ReleaseTable, environment: Environment | Beside) -> LockInput:
    """Return everything that determines the lock of an environment with wheels on this platform."""
    platform = platform_name()
    if isinstance(environment, Beside):
        return LockInput(environment.id, environment.python, environment.requirements, None, platform)
    tensorflow = releases.requirement(environment.tensorflow, environment.build, platform, environment.python)
    match environment.resolve:
        case "release":
            as_of: dt.date | None = releases.released(environment.tensorflow) + RELEASE_GRACE
        case "today":
            as_of = None
        case date:
            as_of = dt.date.fromisoformat(date)
    requirements = (tensorflow, *environment.requirements)
    return LockInput(
        environment.lock_id, environment.python, requirements, as_of, platform, environment.without
    )


def usable_lock(
    project: Workspace, environment: Environment | Beside, python: Path | None, say: Callable[[str], None]
) -> Lock:
    """Return the environment's lock, resolving it first if there is none for this platform.

    An existing lock is never replaced here: what is committed is what runs.

    Raises:
        LockError: if the lock was made from another definition, is damaged, or has no solution.
    """
    path, wanted = project.lock_path(environment), lock_input(project.releases, environment)
    if path.exists():
        lock = read_lock(path)
    else:
        say(f"{environment.id}: no lock for {wanted.platform} yet; resolving it")
        lock = backend_of(environment).lock(wanted, python, path)
        what_next = "" if environment.provisional else "; commit it"
        say(f"{environment.id}: wrote {path.relative_to(project.root).as_posix()}{what_next}")
    if (changed := is_current(lock, wanted)) is not None:
        raise LockError(f"the lock is for another definition ({changed}); run `nox -s lock`")
    if lock.unresolvable is not None:
        raise LockError(f"no solution: {' '.join(lock.unresolvable.split())}")
    return lock


def lock_status(project: Workspace, environment: Environment | Beside) -> tuple[str, str | None, int | None]:
    """Return a lock's status, the problem with it if any, and its download in MB.

    The status is ``current``, ``missing``, ``stale``, ``unresolvable`` or ``damaged``. Without a lock the
    size is that of TensorFlow's own wheel, or unknown for an environment without TensorFlow.
    """
    path, wanted = project.lock_path(environment), lock_input(project.releases, environment)
    if not path.exists():
        if isinstance(environment, Beside):
            return "missing", None, None
        size = project.releases.wheel_size(
            environment.tensorflow, environment.build, wanted.platform, environment.python
        )
        return "missing", None, size
    try:
        lock = read_lock(path)
    except LockError as error:
        return "damaged", str(error), None
    if (changed := is_current(lock, wanted)) is not None:
        return "stale", f"it is for another definition ({changed}); run `nox -s lock`", lock.download_mb
    if lock.unresolvable is not None:
        return "unresolvable", lock.unresolvable.splitlines()[0], None
    return "current", None, lock.download_mb
