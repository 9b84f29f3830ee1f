"""Arrays in a folder, and a ruler to hold them against each other."""

from __future__ import annotations

import pytest
from recordings import stored
from savedmodel_matrix.probe.arrays import read_array
from savedmodel_matrix.verdicts.judge.case import JudgedCase
from savedmodel_matrix.verdicts.judge.ruler import Ruler


@pytest.fixture
def store(tmp_path):
    """Store an array and return its entry."""
    return lambda value: stored(tmp_path, value)


@pytest.fixture
def read(tmp_path):
    return lambda entry: read_array(str(tmp_path), entry.to_json(), mmap=True)


@pytest.fixture
def ruler(read):
    """A ruler without noise floors: tolerances by type are all it has."""
    return Ruler(JudgedCase({}, "base/default", None, None, {}, read, (), ()), {}, set(), read)
