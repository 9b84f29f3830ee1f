from __future__ import annotations

import os

import pytest
from savedmodel_matrix.environments.interpreters import nox_python, search_path, venv_version


@pytest.mark.parametrize(
    ("content", "version"),
    [
        ("home = /usr/bin\nversion_info = 3.11.7\n", "3.11.7"),  # uv, virtualenv
        ("home = /usr/bin\nversion = 3.9.18\nprompt = a=b\n", "3.9.18"),  # venv
        ("version = 3.9\nversion_info = 3.9.18.final.0", "3.9.18.final.0"),
        ("home = /usr/bin\n", None),
        ("", None),
    ],
)
def test_version_of_a_virtual_environment(tmp_path, content, version):
    (tmp_path / "pyvenv.cfg").write_text(content, encoding="utf-8")
    assert venv_version(tmp_path) == version


def test_version_of_what_is_no_virtual_environment(tmp_path):
    assert venv_version(tmp_path / "absent") is None


def test_pyenvs_versions_come_after_what_the_user_chose(tmp_path, monkeypatch):
    for version in ("3.8.18", "3.9.1"):
        (tmp_path / "versions" / version / "bin").mkdir(parents=True)
    versions = [str(tmp_path / "versions" / version / "bin") for version in ("3.9.1", "3.8.18")]
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "shims"), "/own/bin", versions[1]]))
    before = os.environ["PATH"]
    assert search_path().split(os.pathsep) == ["/own/bin", versions[1], versions[0]]
    assert os.environ["PATH"] == before


def test_nox_is_told_of_pyenvs_interpreter_only_where_path_has_none(tmp_path, monkeypatch):
    for place in (
        "shims/python3.9",
        "versions/3.9.2/bin/python3.9",
        "versions/3.9.18/bin/python3.9",
        "own/python3.8",
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "shims"), str(tmp_path / "own")]))
    assert nox_python("3.9") == str(tmp_path / "versions/3.9.18/bin/python3.9"), "the newest"
    assert nox_python("3.8") == "3.8"
    assert nox_python("3.7") == "3.7"
