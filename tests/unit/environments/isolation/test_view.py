"""What isolated processes see: what was named, and every link on the way to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from savedmodel_matrix.environments.isolation import view as view_module
from savedmodel_matrix.environments.isolation.view import Step, View, of_variables


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder without any system; its real path."""
    monkeypatch.setattr(view_module, "SYSTEM", ())
    return tmp_path.resolve()


def steps(*shown, own=None):
    return View(frozenset(shown), own or {}).steps()


def test_what_is_not_there_is_left_out(root):
    assert steps(root / "nowhere") == []


def test_what_is_inside_another_is_shown_with_it(root):
    (root / "a" / "b").mkdir(parents=True)
    assert steps(root / "a", root / "a" / "b") == [Step("read", str(root / "a"))]


def test_links_are_made_again_and_what_they_lead_to_is_shown(root):
    (root / "real" / "model").mkdir(parents=True)
    (root / "models").symlink_to("real")
    (root / "absolute").symlink_to(root / "models" / "model")
    assert steps(root / "absolute") == [
        Step("read", str(root / "real" / "model")),
        Step("link", str(root / "absolute"), str(root / "models" / "model")),
        Step("link", str(root / "models"), "real"),
    ]


def test_a_link_out_of_what_is_shown_is_followed(root):
    (root / "model").mkdir()
    (root / "data").write_text("x")
    (root / "model" / "variables").symlink_to("../data")
    assert steps(root / "model", root / "model" / "variables") == [
        Step("read", str(root / "data")),
        Step("read", str(root / "model")),
    ]


def test_a_loop_of_links_is_not_there(root):
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    assert [step.kind for step in steps(root / "a")] == ["link", "link"]


def test_what_is_shown_inside_an_own_folder_is_not_hidden_by_it(root):
    model = root / "project" / "results" / "packages" / "model"
    model.mkdir(parents=True)
    results, staged = root / "project" / "results", root / "staged"
    assert steps(root / "project", model, own={results: staged}) == [
        Step("read", str(root / "project")),
        Step("own", str(results), str(staged)),
        Step("read", str(model)),
    ]


def test_a_home_folder_inside_the_system_is_empty(root, monkeypatch):
    (root / "usr" / "home" / "me" / "model").mkdir(parents=True)
    monkeypatch.setattr(view_module, "SYSTEM", (str(root / "usr"),))
    monkeypatch.setenv("HOME", str(root / "usr" / "home" / "me"))
    assert steps(root / "usr" / "home" / "me" / "model") == [
        Step("read", str(root / "usr")),
        Step("empty", str(root / "usr" / "home" / "me")),
        Step("read", str(root / "usr" / "home" / "me" / "model")),
    ]


def test_variables_name_folders(root):
    found = of_variables({"LD_LIBRARY_PATH": "/a::relative:/b", "PYTHONPATH": "/c", "HF_HOME": "/d"})
    assert list(found) == [Path("/a"), Path("/b"), Path("/c")]
