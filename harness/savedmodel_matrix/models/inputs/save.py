"""A batch as a file that a case can name."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from savedmodel_matrix.probe.arrays import STRING
from savedmodel_matrix.store.atomic import write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray


def save_batch(
    folder: Path, name: str, signature: str, arrays: Mapping[str, tuple[str, NDArray[Any]]]
) -> Path:
    """Write the arrays of a batch, by name with their element types, and return the file.

    It is a ``.npz`` file, or a REST body where strings end with zero bytes, which NumPy's files lose.
    """
    lossy = any(dtype == STRING and _ends_with_zero(each) for dtype, each in arrays.values())
    path = folder / f"{name}{'.json' if lossy else '.npz'}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if lossy:
        inputs = {key: _as_json(each.tolist(), dtype) for key, (dtype, each) in arrays.items()}
        body = {"signature_name": signature, "inputs": inputs}
        write_bytes(path, json.dumps(body).encode("utf-8"))
        return path
    content = io.BytesIO()
    stored: dict[str, Any] = {
        key: np.array(each.tolist(), dtype=np.bytes_).reshape(each.shape) if dtype == STRING else each
        for key, (dtype, each) in arrays.items()
    }
    np.savez(content, **stored)
    write_bytes(path, content.getvalue())
    return path


def existing(folder: Path, name: str) -> Path | None:
    """Return the file that ``save_batch`` would replace or contradict."""
    found = (folder / f"{name}{suffix}" for suffix in (".npz", ".json"))
    return next((path for path in found if path.exists()), None)


def _ends_with_zero(array: NDArray[Any]) -> bool:
    return any(each.endswith(b"\0") for each in array.ravel().tolist())


def _as_json(value: Any, dtype: str) -> Any:  # noqa: ANN401 - nested lists
    if isinstance(value, list):
        return [_as_json(each, dtype) for each in value]
    return {"b64": base64.b64encode(value).decode("ascii")} if dtype == STRING else value
