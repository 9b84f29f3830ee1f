"""What releases ask for: every newest patch is in the table, and CUDA for every minor of a final release."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet
from savedmodel_matrix.knowledge.releases import ReleaseTable
from savedmodel_matrix.knowledge.requirements import cuda_of, required_by

NEWEST = ReleaseTable.load().minor_releases()


@pytest.mark.parametrize("version", NEWEST)
def test_every_newest_patch_names_its_numpy_protobuf_and_cuda(version):
    required = required_by(version)
    assert required.keys() >= {"h5py", "numpy", "protobuf"}
    assert all(SpecifierSet(specifier) is not None for specifier in required.values())
    assert cuda_of(version) is not None


def test_known_bounds():
    assert "2.0.1" not in SpecifierSet(required_by("2.15.1")["numpy"])
    assert "2.0.1" in SpecifierSet(required_by("2.9.3")["numpy"]), "unbounded: it breaks with NumPy 2"
    assert "4.0" not in SpecifierSet(required_by("2.9.3")["protobuf"])
    assert cuda_of("2.15.0") == ("12.2", "8.9")


def test_an_unknown_release_asks_for_nothing_known():
    assert required_by("2.9.0") is None
    assert cuda_of("2.99.0") is None
