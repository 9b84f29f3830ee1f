"""What a plan costs as its definition grows: counted in calls, which do not depend on the machine."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from savedmodel_matrix.commands.plan import describe_plan, render_plan
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.planning.workspace import Workspace
from small_project import MATRIX

#: Four times as much work, and a tenth for what grows in steps, such as dictionaries.
MOST_GROWTH = 4 * 1.1


@pytest.fixture
def calls(project, monkeypatch):
    """Return a function that plans a definition and counts the calls by name, and all of them under ""."""
    monkeypatch.setattr("savedmodel_matrix.commands.plan.find_interpreter", lambda python: f"/python{python}")

    def counted(definition):
        (project.root / "matrices" / "default.toml").write_text(definition, encoding="utf-8")
        opened = Workspace(project.root)
        opened.__dict__["releases"] = project.releases
        found = Counter()

        def count(frame, event, _):
            if event in ("call", "c_call"):
                found[""] += 1
                found[frame.f_code.co_name] += event == "call"

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            text = render_plan(describe_plan(opened, opened.plan("default"), Selection()))
        finally:
            sys.setprofile(before)
        return found, text

    return counted


def cases(number, **more):
    lines = "".join(f"{key} = {value}\n" for key, value in more.items())
    return "".join(
        f'[cases.more{at}]\npath = "model"\ninputs = [{{ generate = {{ seed = {at} }} }}]\n{lines}'
        for at in range(number)
    )


def environments(number):
    pins = ", ".join(f'["numpy==1.{at}"]' for at in range(number))
    return f'[[environments]]\ntensorflow = "2.9.3"\nrequirements = [{pins}]\n'


def settings(number):
    return "".join(f"[settings.more{at}]\nseed = {at}\n" for at in range(number))


def excludes(number):
    return "".join(f'[[exclude]]\ncells = "*"\ncases = "more{at}"\nreason = "slow"\n' for at in range(number))


@pytest.mark.parametrize(
    "grown",
    [
        cases,
        lambda number: cases(number, serve='"pipeline.py:serve"', train='"pipeline.py:train"'),
        lambda number: cases(number, modules='["pipeline.py"]', checks='["repeat"]'),
        environments,
        settings,
        excludes,
    ],
    ids=["cases", "pipelines", "checks", "environments", "settings", "excludes"],
)
def test_a_plan_grows_with_its_definition_and_no_faster(calls, project, grown):
    (project.root / "pipeline.py").write_text("def serve(x): return x\n", encoding="utf-8")
    calls(MATRIX)  # what is read and compiled once
    small, large = (calls(MATRIX + grown(number))[0][""] for number in (100, 400))
    assert large <= MOST_GROWTH * small


def test_a_model_is_read_and_predicted_once_however_many_cases_use_it(calls):
    found, _ = calls(MATRIX + settings(20) + cases(100))
    assert found["read_facts"] == 1
    assert found["predict"] == len(("2.7.4", "2.9.3")) * len(("default", "onednn-off"))
    assert found["model_digest"] == 1


def test_the_text_of_a_large_plan_fits_on_a_screen_or_two(calls):
    _, text = calls(MATRIX + cases(400))
    assert len(text) < 4000
