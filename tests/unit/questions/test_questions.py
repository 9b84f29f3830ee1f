"""Every question keeps to the interface, and no question is asked for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.job import Job
from savedmodel_matrix.domain.selection import Request, Selection
from savedmodel_matrix.questions import QUESTIONS, question_named
from savedmodel_matrix.questions.interface import Asked, Round, Share, ask
from savedmodel_matrix.store.runs import Run

NEW = "tf2.9.3-py3.10-cpu"
NEWER_OBJECT = "ValueError: Unknown SavedObject type: None"  # fixed by the loader v1-session


@pytest.fixture
def asked(project, plan, monkeypatch):
    monkeypatch.setattr("savedmodel_matrix.evidence.collect.find_interpreter", lambda minor: minor)
    return Asked(project, plan, Request(), "20260101T000000Z-abcdef")


class Toy:
    """Asks for these texts of work, round after round."""

    name = "toy"

    def __init__(self, *rounds):
        self._rounds = rounds
        self.before = []

    def next_round(self, asked, before):
        self.before.append([each.number for each in before])
        if len(before) >= len(self._rounds):
            return None
        work = tuple(self._rounds[len(before)])
        shares = (Share(asked.plan.environments[NEW], work),) if work else ()
        return Round(self.name, len(before) + 1, shares, "toying")


def asked_and_done(question, asked):
    done = []
    rounds = ask(question, asked, done.append)
    assert rounds == done
    return [share.work for found in done for share in found.shares]


def test_rounds_follow_each_other_until_there_is_an_answer(asked):
    question = Toy(["a", "b"], ["c"])
    assert asked_and_done(question, asked) == [("a", "b"), ("c",)]
    assert question.before == [[], [1], [1, 2]]


def test_what_could_not_be_made_is_not_attempted_again(asked):
    assert asked_and_done(Toy(["a", "b"], ["b", "c"], ["a", "c"], ["d"]), asked) == [("a", "b"), ("c",)]


def test_a_question_that_never_learns_ends(asked):
    assert asked_and_done(Toy(*[["a"]] * 1000), asked) == [("a",)]


def test_an_answer_at_once_asks_for_nothing(asked):
    assert asked_and_done(Toy(), asked) == []
    assert asked_and_done(Toy([]), asked) == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
class TestEveryQuestion:
    def test_it_is_found_by_its_name(self, question):
        assert question_named(question.name) is question
        assert [each.name for each in QUESTIONS].count(question.name) == 1

    def test_its_rounds_are_numbered_and_ask_each_environment_once_for_distinct_work(self, question, asked):
        before = []
        while (found := question.next_round(asked, before)) is not None:
            assert (found.question, found.number) == (question.name, len(before) + 1)
            ids = [share.environment.id for share in found.shares]
            assert len(set(ids)) == len(ids)
            for share in found.shares:
                assert share.work
                assert len(set(share.work)) == len(share.work)
            before.append(found)
            assert len(before) < 10

    def test_it_says_the_same_again_from_the_same_evidence(self, question, asked):
        assert question.next_round(asked, []) == question.next_round(asked, [])

    def test_what_became_of_a_round_can_be_written(self, question, asked):
        run = question.written(asked, 1)
        assert (run.run, run.matrix, run.question, run.number) == (asked.run, "default", question.name, 1)
        assert run.exit_status is None
        assert Run.model_validate_json(run.model_dump_json()) == run


def test_the_matrix_asks_for_what_is_selected(asked):
    selected = replace(asked, request=Request(selection=Selection(("*/default",), ("one",))))
    found = question_named("matrix").next_round(selected, [])
    assert [share.work for share in found.shares] == [
        (f"{name}/default one outputs",) for name in asked.plan.environments
    ]
    assert question_named("matrix").next_round(selected, [found]) is None


def test_without_fixes_none_is_tried(asked, monkeypatch):
    monkeypatch.setattr(
        "savedmodel_matrix.questions.fixes._searched", lambda _: pytest.fail("it was looked up")
    )
    assert question_named("fixes").next_round(replace(asked, request=Request(fixes=False)), []) is None


def test_a_failure_waits_for_the_settings_before_it(asked, install, key_in, record):
    """After a disturbed run, the setting whose fixes the others share may have no outcome of its own."""
    plan, fixes = asked.plan, question_named("fixes")

    def fail(setting, outcome="load-failed", reason=NEWER_OBJECT):
        cell = CellId(NEW, setting)
        job = Job(cell, "one", plan.limits[cell, "one"])
        record(key_in(plan, job, installed), outcome=outcome, reason=reason, outputs=())

    def tried(*cells):
        found = fixes.next_round(replace(asked, request=Request(selection=Selection(cells))), [])
        return [] if found is None else [text for share in found.shares for text in share.work]

    installed = install(plan.environments[NEW])
    fail("onednn-off")
    assert tried() == []
    assert any("/onednn-off " in text for text in tried("*/onednn-off")), "it waits for what is selected only"
    fail("default", "crashed", "killed by signal SIGKILL (9), while loading the model")
    assert tried() == []
    fail("default", "crashed", "killed by signal SIGSEGV (11), while loading the model")
    assert any("/onednn-off " in text for text in tried()), "that is an outcome of the case itself"
    fail("default")
    assert tried()
    assert all("/default " in text for text in tried())
