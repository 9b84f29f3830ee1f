from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from maintenance.check_package import main, problems

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "harness" / "savedmodel_matrix"


def sources():
    return [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def make_wheel(folder, *, without=(), extra=()):
    path = folder / "savedmodel_matrix-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for source in sources():
            name = f"savedmodel_matrix/{source.relative_to(PACKAGE).as_posix()}"
            if name not in without:
                wheel.writestr(name, "")
        for name in ("savedmodel_matrix-1.dist-info/METADATA", *extra):
            wheel.writestr(name, "")
    return path


def make_source_archive(folder, extra=()):
    path = folder / "savedmodel_matrix-1.tar.gz"
    top = "savedmodel_matrix-1"
    with tarfile.open(path, "w:gz") as archive:
        for source in sources():
            archive.add(source, f"{top}/harness/savedmodel_matrix/{source.relative_to(PACKAGE).as_posix()}")
        for name in ("pyproject.toml", *extra):
            archive.add(ROOT / "pyproject.toml", f"{top}/{name}")
    return path


def test_complete_archives_pass(tmp_path):
    archives = [make_wheel(tmp_path), make_source_archive(tmp_path)]
    assert [list(problems(archive)) for archive in archives] == [[], []]
    assert main(map(str, archives)) == 0


@pytest.mark.parametrize("name", ["benchmarks/cost.py", "maintenance/generate.py", "tests/unit/test_x.py"])
def test_what_is_ours_alone_stays_out(tmp_path, name, capsys):
    for archive in (make_wheel(tmp_path, extra=[name]), make_source_archive(tmp_path, extra=[name])):
        assert main([str(archive)]) == 1
        assert capsys.readouterr().err == f"{archive.name} holds {name}, which is not part of the package\n"


@pytest.mark.parametrize("name", ["py.typed", "knowledge/releases.json", "probe/__main__.py"])
def test_what_the_package_needs_is_there(tmp_path, name):
    wheel = make_wheel(tmp_path, without=[f"savedmodel_matrix/{name}"])
    assert list(problems(wheel)) == [f"{wheel.name} lacks savedmodel_matrix/{name}"]
