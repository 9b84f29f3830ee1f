"""Atomic writes: a kill at any moment leaves the old file or the new one, never a partial file."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.probe.sealed import BrokenSealError, seal, unseal
from savedmodel_matrix.probe.unfinished import whole

Kind = TypeVar("Kind", bound=BaseModel)

#: Ends the names of files that were set aside because they are damaged.
DAMAGED = ".damaged"
_LOG = logging.getLogger("savedmodel_matrix")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` through a temporary file in the same folder."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` through a temporary file in the same folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as half_written:
        Path(half_written).write_bytes(content)


def write_stored(path: Path, value: BaseModel) -> None:
    """Write a stored type as JSON with a checksum, atomically."""
    write_bytes(path, seal(value.model_dump_json(indent=1, by_alias=True), type(value).__name__))


def read_stored(path: Path, kind: type[Kind]) -> Kind | None:
    """Return what lies in ``path``, read through its type; None if the file is absent or damaged.

    ``kind`` has a field ``format`` whose type admits exactly the versions that this program reads. A file
    whose checksum is wrong, or that does not fit its type, is set aside, with a warning that names it, and
    made again.

    Raises:
        StoreError: if another version of this program wrote the file.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return None
    try:
        text = unseal(content, kind.__name__)
        return kind.model_validate_json(text)
    except BrokenSealError:
        set_aside(path)
        return None
    except ValidationError:
        found = _format_of(text)
        known = kind.model_fields["format"].default
        if found is None or found == known:
            set_aside(path)
            return None
        advice = (
            "upgrade savedmodel-matrix" if found > known else "move the results folder away and run again"
        )
        raise StoreError(f"{path} has format {found}; this version reads format {known}: {advice}") from None


def set_aside(path: Path) -> None:
    """Rename a damaged file or folder, with a warning that names it; nothing is done if there is none."""
    kept = path.with_name(path.name + DAMAGED)
    if kept.is_dir():
        shutil.rmtree(kept, ignore_errors=True)  # only a file can be replaced
    try:
        os.replace(path, kept)  # noqa: PTH105 - as above
    except FileNotFoundError:  # another process may have done it
        return
    _LOG.warning("%s is damaged; it is set aside as %s and made again", visible(str(path)), kept.name)


def _format_of(text: bytes) -> int | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    found = value.get("format") if isinstance(value, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def json_digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the SHA-256 of a value's canonical JSON (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
