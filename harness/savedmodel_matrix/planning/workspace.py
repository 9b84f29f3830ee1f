"""A project on disk: the folder that holds ``noxfile.py``, ``matrices/`` and ``results/``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import DefinitionError, PlatformError
from savedmodel_matrix.domain.uncollected import uncollected
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.knowledge.releases import PLATFORMS, ReleaseTable
from savedmodel_matrix.models.savedmodel.digest import DigestCache
from savedmodel_matrix.planning.expand import expand
from savedmodel_matrix.planning.load import load_definition, nearest
from savedmodel_matrix.planning.stage_script import check_stages
from savedmodel_matrix.store.results import Results

if TYPE_CHECKING:
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Beside, Environment
    from savedmodel_matrix.domain.plan import Plan


@dataclass(frozen=True)
class Workspace:
    """The paths of one project, and what is read from them once."""

    root: Path

    @cached_property
    def results(self) -> Results:
        """The store in ``results/``."""
        return Results(self.root / "results")

    @cached_property
    def digests(self) -> DigestCache:
        """Digests of files that have not changed since they were hashed."""
        return DigestCache(self.results.file_digests)

    @cached_property
    def releases(self) -> ReleaseTable:
        """The facts about TensorFlow's releases."""
        return ReleaseTable.load()

    @property
    def locks(self) -> Path:
        """The folder of the committed locks."""
        return self.root / "matrices" / "locks"

    def matrices(self) -> list[str]:
        """Return the names of the project's matrices, ``default`` first.

        A file whose name is not printable is none: the name becomes that of a nox session.
        """
        found = (path.stem for path in (self.root / "matrices").glob("*.toml"))
        names = sorted(name for name in found if name.isprintable())
        return sorted(names, key=lambda name: name != "default")

    @uncollected()
    def plan(self, matrix: str) -> Plan:
        """Return a matrix, expanded.

        Raises:
            DefinitionError: with every problem of the definition.
            PlatformError: on a platform that TensorFlow has no wheels for.
        """
        platform = platform_name()
        if platform not in PLATFORMS:
            raise PlatformError(f"TensorFlow has no wheels for {platform}, only for {', '.join(PLATFORMS)}")
        path = self.root / "matrices" / f"{matrix}.toml"
        if not (matrix.isprintable() and path.exists()):
            known = nearest(matrix, self.matrices())
            raise DefinitionError([f"no matrix '{matrix}' in {path.parent}{known}"])
        try:
            plan = expand(load_definition(path), matrix, self.releases, platform)
            _require_comparators(plan)
            plan = replace(plan, remarks=(*plan.remarks, *check_stages(self.root, plan)))
        except DefinitionError as error:
            shown = path.relative_to(self.root)
            problems = [text.removeprefix(f"{path}: ") for text in error.problems]
            raise DefinitionError([f"{shown}: {text}" for text in problems]) from error
        return plan

    def lock_path(self, environment: Environment | Beside) -> Path:
        """Return where an environment's lock for this platform lies; with the results if provisional."""
        name = f"{environment.lock_id}.txt"
        committed = self.locks / platform_name() / name
        if environment.provisional and not committed.exists():
            return self.results.locks / platform_name() / name
        return committed


def _require_comparators(plan: Plan) -> None:
    """Raise DefinitionError for comparators that are not installed, before anything runs."""
    named = {
        (name, pattern): limits.comparator
        for name, case in plan.cases.items()
        for pattern, limits in case.tolerance.items()
        if limits.comparator is not None
    }
    if not named:
        return
    from savedmodel_matrix.verdicts.judge.comparators import missing_comparators  # noqa: PLC0415 - brings NumPy; rarely needed

    problems = [
        f"cases.{name}.tolerance.{pattern}.comparator: {problem}"
        for (name, pattern), comparator in named.items()
        for problem in missing_comparators([comparator])
    ]
    if problems:
        raise DefinitionError(problems)
