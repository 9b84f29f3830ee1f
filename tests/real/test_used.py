"""Variables that are left out as unused are: whatever their values, no output changes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from project import REPOSITORY

HERE = Path(__file__).parent
OLD, NEW = "tf2.4.4-py3.8-cpu", "tf2.21.0-py3.13-cpu"


@pytest.fixture(scope="module", params=[OLD, NEW])
def found(request, tmp_path_factory, environment):
    """What is held of the variables of each model of ``used_models`` by each loader."""
    folder = tmp_path_factory.mktemp("used")
    command = [environment(request.param), "-s", HERE / "used_models.py", folder, REPOSITORY / "harness"]
    subprocess.run(command, check=True)
    return json.loads((folder / "found.json").read_text())


def test_no_output_depends_on_what_is_left_out(found):
    # A random program may write to a variable in two branches of a loop at a time, so that its runs differ by
    # themselves, also after two that agree. Where nothing is left out, nothing was changed.
    steady = {name: each for name, each in found.items() if each["steady"] and not all(each["held"].values())}
    assert [name for name, each in steady.items() if each["shows"]] == []
    assert len(steady) > 20


def test_what_is_built_to_be_used_is_held_to_be(found):
    wrong = {
        name: [each for each, is_used in found[name]["held"].items() if is_used == each.startswith("unused")]
        for name in found
        if not name.startswith("drawn")
    }
    assert {name: each for name, each in wrong.items() if each} == {}


@pytest.mark.parametrize("kind", ["reference", "resource"])
@pytest.mark.parametrize("loader", ["saved_model", "v1-session"])
def test_variables_of_a_graph_of_tensorflow_1_can_be_changed(found, kind, loader):
    each = found[f"{kind} {loader}"]
    assert each["held"]["used"]
    assert each["held"]["used_condition"]
    assert each["moves"]
