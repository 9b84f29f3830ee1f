"""One look at the files that the cases of a plan name, which they often share."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.digest import code_digest, model_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from savedmodel_matrix.planning.workspace import Workspace


class Look:
    """The digests of models, code and inputs by path; each is looked at once, however many cases name it.

    A look does not notice what changes after it: every pass over the cases takes its own.
    """

    def __init__(self, project: Workspace) -> None:
        self._project = project
        self.model: Callable[[str], str] = cache(self._model)
        """The digest of a model; raises UnreadableModelError if its path is not a folder with files."""
        self.code: Callable[[str], str | None] = cache(self._code)
        """The digest of a local file or folder; None if it cannot be read."""
        self.file: Callable[[Path], tuple[str, str | None]] = cache(self._file)
        """A file's path in the project, and its digest; None if it cannot be read."""

    def _model(self, path: str) -> str:
        return model_digest(self._project.root / path, self._project.digests)

    def _code(self, path: str) -> str | None:
        return code_digest(self._project.root / path, self._project.digests)

    def _file(self, path: Path) -> tuple[str, str | None]:
        name = os.path.relpath(path, self._project.root)
        try:
            return name, self._project.digests.digest(path.resolve())
        except OSError:
            return name, None
