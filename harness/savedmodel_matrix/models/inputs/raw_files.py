"""Unparsed files as the input of a stage: their bytes and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.values import Value, Values, string_array
from savedmodel_matrix.probe.arrays import STRING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from savedmodel_matrix.domain.input_sources import FilesSource


def read_files(files: Sequence[Path], source: FilesSource) -> Values:
    """Return the contents of ``files`` as a string input of shape [number of files], and their names.

    Raises ``InputsError`` if no file matches, or one cannot be read.
    """
    if not files:
        raise InputsError(f"{source.files}: no file matches")
    contents = []
    for file in files:
        try:
            contents.append(file.read_bytes())
        except OSError as error:
            raise InputsError(f"{file}: {error.strerror}") from error
    names = [file.name.encode() for file in files]
    return [
        Value(source.input, None, STRING, string_array(contents, (len(files),))),
        Value(f"{source.input}_name", None, STRING, string_array(names, (len(files),))),
    ]
