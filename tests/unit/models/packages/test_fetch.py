"""Which file of a package is taken, and when the index is asked."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest
from savedmodel_matrix.domain.errors import PackageError
from savedmodel_matrix.environments.index import IndexFile
from savedmodel_matrix.models.packages.fetch import fetch_package
from savedmodel_matrix.models.savedmodel.digest import DigestCache


def archive(prefix="", marker=b""):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for model in ("m/a", "m/a/inner", "m/b"):
            # With a ZipInfo the time is fixed, so that the same call makes the same bytes.
            opened.writestr(zipfile.ZipInfo(f"{prefix}{model}/saved_model.pb"), model.encode() + marker)
    return buffer.getvalue()


class FakeIndex:
    """Files by name; counts what it is asked for."""

    def __init__(self, **versions):
        self.contents = {}
        self.files = []
        self.asked = []
        for version, names in versions.items():
            for name in names:
                self.add(version.lstrip("v").replace("_", "."), name)

    def add(self, version, name, *, sha256=None):
        content = archive("pkg-1.0/" if name.endswith(".zip") else "", name.encode())
        self.contents[name] = content
        digest = sha256 or hashlib.sha256(content).hexdigest()
        kind = "wheel" if name.endswith(".whl") else "sdist"
        self.files.append(IndexFile(name, version, kind, len(content), None, False, digest))

    def project_files(self, project):
        self.asked.append(project)
        return self.files

    def download(self, project, file, to):
        self.asked.append(file.name)
        to.write_bytes(self.contents[file.name])


class NoIndex:
    def project_files(self, project):
        raise AssertionError("the index was asked")

    def download(self, project, file, to):
        raise AssertionError("the index was asked")


PURE = "pkg-1.0-py3-none-any.whl"
BINARY = ["pkg-1.0-cp311-cp311-win_amd64.whl", "pkg-1.0-cp310-cp310-manylinux2014_x86_64.whl"]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["pkg-1.0.zip", *BINARY, PURE], PURE),
        (["pkg-1.0.zip", *BINARY], BINARY[1]),
        (["pkg-1.0.zip"], "pkg-1.0.zip"),
    ],
)
def test_choice(tmp_path, names, chosen):
    index = FakeIndex(v1_0=names, v2_0=["pkg-2.0-py3-none-any.whl"])
    found = fetch_package("pkg==1.0", "m/a", tmp_path, DigestCache(tmp_path.parent / "digests.json"), index)
    assert found.archive_name == chosen
    assert found.archive_sha256 == hashlib.sha256(index.contents[chosen]).hexdigest()
    assert (found.path / "saved_model.pb").read_bytes() == b"m/a" + chosen.encode()
    assert index.asked == ["pkg", chosen]


def test_what_is_there_is_not_asked_for_again(tmp_path):
    first = fetch_package(
        "pkg==1.0", "m/a", tmp_path, DigestCache(tmp_path.parent / "digests.json"), FakeIndex(v1_0=[PURE])
    )
    assert (
        fetch_package("Pkg == 1", "m/a/", tmp_path, DigestCache(tmp_path.parent / "digests.json"), NoIndex())
        == first
    )
    inner = fetch_package(
        "pkg==1.0", "m/a/inner", tmp_path, DigestCache(tmp_path.parent / "digests.json"), NoIndex()
    )
    assert (inner.path / "saved_model.pb").read_bytes().startswith(b"m/a/inner")
    assert (first.path / "inner" / "saved_model.pb").exists()


def test_a_damaged_memo_is_made_again(tmp_path):
    first = fetch_package(
        "pkg==1.0", "m/a", tmp_path, DigestCache(tmp_path.parent / "digests.json"), FakeIndex(v1_0=[PURE])
    )
    for damage in ("", '{"format": 2}', '{"format": 1}'):
        (tmp_path / "pkg-1.json").write_text(damage)
        assert (
            fetch_package(
                "pkg==1.0",
                "m/a",
                tmp_path,
                DigestCache(tmp_path.parent / "digests.json"),
                FakeIndex(v1_0=[PURE]),
            )
            == first
        )


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_damaged_model_is_extracted_again(tmp_path):
    digests = DigestCache(tmp_path.parent / "digests.json")
    first = fetch_package("pkg==1.0", "m/a", tmp_path, digests, FakeIndex(v1_0=[PURE]))
    before = (first.path / "saved_model.pb").read_bytes()
    for damage in (flip, lambda path: path.unlink(), lambda path: (path.parent / "more").touch()):
        damage(first.path / "saved_model.pb")
        assert fetch_package("pkg==1.0", "m/a", tmp_path, digests, NoIndex()) == first
        assert (first.path / "saved_model.pb").read_bytes() == before
        assert not (first.path / "more").exists()


def test_a_damaged_archive_is_downloaded_again(tmp_path):
    digests = DigestCache(tmp_path.parent / "digests.json")
    first = fetch_package("pkg==1.0", "m/a", tmp_path, digests, FakeIndex(v1_0=[PURE]))
    (archive,) = (tmp_path / "archives").rglob("*.whl")
    before = archive.read_bytes()
    flip(archive)
    index = FakeIndex(v1_0=[PURE])
    other = fetch_package("pkg==1.0", "m/a/inner", tmp_path, digests, index)
    assert index.asked == ["pkg", PURE]
    assert archive.read_bytes() == before
    assert other.archive_sha256 == first.archive_sha256


def test_nothing_is_left_of_a_download_that_fails(tmp_path):
    index = FakeIndex(v1_0=[PURE])

    def broken(project, file, to):
        to.write_bytes(b"half")
        raise PackageError("the network went away")

    index.download = broken
    with pytest.raises(PackageError, match="went away"):
        fetch_package("pkg==1.0", "m/a", tmp_path, DigestCache(tmp_path.parent / "digests.json"), index)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_nothing_is_left_of_a_path_that_is_not_there(tmp_path):
    with pytest.raises(PackageError, match="nearest: m/b, m/a, m/a/inner"):
        fetch_package(
            "pkg==1.0", "m/x", tmp_path, DigestCache(tmp_path.parent / "digests.json"), FakeIndex(v1_0=[PURE])
        )
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path).parts[0] for path in files} == {"pkg-1.json", "archives"}


def test_unknown_version_names_the_nearest(tmp_path):
    with pytest.raises(PackageError, match=r"no pkg 1\.1; nearest: 1\.0"):
        fetch_package(
            "pkg==1.1",
            "m/a",
            tmp_path,
            DigestCache(tmp_path.parent / "digests.json"),
            FakeIndex(v1_0=[PURE], v7=["pkg-7-py3-none-any.whl"]),
        )


def test_a_file_without_digest_is_refused(tmp_path):
    index = FakeIndex(v1_0=[PURE])
    index.files = [IndexFile(PURE, "1.0", "wheel", 1, None, False, None)]
    with pytest.raises(PackageError, match="no SHA-256"):
        fetch_package("pkg==1.0", "m/a", tmp_path, DigestCache(tmp_path.parent / "digests.json"), index)


@pytest.mark.parametrize(
    "requirement",
    [
        "pkg",
        "pkg>=1",
        "pkg==1.*",
        "pkg==1,!=2",
        "pkg[tf]==1",
        "pkg==1; python_version>'3'",
        "pkg @ file:///x",
        "-",
    ],
)
def test_what_is_not_one_version_is_refused(tmp_path, requirement):
    with pytest.raises(PackageError, match="does not name one version"):
        fetch_package(requirement, "m/a", tmp_path, DigestCache(tmp_path.parent / "digests.json"), NoIndex())


@pytest.mark.parametrize("path", ["", ".", "/", "/m/a", "m/../../a"])
def test_what_is_not_a_folder_inside_is_refused(tmp_path, path):
    with pytest.raises(PackageError, match="not a folder inside a package"):
        fetch_package("pkg==1.0", path, tmp_path, DigestCache(tmp_path.parent / "digests.json"), NoIndex())
