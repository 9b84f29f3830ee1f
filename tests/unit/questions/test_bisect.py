"""A bisection finds the first version with another answer, and says what it could not tell."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from recordings import output, stored
from savedmodel_matrix.domain.bisect import Bisect, Predicate
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.errors import UsageError
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.selection import Request
from savedmodel_matrix.environments.index import IndexFile
from savedmodel_matrix.environments.state import EnvironmentState, write_state
from savedmodel_matrix.knowledge.releases import Release, ReleaseTable
from savedmodel_matrix.planning.bisect import completed
from savedmodel_matrix.questions.bisect import BisectQuestion, BoundaryQuestion, swaps_of
from savedmodel_matrix.questions.interface import Asked
from savedmodel_matrix.questions.matrix import plan_of
from savedmodel_matrix.questions.predicates import command_jobs
from savedmodel_matrix.report.bisect.build import build_bisection
from savedmodel_matrix.report.bisect.document import BisectDocument
from savedmodel_matrix.report.bisect.text import answer, sections
from savedmodel_matrix.report.sections import as_markdown, as_terminal

LINUX = "linux-x86_64"
PYTHONS = {
    "2.7.4": ("3.8", "3.9"),
    "2.8.0": ("3.8", "3.9", "3.10"),
    "2.8.4": ("3.8", "3.9", "3.10"),
    "2.9.0": ("3.9", "3.10"),
    "2.9.3": ("3.9", "3.10"),
    "2.10.0rc0": ("3.9", "3.10", "3.11"),
    "2.10.0": ("3.10", "3.11"),
    "2.11.0": ("3.11", "3.12"),
}
BROKEN = "ValueError: Unknown SavedObject type: None"


@pytest.fixture(autouse=True)
def _releases(project, monkeypatch):
    table = []
    for version, pythons in PYTHONS.items():
        wheels = {name: {LINUX: dict.fromkeys(pythons, 500)} for name in ("tensorflow", "tensorflow-cpu")}
        table.append(Release(version, dt.date(2022, 1, 1), yanked=False, wheels=wheels))
    project.__dict__["releases"] = ReleaseTable(table)
    (project.root / "matrices/default.toml").unlink()
    for module in ("planning.bisect", "planning.predictions", "questions.fixes"):
        monkeypatch.setattr(f"savedmodel_matrix.{module}.platform_name", lambda: LINUX)
    monkeypatch.setattr("savedmodel_matrix.evidence.collect.find_interpreter", lambda minor: minor)


def no_index():
    pytest.fail("TensorFlow's versions are known without the index")


@pytest.fixture
def asked(project):
    def made(good="2.7.4", bad="2.11.0", **options):
        bisect = completed(project, Bisect(target="model", good=good, bad=bad, **options), no_index, print)
        request = Request(bisect=bisect, fixes=False)
        return Asked(project, plan_of(project, "", request), request, "20260101T000000Z-abcdef")

    return made


@pytest.fixture
def play(project, install, key_in, record):
    """Measure as the question asks, with a given result in each version; return each round's versions."""
    values = np.arange(8, dtype="f4")

    def measured(asked, results):
        question, rounds, asked_for = BisectQuestion(), [], []
        while (found := question.next_round(asked, rounds)) is not None:
            for share in found.shares:
                environment = share.environment
                result = results(environment.tensorflow)
                if result is None:
                    state = EnvironmentState(
                        environment=environment.id, run="run", outcome="install-failed", reason="no"
                    )
                    write_state(project.results, state)
                    continue
                installed = install(environment, environment.tensorflow)
                cell = CellId(environment.id, "default")
                if isinstance(result, int):
                    ((job),) = [
                        each
                        for each in command_jobs(asked.plan, asked.request.bisect.command)
                        if each.cell == cell
                    ]
                    part = {"exit_status": result, "output": ""}
                    record(key_in(asked.plan, job, installed), measured=part, outputs=())
                    continue
                job = Job(cell, "model", asked.plan.limits[cell, "model"])
                key = key_in(asked.plan, job, installed)
                if isinstance(result, str):
                    record(key, outcome="load-failed", reason=result, outputs=())
                else:
                    array = stored(project.results.objects, values * np.float32(result))
                    record(key, outputs=[output(array)])
            rounds.append(found)
            asked_for.append([share.environment.tensorflow for share in found.shares])
        return asked_for

    return measured


