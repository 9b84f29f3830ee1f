from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from savedmodel_matrix.knowledge.causes.base import known_causes
from savedmodel_matrix.planning.load import load_definition

from benchmarks.causes import main
from benchmarks.causes.main import Found, counts, definition_of
from benchmarks.causes.planted import GROUPS

HERE = Path(main.__file__).parent
PLANTED = [(group, each) for group in GROUPS for each in group.planted]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_group_is_a_matrix_of_two_cells(group, tmp_path):
    path = tmp_path / "matrices" / f"{group.name}.toml"
    path.parent.mkdir()
    path.write_text(definition_of(group), encoding="utf-8")
    definition = load_definition(path)
    assert set(definition.cases) == {each.case for each in group.planted}
    cells = len({group.baseline, group.other}) * len(definition.settings)
    assert cells - len(definition.exclude) == 2


def test_there_are_enough_of_enough_kinds():
    assert len(PLANTED) >= 40
    assert len({group.kind for group, _ in PLANTED}) >= 12
    assert len({group.name for group in GROUPS}) == len(GROUPS)
    assert not [each for each, number in Counter((g.name, p.case) for g, p in PLANTED).items() if number > 1]


def test_every_cause_is_known_and_everything_that_a_case_names_is_there():
    assert {each.cause for _, each in PLANTED} <= {cause.id for cause in known_causes()}
    script = ast.parse((HERE / "models.py").read_text(encoding="utf-8"))
    models = {node.name for node in script.body if isinstance(node, ast.FunctionDef) and node.decorator_list}
    assert {each.made for _, each in PLANTED} == models
    modules = {name for _, each in PLANTED for name in re.findall(r"code/(\w+)\.py", each.options)}
    assert modules == {path.stem for path in (HERE / "code").glob("*.py")}


def test_a_miss_is_told_apart_from_a_wrong_cause_and_from_a_failure_that_did_not_happen():
    group, planted = PLANTED[0]
    right = Found(group, planted, True, "load-failed", [planted.cause], ["loader v1-session"])
    unknown = replace(right, causes=[], fixes=[])
    wrong = replace(right, causes=["killed", planted.cause])
    never = replace(right, outcome="recorded", causes=[], fixes=[])
    (row,) = counts([right, unknown, wrong, never])
    assert row == {
        "planted": "3 of 4",
        "kinds": "1",
        "cause right": "1",
        "cause wrong": "1",
        "unknown": "2",
        "fix verified": "2 of 4",
    }
