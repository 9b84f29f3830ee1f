"""Whether a SavedModel that this tool wrote is still what it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel.digest import files_of
from savedmodel_matrix.probe import sums

if TYPE_CHECKING:
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.digest import DigestCache


def write_sums(model: Path) -> None:
    """Write the checksums of a model's files beside its folder."""
    sums.write(sums.path_of(str(model)), sums.of_folder(str(model)))


def is_whole(model: Path, cache: DigestCache) -> bool:
    """Whether a model has just the files that its checksums name. Unchanged files are not read again."""
    wanted: dict[str, str] | None = sums.read(sums.path_of(str(model)))
    try:
        found = {path.relative_to(model).as_posix(): cache.digest(path) for path in files_of(model)}
    except (OSError, UnreadableModelError):
        return False
    finally:
        cache.save()
    return wanted == found
