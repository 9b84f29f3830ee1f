"""An upgrade plan measures the releases that decide, and says no more than it knows."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from recordings import output, stored
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.errors import NoModelError, NoSignatureError, UsageError
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.selection import Request, Selection
from savedmodel_matrix.domain.upgrade import Upgrade
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.knowledge.releases import Release, ReleaseTable, UnknownReleaseError
from savedmodel_matrix.planning.upgrade import candidates
from savedmodel_matrix.questions.fixes import mending_of
from savedmodel_matrix.questions.interface import Asked
from savedmodel_matrix.questions.matrix import plan_of
from savedmodel_matrix.questions.standing import Answer
from savedmodel_matrix.questions.upgrade import UpgradeQuestion, narrowed
from savedmodel_matrix.report.sections import as_markdown, as_terminal
from savedmodel_matrix.report.upgrade.build import build_upgrade
from savedmodel_matrix.report.upgrade.document import How, UpgradeDocument
from savedmodel_matrix.report.upgrade.text import answer, sections

LINUX = "linux-x86_64"
VERSIONS = ("2.7.4", "2.8.4", "2.9.3", "2.10.1", "2.11.0", "2.11.1", "2.12.1", "2.13.1")
POINTS = ("2.7.4", "2.8.4", "2.9.3", "2.10.1", "2.11.1", "2.12.1", "2.13.1")
SLOTS = "AttributeError: '_UserObject' object has no attribute 'add_slot'"
NEWER_OBJECT = "ValueError: Unknown SavedObject type: None"


@pytest.fixture(autouse=True)
def _releases(project, monkeypatch):
    wheels = {name: {LINUX: {"3.10": 500}} for name in ("tensorflow", "tensorflow-cpu")}
    table = [Release(version, dt.date(2022, 1, 1), yanked=False, wheels=wheels) for version in VERSIONS]
    project.__dict__["releases"] = ReleaseTable(table)
    (project.root / "matrices/default.toml").unlink()
    for module in ("planning.upgrade", "planning.predictions", "questions.fixes", "report.upgrade.hops"):
        monkeypatch.setattr(f"savedmodel_matrix.{module}.platform_name", lambda: LINUX)
    monkeypatch.setattr("savedmodel_matrix.evidence.collect.find_interpreter", lambda minor: minor)


@pytest.fixture
def asked(project):
    def made(target="model", first="2.7.4", last="2.13", **options):
        request = Request(upgrade=Upgrade(target=target, first=first, last=last, **options), fixes=False)
        return Asked(project, plan_of(project, "", request), request, "20260101T000000Z-abcdef")

    return made


@pytest.fixture
def play(project, install, key_in, record):
    """Measure as the question asks, with a given result in each release; return the rounds' releases."""
    values = np.arange(8, dtype="f4")

    def measured(asked, results):
        question, rounds, asked_for = UpgradeQuestion(), [], []
        while (found := question.next_round(asked, rounds)) is not None:
            for share in found.shares:
                environment = share.environment
                installed = install(environment, environment.tensorflow)
                for case in asked.plan.cases:
                    cell = CellId(environment.id, "default")
                    job = Job(cell, case, asked.plan.limits[cell, case])
                    _record(key_in(asked.plan, job, installed), results[environment.tensorflow])
            rounds.append(found)
            asked_for.append([share.environment.tensorflow for share in found.shares])
        return asked_for

    def _record(key, result):
        if isinstance(result, str):
            record(key, outcome="load-failed", reason=result, outputs=())
        else:
            record(key, outputs=[output(stored(project.results.objects, values * np.float32(result)))])

    return measured


def document(asked):
    collection = collect(asked.project, asked.plan, Selection())
    tried = {each.id for each in asked.plan.environments.values()}
    found = narrowed(asked.project, asked.plan, tried)
    mending = mending_of(asked.project, asked.plan, collection)
    made = build_upgrade(asked.project, asked.plan, collection, found, mending, target="model", run=asked.run)
    assert UpgradeDocument.model_validate_json(made.model_dump_json()) == made
    return made


def results(**by_minor):
    """Return a result for each release: what the newest named minor before it has."""
    found, now = {}, 1.0
    for version in POINTS:
        now = by_minor.get("v" + version.rpartition(".")[0].replace(".", "_"), now)
        found[version] = now
    return found


def test_candidates_are_the_ends_and_the_newest_patch_of_every_minor_between(project):
    assert candidates(project, "2.7.4", "2.11.0") == ["2.7.4", "2.8.4", "2.9.3", "2.10.1", "2.11.0"]
    assert candidates(project, "2.9", "latest") == ["2.9.3", "2.10.1", "2.11.1", "2.12.1", "2.13.1"]
    assert candidates(project, "2.11.0", "2.11.1") == ["2.11.0", "2.11.1"]


@pytest.mark.parametrize(
    ("first", "last", "error"),
    [("2.9", "2.9", UsageError), ("2.9", "2.8", UsageError), ("2.1", "2.9", UnknownReleaseError)],
)
def test_releases_in_the_wrong_order_or_unknown_are_refused(project, first, last, error):
    with pytest.raises(error):
        candidates(project, first, last)