def from_on(first, old, new):
    order = list(PYTHONS)
    return lambda version: new if order.index(version) >= order.index(first) else old


def document(asked):
    made = build_bisection(asked.project, asked.plan, asked.request.bisect, run=asked.run)
    assert BisectDocument.model_validate_json(made.model_dump_json()) == made
    return made


def test_one_python_is_kept_for_as_long_as_it_runs_the_releases(asked):
    pythons = [each.python for each in asked().plan.environments.values()]
    assert pythons == ["3.9"] * 6 + ["3.11"] * 2
    pythons = [each.python for each in asked("2.8.0", "2.10.0").plan.environments.values()]
    assert pythons == ["3.10"] * 6


def test_a_python_that_does_not_run_an_end_is_refused(asked):
    with pytest.raises(UsageError, match=r"TensorFlow 2\.11\.0 runs on 3\.11 or 3\.12"):
        asked(python="3.9")


@pytest.mark.parametrize(
    "options",
    [
        {"good": "2.9.3", "bad": "2.9.3"},
        {"command": "true"},
        {"predicate": "command"},
        {"tensorflow": "2.9.3"},
    ],
)
def test_what_makes_no_sense_is_refused(asked, options):
    with pytest.raises(UsageError):
        asked(**options)


def test_final_releases_are_halved_before_candidates(asked, play):
    question = asked(predicate=Predicate.OUTCOME)
    rounds = play(question, from_on("2.10.0", 1.0, BROKEN))
    assert rounds[0] == ["2.7.4", "2.11.0"]
    assert rounds[-1] == ["2.10.0rc0"], "only when the finals around it are known"
    ((change),) = document(question).changes
    assert (change.before, change.after, change.exact) == ("2.10.0rc0", "2.10.0", True)
    assert change.answer_after.startswith("load-failed")
    assert change.cause is not None


def test_from_the_newer_end_backwards(asked, play):
    question = asked("2.11.0", "2.7.4", predicate=Predicate.OUTCOME)
    play(question, from_on("2.9.0", BROKEN, 1.0))
    ((change),) = document(question).changes
    assert (change.before, change.after) == ("2.9.0", "2.8.4")


def test_what_cannot_be_installed_is_left_out(asked, play):
    order = from_on("2.9.3", 1.0, BROKEN)
    question = asked(predicate=Predicate.OUTCOME)
    play(question, lambda version: None if version in ("2.9.0", "2.8.4") else order(version))
    ((change),) = document(question).changes
    assert (change.before, change.after) == ("2.8.0", "2.9.3")
    assert {row.version: row.answer for row in document(question).measured}["2.9.0"] is None


def test_several_changes_are_all_found(asked, play):
    first, second = from_on("2.8.4", 1.0, BROKEN), from_on("2.10.0", None, 1.5)
    question = asked()
    play(question, lambda version: second(version) or first(version))
    assert [(each.before, each.after) for each in document(question).changes] == [
        ("2.8.0", "2.8.4"),
        ("2.10.0rc0", "2.10.0"),
    ]


def test_ends_with_the_same_answer_have_nothing_to_find(asked, play):
    question = asked(predicate=Predicate.OUTCOME)
    assert play(question, lambda _: 1.0) == [["2.7.4", "2.11.0"]]
    found = document(question)
    assert (found.changes, found.exit_status) == ([], ExitStatus.INCOMPLETE)
    assert "both ends have the same answer" in found.problem


