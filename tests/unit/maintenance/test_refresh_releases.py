"""What a refresh makes of the index's files."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from savedmodel_matrix.domain.errors import PackageError
from savedmodel_matrix.environments.index import IndexFile
from savedmodel_matrix.knowledge.releases import DATA, ReleaseTable

from maintenance.refresh_releases import DISTRIBUTIONS, collect, render


class FakeIndex:
    def __init__(self, files):
        self.files = files

    def project_files(self, project):
        return self.files.get(project, [])

    def download(self, project, file, to):
        raise AssertionError("a refresh downloads no file")


def wheel(distribution, version, tags, *, size=2_400_000, day="2024-01-01", yanked=False):
    uploaded = dt.datetime.fromisoformat(f"{day}T23:30:00+00:00")
    name = f"{distribution.replace('-', '_')}-{version}-{tags}.whl"
    return IndexFile(name, version, "wheel", size, uploaded, yanked, "0" * 64)


def releases(*files):
    return collect(FakeIndex({"tensorflow": list(files)}))["releases"]


def test_tags_become_minors_and_platforms():
    found = releases(
        wheel("tensorflow", "2.9.0", "cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64"),
        wheel("tensorflow", "2.9.0", "cp39-cp39-manylinux2014_aarch64"),
        wheel("tensorflow", "2.9.0", "cp39-cp39-macosx_12_0_arm64"),
        wheel("tensorflow", "2.9.0", "cp39-cp39-macosx_10_15_x86_64"),
        wheel("tensorflow", "2.9.0", "cp37-cp37m-win_amd64", size=600_000),
        wheel("tensorflow", "2.9.0", "cp313-cp313t-win_amd64"),
        wheel("tensorflow", "2.9.0", "cp39-cp39-win32"),
    )
    assert found["2.9.0"]["wheels"]["tensorflow"] == {
        "linux-x86_64": {"3.10": 2},
        "linux-aarch64": {"3.9": 2},
        "macos-arm64": {"3.9": 2},
        "macos-x86_64": {"3.9": 2},
        "windows-x86_64": {"3.7": 1},
    }


def test_minors_and_releases_are_in_order_of_their_numbers():
    tags = "manylinux2014_x86_64"
    found = releases(
        wheel("tensorflow", "2.10.0", f"cp310-cp310-{tags}"),
        wheel("tensorflow", "2.10.0", f"cp39-cp39-{tags}"),
        wheel("tensorflow", "2.9.0", f"cp39-cp39-{tags}"),
    )
    assert list(found) == ["2.9.0", "2.10.0"]
    assert list(found["2.10.0"]["wheels"]["tensorflow"]["linux-x86_64"]) == ["3.9", "3.10"]


def test_the_date_is_that_of_the_first_file():
    files = [
        wheel("tensorflow", "2.9.0", f"cp39-cp39-{tag}", day=day)
        for tag, day in [("win_amd64", "2024-01-03"), ("manylinux2014_x86_64", "2024-01-02")]
    ]
    assert releases(*files)["2.9.0"]["date"] == "2024-01-02"


def test_yanked_only_where_every_file_is():
    both = [
        wheel("tensorflow", "2.9.0", "cp39-cp39-win_amd64", yanked=True),
        wheel("tensorflow", "2.9.1", "cp39-cp39-win_amd64", yanked=True),
        wheel("tensorflow", "2.9.1", "cp38-cp38-win_amd64"),
    ]
    found = releases(*both)
    assert found["2.9.0"]["yanked"] is True
    assert "yanked" not in found["2.9.1"]


def test_what_is_kept():
    versions = ["2.3.4", "2.4.0", "2.5.0rc0", "2.5.0", "2.6.0rc1", "2.6.0", "2.7.0", "2.8.0rc0"]
    versions += [f"2.9.0.dev202601{day:02}" for day in range(1, 13)]
    kept = list(releases(*(wheel("tensorflow", each, "cp39-cp39-win_amd64") for each in versions)))
    assert kept[:6] == ["2.4.0", "2.5.0", "2.6.0rc1", "2.6.0", "2.7.0", "2.8.0rc0"]
    assert kept[6:] == versions[-10:]


def test_an_index_without_sizes_is_refused():
    with pytest.raises(PackageError, match="does not report the size and upload time"):
        releases(wheel("tensorflow", "2.9.0", "cp39-cp39-win_amd64", size=None))


def test_the_checked_in_file_is_what_a_refresh_writes():
    text = DATA.read_text(encoding="utf-8")
    data = json.loads(text)
    assert render(data) == text
    assert {name for row in data["releases"].values() for name in row["wheels"]} <= set(DISTRIBUTIONS)
    assert ReleaseTable.load().versions == tuple(data["releases"])
