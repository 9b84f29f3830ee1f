"""Which way to isolate is taken, and what is said where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from savedmodel_matrix.domain.errors import MachineError
from savedmodel_matrix.environments.isolation import confine as module
from savedmodel_matrix.environments.isolation import view as view_module
from savedmodel_matrix.environments.isolation.view import View


@pytest.fixture
def choose(monkeypatch):
    """A function that chooses between ways with these problems."""

    def chosen(platform="linux", **problems):
        monkeypatch.setattr(module.sys, "platform", platform)
        monkeypatch.setattr(module, "WAYS", {name: name for name in problems})
        monkeypatch.setattr(module, "_problem", problems.__getitem__)
        return module.confine.__wrapped__()

    return chosen


def test_the_first_that_works_is_taken(choose):
    assert choose(one=None, two=None) == "one"
    assert choose(one="it is not installed", two=None) == "two"


def test_where_none_works_one_line_says_why_and_what_to_do(choose):
    with pytest.raises(MachineError) as caught:
        choose(one="it is not installed", two="not permitted")
    text = str(caught.value)
    assert "one: it is not installed; two: not permitted" in text
    assert "nothing was started" in text
    assert "\n" not in text


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_nothing_is_tried(choose, platform):
    with pytest.raises(MachineError, match="needs Linux"):
        choose(platform=platform, one=None)


@pytest.mark.parametrize("way", module.WAYS.values(), ids=list(module.WAYS))
def test_every_way_shows_the_same(way, tmp_path, monkeypatch):
    monkeypatch.setattr(view_module, "SYSTEM", ())
    root = tmp_path.resolve()
    for name in ("model", "home", "scratch"):
        (root / name).mkdir()
    (root / "link").symlink_to("model")
    seen = View(frozenset([root / "link"]), {root / "home": root / "home"})
    command = way(seen, root / "home", ["the", "command"], root / "scratch")
    assert command[-2:] == ["the", "command"]
    asked = root / "scratch" / "view.json"
    if asked.exists():
        view = json.loads(asked.read_text())
        assert Path(view["root"]).is_dir()
        assert (view["home"], view["steps"]) == (
            str(root / "home"),
            [
                ["own", str(root / "home"), str(root / "home")],
                ["read", str(root / "model"), ""],
                ["link", str(root / "link"), "model"],
            ],
        )
    else:
        text = " ".join(command)
        assert f"--bind {root}/home {root}/home --ro-bind {root}/model {root}/model" in text
        assert f"--symlink model {root}/link" in text
        assert "--unshare-net" in command