def test_bits_are_those_of_the_good_end(asked, play):
    question = asked(predicate=Predicate.BITS)
    play(question, from_on("2.9.0", 1.0, 1.0000001))
    ((change),) = document(question).changes
    assert (change.after, change.answer_after) == ("2.9.0", "other bits")


def test_a_command_says_good_bad_or_unknown(asked, play):
    question = asked(predicate=Predicate.COMMAND, command="python check.py")
    order = from_on("2.9.3", 0, 3)
    play(question, lambda version: 125 if version == "2.9.0" else order(version))
    ((change),) = document(question).changes
    assert (change.before, change.after, change.answer_after) == ("2.8.4", "2.9.3", "bad")
    assert (change.unjudged, change.reason) == (["2.9.0"], "exit status 3")


def test_packages_that_changed_with_tensorflow_are_put_back_one_at_a_time(asked, play, project):
    question = asked(predicate=Predicate.OUTCOME)
    play(question, from_on("2.9.0", 1.0, BROKEN))
    ((change),) = document(question).changes
    assert [(row.name, row.old, row.new) for row in change.packages] == [("some-package", "2.8.4", "2.9.0")]
    found = BoundaryQuestion().next_round(question, [])
    (share,) = found.shares
    assert share.environment.requirements == ("some-package==2.8.4",)
    assert share.environment.tensorflow == "2.9.0"


def test_a_package_that_gives_the_good_answer_is_to_blame(asked, play, project, install, key_in, record):
    question = asked(predicate=Predicate.OUTCOME)
    play(question, from_on("2.9.0", 1.0, BROKEN))
    (share,) = BoundaryQuestion().next_round(question, []).shares
    installed = install(share.environment, "swapped")
    cell = CellId(share.environment.id, "default")
    limits = question.plan.limits[question.plan.baseline, "model"]
    array = stored(project.results.objects, np.arange(8, dtype="f4"))
    record(key_in(question.plan, Job(cell, "model", limits), installed), outputs=[output(array)])
    assert BoundaryQuestion().next_round(question, []) is None
    ((change),) = document(question).changes
    assert change.blame.startswith("a dependency: with some-package 2.8.4 in place of 2.9.0")


def test_another_package_keeps_everything_else_as_it_is(project, write_lock, monkeypatch):
    class Index:
        def project_files(self, name):
            assert name == "keras"
            return [
                IndexFile(
                    f"keras-{version}.whl", version, "wheel", 1, None, yanked=version == "3.2", sha256=None
                )
                for version in ("3.10", "3.1", "3.2", "3.9", "odd")
            ]

    from savedmodel_matrix.domain.environment import Build, Environment

    monkeypatch.setattr("savedmodel_matrix.planning.bisect.find_interpreter", lambda minor: None)
    good = Environment("2.9.3", "3.10", Build.CPU, "release", ("keras==3.1",), provisional=True)
    write_lock(good, "7")
    asked = Bisect(target="model", package="keras", good="3.1", bad="3.10", tensorflow="2.9.3")
    found = completed(project, asked, Index, print)
    assert found.versions == ("3.1", "3.9", "3.10")
    assert found.pins == ("some-package==7",)
    plan = plan_of(project, "", Request(bisect=found))
    assert [each.requirements for each in plan.environments.values()] == [
        (f"keras=={version}", "some-package==7") for version in found.versions
    ]
    assert {each.python for each in plan.environments.values()} == {"3.10"}
    assert swaps_of(project, plan, found, []) == []


def test_hostile_texts_are_text_in_every_form(asked, play):
    question = asked(predicate=Predicate.OUTCOME)
    play(question, from_on("2.9.0", 1.0, "ValueError: <script>|`x`\n\x1b[31m# no"))
    found = document(question)
    for text in (
        as_terminal(answer(found), sections(found)),
        as_markdown("a|b", answer(found), sections(found)),
    ):
        assert "\x1b" not in text
        assert "\n# no" not in text
    assert "<script>" not in as_markdown("", answer(found), sections(found)).replace("\\<script\\>", "")
