"""What is taken out of archives, and what is refused."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile

import pytest
from savedmodel_matrix.domain.errors import PackageError
from savedmodel_matrix.models.packages import archive
from savedmodel_matrix.models.packages.archive import extract_model, find_models

MODEL = {
    "pkg/models/a/saved_model.pb": b"graph",
    "pkg/models/a/variables/variables.index": b"index",
    "pkg/models/ab/saved_model.pbtxt": b"text",
    "pkg/code.py": b"raise SystemExit",
}


def make_wheel(path, files=MODEL):
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("pkg/models/", b"")
        for name, content in files.items():
            opened.writestr(name, content)
    return path


def make_sdist(path, files=MODEL, extra=()):
    with tarfile.open(path, "w:gz") as opened:
        for name, content in files.items():
            info = tarfile.TarInfo(f"pkg-1.0/{name}")
            info.size = len(content)
            opened.addfile(info, io.BytesIO(content))
        for info in extra:
            opened.addfile(info)
    return path


def make_zip_sdist(path):
    return make_wheel(path, {f"pkg-1.0/{name}": content for name, content in MODEL.items()})


def make(tmp_path, kind):
    makers = {".whl": make_wheel, ".tar.gz": make_sdist, ".zip": make_zip_sdist}
    return makers[kind](tmp_path / f"pkg-1.0{kind}")


@pytest.mark.parametrize("kind", [".whl", ".tar.gz", ".zip"])
class TestEveryKind:
    def test_finds_models(self, tmp_path, kind):
        assert find_models(make(tmp_path, kind)) == ["pkg/models/a", "pkg/models/ab"]

    def test_extracts_the_model_and_nothing_else(self, tmp_path, kind):
        to = tmp_path / "out"
        extract_model(make(tmp_path, kind), "pkg/models/a", to)
        found = {str(path.relative_to(to)): path.read_bytes() for path in to.rglob("*") if path.is_file()}
        assert found == {"saved_model.pb": b"graph", "variables/variables.index": b"index"}

    def test_another_path_names_the_nearest(self, tmp_path, kind):
        with pytest.raises(PackageError, match="nearest: pkg/models/a"):
            extract_model(make(tmp_path, kind), "pkg/model/a", tmp_path / "out")

    def test_too_large(self, tmp_path, kind, monkeypatch):
        monkeypatch.setattr(archive, "SIZE_LIMIT", 9)
        with pytest.raises(PackageError, match="unpacks to 10 bytes"):
            extract_model(make(tmp_path, kind), "pkg/models/a", tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_an_archive_without_models(tmp_path):
    with pytest.raises(PackageError, match="contains no SavedModel"):
        extract_model(make_wheel(tmp_path / "pkg.whl", {"a/b.py": b""}), "a", tmp_path / "out")


def test_many_models_are_counted(tmp_path):
    wheel = make_wheel(tmp_path / "pkg.whl", {f"m/{each}/saved_model.pb": b"" for each in "abcdefgh"})
    with pytest.raises(PackageError, match=r"e and 3 more$"):
        extract_model(wheel, "q", tmp_path / "out")


@pytest.mark.parametrize("name", ["m/a/../../../evil", "m/a/..\\evil", "m/a/C:evil"])
def test_names_that_lead_out(tmp_path, name):
    wheel = make_wheel(tmp_path / "pkg.whl", {"m/a/saved_model.pb": b"", name: b"evil"})
    with pytest.raises(PackageError, match="points outside its folder"):
        extract_model(wheel, "m/a", tmp_path / "deep" / "er" / "out")
    assert not list(tmp_path.rglob("*evil*"))


def test_absolute_names_are_not_below_any_folder(tmp_path):
    evil = tmp_path / "evil"
    tar = make_sdist(tmp_path / "pkg-1.0.tar.gz", extra=[tarfile.TarInfo(str(evil))])
    extract_model(tar, "pkg/models/a", tmp_path / "out")
    assert not evil.exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_tar_links_and_devices(tmp_path, kind):
    info = tarfile.TarInfo("pkg-1.0/pkg/models/a/variables/link")
    info.type, info.linkname = kind, "pkg-1.0/pkg/code.py"
    with pytest.raises(PackageError, match="is a link or a device"):
        extract_model(make_sdist(tmp_path / "p.tar.gz", extra=[info]), "pkg/models/a", tmp_path / "out")


def test_zip_links(tmp_path):
    wheel = make_wheel(tmp_path / "pkg.whl")
    info = zipfile.ZipInfo("pkg/models/a/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(wheel, "a") as opened:
        opened.writestr(info, "/etc/passwd")
    with pytest.raises(PackageError, match="is a link or a device"):
        extract_model(wheel, "pkg/models/a", tmp_path / "out")


def test_a_link_elsewhere_in_the_archive_does_no_harm(tmp_path):
    info = tarfile.TarInfo("pkg-1.0/elsewhere")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    extract_model(make_sdist(tmp_path / "p.tar.gz", extra=[info]), "pkg/models/a", tmp_path / "out")
    assert (tmp_path / "out" / "saved_model.pb").exists()


@pytest.mark.parametrize("name", ["pkg.whl", "pkg.tar.gz"])
def test_damaged(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x1f\x8b not an archive")
    with pytest.raises(PackageError, match="is damaged"):
        find_models(tmp_path / name)


@pytest.mark.parametrize("maker", [make_wheel, make_sdist])
def test_cut_short(tmp_path, maker):
    suffix = {"make_wheel": "whl", "make_sdist": "tar.gz"}[maker.__name__]
    whole = maker(tmp_path / f"pkg.{suffix}", {"m/saved_model.pb": bytes(range(256)) * 4000})
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(PackageError, match="is damaged"):
        extract_model(whole, "m", tmp_path / "out")


def test_other_files(tmp_path):
    with pytest.raises(PackageError, match="not a wheel or source archive"):
        find_models(tmp_path / "pkg.exe")


def test_a_name_that_is_both_a_file_and_a_folder(tmp_path):
    files = {"m/saved_model.pb": b"", "m/x": b"", "m/x/y": b""}
    with pytest.raises(PackageError, match="m/x/y cannot be unpacked"):
        extract_model(make_wheel(tmp_path / "pkg.whl", files), "m", tmp_path / "out")
