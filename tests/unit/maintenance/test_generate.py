from __future__ import annotations

import shutil

import pytest

from maintenance import generate


@pytest.fixture
def copy(tmp_path, monkeypatch):
    shutil.copytree(generate.ROOT / "schemas", tmp_path / "schemas")
    (tmp_path / "docs").mkdir()
    shutil.copy(generate.ROOT / "docs" / "causes.md", tmp_path / "docs")
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    return tmp_path


def test_what_is_committed_is_up_to_date(copy, capsys):
    assert generate.main(check=True) == 0
    assert "out of date" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["schemas/report.schema.json", "docs/causes.md"])
def test_each_stale_file_fails_the_check_and_is_written(copy, name, capsys):
    current = (copy / name).read_text(encoding="utf-8")
    (copy / name).write_text("stale", encoding="utf-8")
    assert generate.main(check=True) == 1
    assert (copy / name).read_text(encoding="utf-8") == "stale"
    out = capsys.readouterr().out
    assert "out of date" in out
    assert "nox -s generate" in out
    assert generate.main(check=False) == 0
    assert (copy / name).read_text(encoding="utf-8") == current
