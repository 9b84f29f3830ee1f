"""Resolve environments into their lock files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import LockError, NothingSelectedError
from savedmodel_matrix.environments.backends import backend_of
from savedmodel_matrix.environments.interpreters import find_interpreter
from savedmodel_matrix.planning.load import nearest
from savedmodel_matrix.planning.locking import lock_input

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from savedmodel_matrix.domain.environment import Beside, Environment
    from savedmodel_matrix.planning.workspace import Workspace

_AT_ONCE = 4  # resolving mostly waits for the index


def lock_all(
    project: Workspace,
    environments: Sequence[Environment | Beside],
    globs: Sequence[str],
    say: Callable[[str], None],
) -> None:
    """Resolve the environments that a glob matches, or all without a glob, and say what became of each.

    Raises:
        NothingSelectedError: naming each glob that matches no environment, with the nearest id.
        LockError: at the end, if some could not be resolved; their old locks are untouched.
    """
    wanted = [
        environment
        for environment in environments
        if not globs or any(fnmatchcase(environment.id, glob) for glob in globs)
    ]
    ids = [environment.id for environment in environments]
    if unmatched := [glob for glob in globs if not any(fnmatchcase(each, glob) for each in ids)]:
        raise NothingSelectedError(
            *(f"no environment matches '{glob}'{nearest(glob, ids)}" for glob in unmatched)
        )

    def lock_one(environment: Environment | Beside) -> str | None:
        python = find_interpreter(environment.python)
        path = project.lock_path(environment)
        before = path.read_text(encoding="utf-8") if path.exists() else None
        try:
            wanted = lock_input(project.releases, environment)
            lock = backend_of(environment).lock(wanted, Path(python) if python else None, path)
        except LockError as error:
            say(str(error))
            return environment.id
        same = path.read_text(encoding="utf-8") == before
        size = "unknown size" if lock.download_mb is None else f"{lock.download_mb} MB"
        what = f"{len(lock.pins)} packages, {size}" if lock.pins else f"no solution: {lock.unresolvable}"
        say(f"{environment.id}: {what}{' (unchanged)' if same else ''}")
        return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        failed = [name for name in pool.map(lock_one, wanted) if name is not None]
    if failed:
        raise LockError(f"could not be resolved, so nothing was written for: {', '.join(failed)}")
