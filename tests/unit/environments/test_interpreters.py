from __future__ import annotations

import os

import pytest
from savedmodel_matrix.environments.interpreters import extend_path, venv_version


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
    extend_path()
    assert os.environ["PATH"].split(os.pathsep) == ["/own/bin", versions[1], versions[0]]
    extend_path()
    assert os.environ["PATH"].split(os.pathsep) == ["/own/bin", versions[1], versions[0]]
