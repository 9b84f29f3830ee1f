"""What a stage finds in its working folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from savedmodel_matrix.probe import texts
from savedmodel_matrix.probe.measurements import stage


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """A stage of a project, in a working folder elsewhere."""
    root = tmp_path / "project"
    for name in ("stages/code.py", "src/a/b.json", "data/listed.txt", "data/other.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (tmp_path / "beside.txt").write_text("beside")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return {
        "root": str(root),
        "file": str(root / "stages/code.py"),
        "modules": [str(root / "src")],
        "reads": [
            str(root / "src/a/b.json"),
            str(root / "data/listed.txt"),
            str(root / "data/missing.txt"),
            str(root / "../beside.txt"),
        ],
    }


def test_what_it_lists_is_at_its_path_in_the_project_and_nothing_else(spec):
    stage._bring_listed(spec)
    for name in ("stages/code.py", "src/a/b.json", "data/listed.txt"):
        assert Path(name).read_text() == name
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["data", "src", "stages"]
    assert [path.name for path in Path("data").iterdir()] == ["listed.txt"]


def test_what_it_does_not_list_is_named(spec):
    said = "it opens 'data/other.txt', .* add it to the stage's `reads`"
    with pytest.raises(texts.PlainError, match=said), stage._explaining(spec):
        Path("data/other.txt").read_text()


@pytest.mark.parametrize("path", ["nowhere.txt", "/nowhere.txt"])
def test_what_is_nowhere_is_not_found(spec, path):
    with pytest.raises(FileNotFoundError), stage._explaining(spec):
        Path(path).read_text()
