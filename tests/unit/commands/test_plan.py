from __future__ import annotations

import json

import pytest
from savedmodel_matrix.commands.plan import describe_plan
from savedmodel_matrix.commands.plan_document import PlanDocument, PlannedEnvironment, PredictedCase
from savedmodel_matrix.commands.plan_text import predicted_lines, render_plan
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.doors.command_line import app
from typer.testing import CliRunner

CASES = ["cnn", "rnn", "text"]


def predicted(case, kind="loads", setting="default", **more):
    values = {"stage": None, "because": [], "needs": [], "confidence": "high"} | more
    return PredictedCase(case=case, kind=kind, setting=setting, **values)


def needs(case, setting="default"):
    return predicted(case, "needs", setting, stage="load", needs=["tf-keras"], because=["optimizer slots"])


def fails(case, because="no graph has the tags serve"):
    return predicted(case, "fails", stage="run", because=[because])


@pytest.mark.parametrize(
    ("predictions", "lines"),
    [
        ([], []),
        ([predicted("cnn")], ["cnn loads"]),
        ([predicted(case) for case in CASES], ["all load"]),
        ([needs("cnn"), needs("rnn"), predicted("text")], ["cnn and rnn need tf-keras", "text loads"]),
        ([predicted("cnn"), needs("rnn"), predicted("text")], ["rnn needs tf-keras", "the others load"]),
        ([fails("cnn")], ["cnn fails to run: no graph has the tags serve"]),
        (
            [needs("cnn"), predicted("cnn", setting="v1"), predicted("rnn"), predicted("rnn", setting="v1")],
            ["cnn (default) needs tf-keras", "cnn (v1) and rnn load"],
        ),
    ],
)
def test_what_is_predicted_of_an_environment(predictions, lines):
    assert list(predicted_lines(predictions)) == lines


def test_a_long_reason_is_shortened():
    (line,) = predicted_lines([fails("cnn", because="word " * 100)])
    assert line.endswith(" …")
    assert len(line) < 100


def planned(name="tf2.15.1-py3.11-cpu", **more):
    values = {
        "status": "planned", "to_run": 2, "selected": 2, "noise_floors": 0, "checks": 0, "predictions": [],
        "stage_environments": [], "interpreter": True, "lock": "current", "installed": False,
        "download_mb": 300,
    } | more  # fmt: skip
    return PlannedEnvironment(environment=name, **values)


def document(*environments, **more):
    values = {
        "matrix": "default", "baseline": "tf2.15.1-py3.11-cpu/default", "settings": ["default"],
        "cases": ["cnn"], "environments": list(environments), "excluded": [], "replicates": 16,
        "fixes_to_try": 0, "to_run": 2, "recorded": 0, "not_self_contained": [], "remarks": [],
    } | more  # fmt: skip
    return PlanDocument(**values)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (planned(), "runs 2 of 2 300 MB"),
        (planned(to_run=0), "all 2 recorded 300 MB"),
        (planned(selected=0, to_run=0), "not selected 300 MB"),
        (planned(installed=True), "runs 2 of 2 installed"),
        (planned(download_mb=None), "runs 2 of 2 unknown size"),
        (planned(noise_floors=1), "runs 2 of 2, noise floor of 1 case (22 more runs each) 300 MB"),
        (planned(checks=3), "runs 2 of 2, 3 checks 300 MB"),
        (planned(interpreter=False), "runs 2 of 2 300 MB Python from uv"),
        (planned(lock="missing"), "runs 2 of 2 300 MB lock missing"),
        (planned(predictions=[needs("cnn")]), "runs 2 of 2 300 MB cnn needs tf-keras"),
        (
            planned(stage_environments=[{"environment": "py3.8", "lock": "stale"}]),
            "runs 2 of 2, stages in 1 separate environment 300 MB stage lock stale",
        ),
        (planned(status="unavailable", unavailable="no wheels"), "unavailable: no wheels"),
        (planned(status="excluded"), "excluded, see below"),
    ],
)
def test_a_row_says_what_a_run_would_do(row, text):
    lines = [" ".join(line.split()) for line in render_plan(document(row)).splitlines()]
    assert f"{row.environment} {text}" in lines


def test_sizes_add_up_and_unknown_ones_are_counted():
    rows = (planned("a"), planned("b"), planned("c", download_mb=None), planned("d", installed=True))
    text = render_plan(document(*rows))
    assert "to download: at most 600 MB, and 1 of unknown size (less whatever uv has cached)" in text


def test_what_is_excluded_for_one_reason_is_one_line():
    excluded = [{"cell": f"e{each}/default", "case": "cnn", "reason": "too slow"} for each in range(8)]
    text = render_plan(document(planned(), excluded=excluded))
    assert "e5/default cnn and 2 more: too slow" in text


def test_cases_without_a_prediction_are_named():
    text = render_plan(document(planned(predictions=[predicted("cnn")]), cases=["cnn", "far"]))
    assert "no prediction for far: " in text
    assert "no prediction" not in render_plan(document(planned(predictions=[predicted("cnn")])))


@pytest.fixture
def interpreters(monkeypatch):
    """Finding an interpreter starts one, which unit tests may not."""
    monkeypatch.setattr("savedmodel_matrix.commands.plan.find_interpreter", lambda python: f"/python{python}")


@pytest.mark.usefixtures("interpreters")
def test_a_project(project):
    described = describe_plan(project, project.plan("default"), Selection())
    assert described.format == 1
    assert described.to_run == sum(row.to_run for row in described.environments) > 0
    assert described.recorded == 0
    for row in described.environments:
        assert {each.kind for each in row.predictions} == {"loads"}, row.environment
        assert row.lock == "missing"
    assert "all load" in render_plan(described) or " loads" in render_plan(described)


@pytest.mark.usefixtures("interpreters")
def test_nothing_selected_is_shown_as_such(project):
    plan = project.plan("default")
    described = describe_plan(project, plan, Selection(cases=("no such case",)))
    assert {row.selected for row in described.environments} == {0}
    assert "not selected" in render_plan(described)


@pytest.mark.usefixtures("interpreters")
def test_the_command_prints_what_its_schema_describes(project):
    done = CliRunner().invoke(app, ["plan", "--project", str(project.root), "--json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert printed["format"] == 1
    assert PlanDocument.model_validate(printed).model_dump(mode="json") == printed
