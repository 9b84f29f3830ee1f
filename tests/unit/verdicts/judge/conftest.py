"""Arrays in a folder, and a ruler to hold them against each other."""

from __future__ import annotations

import pytest
from savedmodel_matrix.probe.arrays import read_array, write_array
from savedmodel_matrix.verdicts.judge.case import JudgedCase
from savedmodel_matrix.verdicts.judge.ruler import Ruler

_DTYPES = {"f": "float32", "i": "int64", "O": "string", "b": "bool"}


@pytest.fixture
def store(tmp_path):
    """Store an array and return its entry."""
    return lambda value: write_array(str(tmp_path), value, _DTYPES[value.dtype.kind])


@pytest.fixture
def read(tmp_path):
    return lambda entry: read_array(str(tmp_path), entry.to_json(), mmap=True)


@pytest.fixture
def ruler(read):
    """A ruler without noise floors: tolerances by type are all it has."""
    return Ruler(JudgedCase({}, "base/default", None, None, {}, read), {}, set(), read)
