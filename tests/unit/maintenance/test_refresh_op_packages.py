"""What a refresh makes of what packages register."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from savedmodel_matrix.environments.index import IndexFile

from maintenance import refresh_op_packages
from maintenance.refresh_op_packages import PACKAGES, refresh, render

LINUX = "manylinux_2_17_x86_64.manylinux2014_x86_64"


def found(release, *ops, by="tensorflow_text", library=False):
    return {
        "tensorflow": "2.9.3",
        "python": "3.9",
        "release": release,
        "registers": [{"by": by, "library": library, "ops": list(ops)}],
    }


def wheel(version, tags=f"cp39-cp39-{LINUX}"):
    name = f"tensorflow_text-{version}-{tags}.whl"
    return IndexFile(name, version, "wheel", 1, None, yanked=False, sha256=None)


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Refresh with answers from a dict, and return the table and what was tried."""
    path, tried = tmp_path / "op_packages.json", []
    monkeypatch.setattr(refresh_op_packages, "DATA", path)

    def refreshed(answers, files, minors=None):
        index = SimpleNamespace(
            project_files=lambda name: files, __enter__=lambda self: self, __exit__=lambda *_: None
        )
        opened = type("Index", (), {"__enter__": lambda _: index, "__exit__": lambda *_: None})
        monkeypatch.setattr(refresh_op_packages, "SimpleIndex", opened)

        def answer(_index, name, minor):
            tried.append((name, minor))
            if answers[minor] is None:
                raise KeyboardInterrupt
            return answers[minor]

        monkeypatch.setattr(refresh_op_packages, "_try_minor", answer)
        refresh(["tensorflow-text"], minors or answers)
        return json.loads(path.read_text())["packages"]["tensorflow-text"], tried

    return refreshed


def test_ops_with_the_same_releases_are_one_group(table):
    row, _ = table(
        {"2.10": found("2.10.0", "T>A", "T>B", "MatMul"), "2.9": found("2.9.0", "T>A")},
        [wheel("2.9.0"), wheel("2.10.0"), wheel("2.10.0", "cp310-cp310-win_amd64")],
    )
    assert row["registers"] == [
        {"by": "tensorflow_text", "library": False, "in": ["2.9.0", "2.10.0"], "ops": ["T>A"]},
        {"by": "tensorflow_text", "library": False, "in": ["2.10.0"], "ops": ["T>B"]},
    ], "TensorFlow's own are left out"
    assert list(row["tried"]) == ["2.9", "2.10"]
    assert row["tried"]["2.9"] == {"tensorflow": "2.9.3", "python": "3.9", "release": "2.9.0"}
    assert row["wheels"] == {
        "2.9.0": {"linux-x86_64": ["3.9"]},
        "2.10.0": {"linux-x86_64": ["3.9"], "windows-x86_64": ["3.10"]},
    }


def test_what_did_not_work_is_a_row_without_ops(table):
    row, _ = table({"2.18": {"tensorflow": "2.18.1", "problem": "no release fits"}}, [wheel("2.9.0")])
    assert row["tried"]["2.18"]["problem"] == "no release fits"
    assert (row["wheels"], row["registers"]) == ({}, [])


def test_a_package_without_wheels_is_not_installed(table):
    row, tried = table({"2.9": found("2.9.0", "T>A")}, [])
    assert row["tried"] == {"2.9": {"problem": "it has no wheels"}}
    assert tried == []


def test_an_interrupted_refresh_goes_on_where_it_was(table):
    files = [wheel("2.9.0"), wheel("2.10.0")]
    with pytest.raises(KeyboardInterrupt):
        table({"2.9": found("2.9.0", "T>A"), "2.10": None}, files)
    row, tried = table({"2.9": None, "2.10": found("2.10.0", "T>A")}, files)
    assert [minor for _, minor in tried] == ["2.9", "2.10", "2.10"]
    assert row["registers"][0]["in"] == ["2.9.0", "2.10.0"]


def test_inner_lists_and_objects_are_one_line_each():
    text = render({"format": 1, "packages": {"a": {"tried": {"2.9": {"release": "1"}}, "ops": ["b", "c"]}}})
    assert '"ops": ["b", "c"]' in text
    assert '{"release": "1"}' in text
    assert json.loads(text)["packages"]["a"]["ops"] == ["b", "c"]


def test_every_package_has_a_module():
    assert all(each.module and each.requirement for each in PACKAGES.values())
