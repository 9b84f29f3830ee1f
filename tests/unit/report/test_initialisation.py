from __future__ import annotations

import pytest
from recordings import recording
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.evidence.collected import Collected
from savedmodel_matrix.report.initialisation import initialisation_remarks

WHOLE = {
    "ran": "main_op", "op": "init", "passed_over": [], "collections": {"table_initializer": 1},
    "uninitialised_variables": [], "uninitialised_tables": [], "missing_assets": [],
}  # fmt: skip


def row(setting, loader, outcome=Outcome.RUN_FAILED, environment="tf2.15.1", **changed):
    effective = {"loader": loader, "initialisation": {**WHOLE, **changed}}
    made = recording(outcome=outcome, effective=effective)
    return Collected(CellId(environment, setting), "c", outcome, None, True, made)


def test_what_is_as_it_should_be_is_not_worth_a_word():
    assert initialisation_remarks("c", [row("a", "v1-session")]) == []
    unfinished = Collected(CellId("e", "s"), "c", Outcome.SKIPPED, None, True)
    made = recording(effective={"initialisation": None})
    objects = Collected(CellId("e", "s"), "c", Outcome.RECORDED, None, True, made)
    assert initialisation_remarks("c", [unfinished, objects]) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"uninitialised_variables": ["a", "b"]}, "uninitialised variables are read: a, b"),
        (
            {"uninitialised_tables": ["t"]},
            "uninitialised tables are used: t; main_op init ran, but does not fill them",
        ),
        (
            {"ran": None, "uninitialised_tables": ["t"]},
            (
                "uninitialised tables are used: t; their initialisers are in the collection "
                "table_initializer, but a session runs only main_op or legacy_init_op, "
                "and the model has neither; loader saved_model runs the collection"
            ),
        ),
        (
            {"ran": None, "uninitialised_tables": ["t"], "collections": {}},
            "uninitialised tables are used: t; nothing in the model fills them",
        ),
        (
            {"passed_over": ["legacy_init_op l"]},
            "legacy_init_op l did not run: main_op init comes first, and only one of them runs",
        ),
        ({"missing_assets": ["words.txt"]}, "assets that the model declares are missing: words.txt"),
        ({"collections": {"queue_runners": 2}}, None),
        ({"unknown": "KeyError: 'x'"}, "the initialisation could not be determined: KeyError: 'x'"),
    ],
)
def test_what_is_said(changed, says):
    expected = [] if says is None else [f"case c: v1-session: {says} (tf2.15.1/v1)"]
    assert initialisation_remarks("c", [row("v1", "v1-session", **changed)]) == expected


def test_what_was_recorded_all_the_same_is_told():
    found = row("v2", "saved_model", Outcome.RECORDED, uninitialised_variables=["a"])
    (said,) = initialisation_remarks("c", [found])
    assert "the case was recorded anyway" in said
    runners = row("v2", "saved_model", Outcome.RECORDED, collections={"queue_runners": 2})
    (said,) = initialisation_remarks("c", [runners])
    assert "2 queue runners were not started; the outputs do not depend on" in said


def test_cells_that_have_the_same_in_common_share_a_line():
    missing = {"missing_assets": ["a"]}
    rows = [row("v1", "v1-session", environment=each, **missing) for each in ("one", "two")]
    (said,) = initialisation_remarks("c", rows)
    assert said.endswith("(in every cell)")
    rows.append(row("v1", "v1-session", environment="three"))
    (said,) = initialisation_remarks("c", rows)
    assert said.endswith("(one/v1, two/v1)")
