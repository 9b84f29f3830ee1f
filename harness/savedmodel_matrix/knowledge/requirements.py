"""What each TensorFlow release asks of NumPy, protobuf, Keras, h5py, CUDA and cuDNN.

Packages are in ``requirements.json``, from the metadata of each release's wheel
(``python -m maintenance.refresh_requirements`` generates it). CUDA and cuDNN are in ``cuda.json``, from the
tested build configurations at tensorflow.org/install/source#gpu.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from savedmodel_matrix.domain.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).with_name("requirements.json")
FORMAT = 1
_CUDA = Path(__file__).with_name("cuda.json")


class Cuda(NamedTuple):
    """The versions that a minor's GPU build was built and tested with."""

    cuda: str
    cudnn: str


def required_by(version: str) -> Mapping[str, str] | None:
    """Return the version specifiers in a release's own metadata by package; "" is any version.

    None if the release is not in the table.

    Raises:
        StoreError: if the file has another format.
    """
    return _requirements().get(version)


def cuda_of(version: str) -> Cuda | None:
    """Return what the GPU build of a release's minor was tested with; None if that is not known."""
    row = _cuda().get(".".join(version.split(".")[:2]))
    return None if row is None else Cuda(**row)


@cache
def _requirements() -> Mapping[str, Mapping[str, str]]:
    rows: dict[str, dict[str, str]] = _read(DATA)["releases"]
    return rows


@cache
def _cuda() -> Mapping[str, Mapping[str, str]]:
    rows: dict[str, dict[str, str]] = _read(_CUDA)["minors"]
    return rows


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if data.get("format") != FORMAT:
        raise StoreError(f"{path.name} has format {data.get('format')}, but this version reads {FORMAT}")
    return data