def test_a_target_that_is_nothing_is_refused_with_near_names(asked, project):
    with pytest.raises(UsageError, match="neither a folder nor a matrix"):
        asked("modle")
    (project.root / "empty").mkdir()
    with pytest.raises(NoModelError, match="no SavedModel in it"):
        asked("empty")


def test_a_model_without_signatures_is_refused(asked, write_model, project):
    write_model(project.root / "bare")
    with pytest.raises(NoSignatureError, match="savedmodel-matrix init"):
        asked("bare")


def test_a_folder_of_versions_names_its_cases_by_model(asked, write_model, project):
    for name in ("a/1", "b/1", "b/2"):
        write_model(project.root / "all" / name, "serving_default")
    assert list(asked("all").plan.cases) == ["a-1", "b-1", "b-2"]


def test_cases_of_the_project_are_taken_as_they_are(asked, project):
    text = 'baseline = "tf2.7.4-*"\n[[environments]]\ntensorflow = "2.7.4"\n[cases.mine]\npath = "model"\n'
    (project.root / "matrices/own.toml").write_text(
        f'{text}inputs = [{{ npz = "one.npz" }}]\nchecks = ["leak"]\n'
    )
    (case,) = asked().plan.cases.values()
    assert (str(case.inputs[0].npz), case.checks) == ("one.npz", [])
    assert list(asked("own").plan.cases) == ["mine"]
    assert asked("own", first=None).plan.baseline.environment == "tf2.7.4-py3.10-cpu"


def test_everything_agrees_after_two_releases(asked, play):
    question = asked()
    assert play(question, results()) == [["2.7.4", "2.13.1"]]
    found = document(question)
    (model,) = found.models
    assert (model.furthest, model.at_last, model.breaks) == ("2.13.1", Answer.AGREES, [])
    assert [step.how for step in model.steps] == [How.MEASURED, *[How.INFERRED] * 5, How.MEASURED]
    assert found.exit_status is ExitStatus.OK
    assert any("2.8.4, 2.9.3" in line for line in found.unknown)
    assert "5 releases" in found.surer[0]


def test_the_release_that_fails_first_is_found_by_halving(asked, play):
    question = asked()
    measured = play(question, results(v2_12=SLOTS))
    assert sum(map(len, measured)) <= 5
    (model,) = document(question).models
    assert (model.furthest, model.at_last) == ("2.11.1", Answer.FAILS)
    ((broken),) = model.breaks
    assert (broken.before, broken.at, broken.exact) == ("2.11.1", "2.12.1", True)
    assert "agrees up to 2.11.1" in model.says


def test_other_numbers_are_a_difference_and_status_1(asked, play):
    question = asked()
    play(question, results(v2_10=1.5))
    found = document(question)
    assert found.models[0].furthest == "2.9.3"
    assert found.models[0].at_last is Answer.DIFFERS
    assert found.exit_status is ExitStatus.DIVERGED
    assert found.blockers[0].cause is None


def test_two_changes_are_both_found(asked, play):
    question = asked()
    play(question, results(v2_9=SLOTS, v2_12=1.5))
    (model,) = document(question).models
    assert [(each.before, each.at, each.answer) for each in model.breaks] == [
        ("2.8.4", "2.9.3", Answer.FAILS),
        ("2.11.1", "2.12.1", Answer.DIFFERS),
    ]


def test_all_measures_everything(asked, play):
    question = asked(everything=True)
    assert play(question, results()) == [list(POINTS)]
    assert document(question).surer == []


def test_without_a_baseline_nothing_is_said_to_agree(asked, play):
    question = asked()
    play(question, dict.fromkeys(POINTS, SLOTS))
    found = document(question)
    (model,) = found.models
    assert (model.furthest, model.hops, found.exit_status) == (None, [], ExitStatus.INCOMPLETE)
    assert "nothing to compare with" in model.says


def test_what_was_measured_is_not_measured_again(asked, play):
    question = asked()
    play(question, results(v2_12=SLOTS))
    assert UpgradeQuestion().next_round(question, []) is None


def test_blockers_count_models_and_the_order_starts_with_those_without_work(
    asked, play, project, write_model
):
    for name in ("a", "b"):
        write_model(project.root / "all" / name, "serving_default")
    question = asked("all")
    play(question, results(v2_12=NEWER_OBJECT))
    found = document(question)
    assert [(row.cause, row.cases) for row in found.blockers] == [("unknown-saved-object", ["a", "b"])]
    assert sorted(found.order) == ["a", "b"]


def test_hostile_names_are_text_in_every_form(asked, play):
    question = asked()
    play(question, results(v2_12="ValueError: <script>|`x`\n\x1b[31m# no"))
    found = document(question)
    markdown = as_markdown("a|b", answer(found), sections(found))
    for text in (as_terminal(answer(found), sections(found)), markdown):
        assert "\x1b" not in text
        assert "\n# no" not in text
    assert "<script>" not in markdown.replace("\\<script\\>", "")
