"""Inputs from ``.npz`` and ``.npy`` files, as ``saved_model_cli run`` takes them. Never unpickles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.values import (
    Value,
    Values,
    as_strings,
    named_dtype,
    only_input,
    split_key,
)
from savedmodel_matrix.probe.arrays import STORED_AS, STRING

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.lib.npyio import NpzFile
    from numpy.typing import NDArray

    from savedmodel_matrix.models.savedmodel.reader import Signature

_STRINGS_HINT = "save strings with a fixed-width type such as np.array([...], dtype=str), not as objects"


def read_npz(path: Path, signature: Signature | None) -> Values:
    """Return the batch in a ``.npz`` file.

    A key is an input's name, or the name with ``.indices``, ``.values``, ``.dense_shape`` (sparse),
    ``.flat_values``, ``.row_splits_0`` (ragged). ``U`` arrays become UTF-8 strings, ``S`` arrays byte
    strings (NumPy drops zero bytes at their end). Raises ``InputsError``.
    """
    loaded = _load(path)
    if not isinstance(loaded, dict):
        raise InputsError(
            f'{path}: holds a single array without a name; write {{ npy = "{path.name}" }} instead'
        )
    names = signature.inputs if signature else {}
    return [_value(path, *split_key(key, names), array, signature) for key, array in loaded.items()]


def read_npy(path: Path, name: str | None, signature: Signature | None) -> Values:
    """Return the batch with the array of a ``.npy`` file, for the input ``name`` or else the only one.

    Raises ``InputsError``.
    """
    loaded = _load(path)
    if isinstance(loaded, dict):
        raise InputsError(f'{path}: holds named arrays; write {{ npz = "{path.name}" }} instead')
    if name is None:
        try:
            name = only_input(signature, f'write {{ npy = "{path.name}", input = "NAME" }}')
        except InputsError as error:
            raise InputsError(f"{path}: {error}") from error
    return [_value(path, name, None, loaded, signature)]


def _load(path: Path) -> NDArray[Any] | dict[str, NDArray[Any]]:
    try:
        # Opened here, because NumPy leaves a damaged archive open.
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            return _named(loaded)
    except OSError as error:
        raise InputsError(f"{path}: {error.strerror or error}") from error
    # NumPy parses headers as Python source and archives with zipfile and zlib. It passes on whatever they
    # raise on damaged data, and no list of these exceptions exists.
    except Exception as error:
        hint = f"; {_STRINGS_HINT}" if "allow_pickle" in str(error) else ""
        detail = str(error).partition("\n")[0][:200] or type(error).__name__
        raise InputsError(f"{path}: cannot be read as NumPy arrays ({detail}){hint}") from error


def _named(archive: NpzFile) -> dict[str, NDArray[Any]]:
    if len(set(archive.files)) < len(archive.files):
        raise ValueError("two arrays have the same name")
    return {key: archive[key] for key in archive.files}


def _value(
    path: Path, name: str, component: str | None, array: NDArray[Any], signature: Signature | None
) -> Value:
    declared = signature.inputs.get(name) if signature else None
    dtype = named_dtype(array)
    # NumPy's files do not support bfloat16 and the like: they come back as integers or bytes of that width.
    if declared and declared.dtype in STORED_AS and component in (None, "values", "flat_values"):
        stored = np.dtype(STORED_AS[declared.dtype])
        if array.dtype == stored or (array.dtype.kind == "V" and array.dtype.itemsize == stored.itemsize):
            return Value(
                name, component, declared.dtype, np.ascontiguousarray(array).view(stored).reshape(array.shape)
            )
    if dtype is None:
        raise InputsError(f"{path}: {name!r} has NumPy type {array.dtype}, which TensorFlow does not have")
    return Value(name, component, dtype, as_strings(array) if dtype == STRING else array)
