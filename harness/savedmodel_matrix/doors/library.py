"""The Python API: a project to plan, run and report, and a report to analyse with pandas."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from savedmodel_matrix.domain.errors import StoreError, UsageError
from savedmodel_matrix.domain.selection import Request, Selection, new_run_id
from savedmodel_matrix.planning.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.report.document import Report


class Project:
    """A folder with ``matrices/``, a ``noxfile.py`` that calls ``register``, and ``results/``."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).resolve()
        self._workspace = Workspace(self.root)

    def matrices(self) -> list[str]:
        """Return the names of the matrices, ``default`` first."""
        return self._workspace.matrices()

    def plan(self, matrix: str = "default") -> Plan:
        """Return a matrix, expanded into environments, settings and cases.

        Raises:
            errors.DefinitionError: with every problem of the definition.
            errors.PlatformError: where TensorFlow has no wheels for this platform.
        """
        return self._workspace.plan(matrix)

    def run(
        self,
        matrix: str = "default",
        *,
        only: str | Sequence[str] = (),
        case: str | Sequence[str] = (),
        fresh: bool = False,
        fixes: bool = True,
        isolate: bool = False,
        jobs: int | None = None,
    ) -> int:
        """Run what is not recorded yet, as ``nox -s matrix`` does, and print and write the reports.

        ``only`` and ``case`` are globs as after ``--``, and ``isolate`` is ``--isolate``. Environments are in
        ``.nox`` in the project's folder.
        Returns the exit status (docs/exit-status.md).

        Raises:
            errors.UsageError: if the project has no noxfile.
            errors.DefinitionError: with every problem of the definition.
            errors.MachineError: if models are to be isolated and cannot be on this machine.
            errors.NothingSelectedError: if a glob matches nothing.
        """
        from savedmodel_matrix.commands.run import Place, run_matrix  # noqa: PLC0415 - brings rich and more
        from savedmodel_matrix.execution.executors.nox import NoxExecutor  # noqa: PLC0415 - as above

        noxfile = self.root / "noxfile.py"
        if not noxfile.exists():
            raise UsageError(f"{noxfile} does not exist; `savedmodel-matrix init MODEL` writes one")
        selection = Selection(_globs(only), _globs(case), fresh)
        request = Request(selection=selection, fixes=fixes, isolate=isolate, jobs=jobs)
        place = Place(noxfile, self.root / ".nox", NoxExecutor(), os.getpid())
        return run_matrix(self._workspace, matrix, request, place)

    def report(self, matrix: str = "default", *, isolate: bool = False) -> LoadedReport:
        """Make the report of a matrix from its recordings, print and write it, and return it."""
        from savedmodel_matrix.commands.aggregate import aggregate  # noqa: PLC0415 - brings pandas
        from savedmodel_matrix.questions.matrix import plan_of  # noqa: PLC0415 - as above

        plan = plan_of(self._workspace, matrix, Request(isolate=isolate))
        aggregate(self._workspace, plan, Selection(), new_run_id(self._workspace.results.newest_run()))
        return load_report(self._workspace.results.latest / "report.json")


class LoadedReport:
    """A report, and its tables as data frames, with columns named as in ``report.json``."""

    def __init__(self, document: Report) -> None:
        self.document = document
        """The whole report, typed."""

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The outcome and verdict of every cell and case."""
        return self._frame("cells")

    @cached_property
    def divergences(self) -> pd.DataFrame:
        """The numbers measured between two classes of cells, for every output."""
        return self._frame("divergences")

    @cached_property
    def classes(self) -> pd.DataFrame:
        """Cells whose outputs are bit-identical."""
        return self._frame("classes")

    @cached_property
    def outputs(self) -> pd.DataFrame:
        """The baseline's facts about every output."""
        return self._frame("outputs")

    @cached_property
    def checks(self) -> pd.DataFrame:
        """The results of the checks of session behaviour."""
        return self._frame("checks")

    @cached_property
    def fixes(self) -> pd.DataFrame:
        """The fixes that were tried, and their results."""
        return self._frame("remedies")

    def _frame(self, name: str) -> pd.DataFrame:
        """Return a list of rows as a frame; it has the columns of its type even if it is empty."""
        import pandas as pd  # noqa: PLC0415 - as above

        (kind,) = get_args(type(self.document).model_fields[name].annotation)
        rows = [row.model_dump() for row in getattr(self.document, name)]
        return pd.DataFrame(rows, columns=list(kind.model_fields))


def load_report(path: str | os.PathLike[str]) -> LoadedReport:
    """Read a ``report.json``, or the one in a folder such as ``results/latest``.

    Raises:
        errors.StoreError: if it does not exist, or another version wrote it.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - as above

    from savedmodel_matrix.report.document import Report  # noqa: PLC0415 - as above

    place = Path(path)
    place = place / "report.json" if place.is_dir() else place
    try:
        return LoadedReport(Report.model_validate_json(place.read_text(encoding="utf-8")))
    except OSError as error:
        raise StoreError(f"{place}: {error.strerror}; run the matrix first") from error
    except ValidationError as error:
        raise StoreError(
            f"{place} was written by another version of savedmodel-matrix; recreate it with `nox -s report`"
        ) from error


def _globs(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
