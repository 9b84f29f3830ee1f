"""Which of a package's files an installer downloads."""

from __future__ import annotations

import pytest
from savedmodel_matrix.environments.index import IndexFile
from savedmodel_matrix.environments.locks.sizes import download_mb


class FakeIndex:
    """Each file's digest is its own name, so that a test reads as what it allows."""

    def __init__(self, **sizes):
        self.files = [
            IndexFile(name, "1.0", "wheel" if name.endswith(".whl") else "sdist", size, None, False, name)
            for name, size in sizes.items()
        ]

    def project_files(self, project):
        return [file for file in self.files if file.name.startswith(f"{project}-")]

    def download(self, project, file, to):
        raise AssertionError("a size needs no download")


MANY = {
    "a-1.0-cp36-cp36m-manylinux2010_x86_64.whl": 1_000_000,
    "a-1.0-cp38-cp38-manylinux2010_x86_64.whl": 2_000_000,
    "a-1.0-cp38-cp38-manylinux_2_27_x86_64.whl": 4_000_000,
    "a-1.0-cp38-cp38-manylinux_2_39_x86_64.whl": 8_000_000,
    "a-1.0-cp38-cp38-macosx_12_0_arm64.whl": 16_000_000,
    "a-1.0-cp38-cp38-win_amd64.whl": 32_000_000,
    "a-1.0-py3-none-any.whl": 64_000_000,
    "a-1.0.tar.gz": 128_000_000,
}


def allowing(files):
    return {"a": tuple(files)}


@pytest.mark.parametrize(
    ("python", "platform", "size"),
    [
        ("3.6", "linux-x86_64", 1),
        ("3.8", "linux-x86_64", 4),
        ("3.8", "macos-arm64", 16),
        ("3.8", "windows-x86_64", 32),
        ("3.9", "linux-x86_64", 64),
        ("3.8", "linux-aarch64", 64),
    ],
)
def test_the_most_specific_wheel(python, platform, size):
    assert download_mb(allowing(MANY), python, platform, FakeIndex(**MANY)) == size


def test_only_files_that_the_lock_allows():
    old = ["a-1.0-cp38-cp38-manylinux2010_x86_64.whl", "a-1.0.tar.gz"]
    assert download_mb(allowing(old), "3.8", "linux-x86_64", FakeIndex(**MANY)) == 2
    assert download_mb(allowing(old[1:]), "3.8", "linux-x86_64", FakeIndex(**MANY)) == 128


def test_packages_are_summed_before_rounding():
    files = {"a-1.0.tar.gz": 1_300_000, "b-1.0.tar.gz": 1_300_000}
    hashes = {"a": ("a-1.0.tar.gz",), "b": ("b-1.0.tar.gz",)}
    assert download_mb(hashes, "3.11", "linux-x86_64", FakeIndex(**files)) == 3


def test_unknown_if_one_of_them_is():
    known = {"a-1.0.tar.gz": 1_000_000}
    for other in ({}, {"b-1.0.tar.gz": None}):
        hashes = {"a": ("a-1.0.tar.gz",), "b": ("b-1.0.tar.gz",)}
        assert download_mb(hashes, "3.11", "linux-x86_64", FakeIndex(**known, **other)) is None
