"""Sets of steps: which follow from the results of smaller ones, and which are left out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.job import Limits
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.plan import Plan
from savedmodel_matrix.knowledge.causes.base import Cause, Remedy, RemedyKind
from savedmodel_matrix.questions.attempts import BUDGET, NO_ENVIRONMENT, Result, plan_remedies
from savedmodel_matrix.questions.steps import Failure
from savedmodel_matrix.verdicts.causes.match import Match

OLD, NEW = Environment("2.7.4", "3.9", Build.CPU), Environment("2.21.0", "3.13", Build.CPU)
AWAY = CellId(NEW.id, "default")
TF_KERAS = (RemedyKind.PACKAGE, "tf-keras~={minor}.0")
LEGACY = (RemedyKind.VARIABLE, "TF_USE_LEGACY_KERAS=1")
TF_KERAS_21 = "package tf-keras~=2.21.0"
NUMPY, PROTOBUF = (RemedyKind.PIN, "numpy<2"), (RemedyKind.PIN, "protobuf<3.21")
LOADER = (RemedyKind.LOADER, "v1-session")


@pytest.fixture
def plan():
    environments = {each.id: each for each in (OLD, NEW)}
    cells = [CellId(name, "default") for name in environments]
    limits = {(cell, "cnn"): Limits(5.0, 1 << 30) for cell in cells}
    cases = {"cnn": CaseDefinition(path="m")}
    return Plan("m", CellId(OLD.id, "default"), environments, {"default": SettingDefinition()}, cases, limits)


def match(*remedies, name="cause"):
    entry = Cause(
        id=name,
        title="A title",
        outcomes=frozenset({Outcome.LOAD_FAILED}),
        pattern=re.compile("x"),
        explanation="An explanation that is long enough.",
        remedies=tuple(Remedy(kind=kind, value=value) for kind, value in remedies),
        source="made up",
        seen=True,
    )
    return Match(entry, {"minor": "2.21"}, frozenset(), in_reason=True)


class World:
    """Runs attempts as if for real: what each set of steps comes to, by the names of its steps."""

    def __init__(self, plan, matches, became, can_exist=lambda _: True):
        self.plan, self.became, self.can_exist = plan, became, can_exist
        self.failure = Failure(AWAY, "cnn", matches, "results/again")
        self.rounds, self.found = [], None

    def until_the_end(self):
        results, known = {}, set()
        while True:
            self.found = plan_remedies(self.plan, [self.failure], self.can_exist, results)
            new = [each for each in self.found.attempts if each.place not in results]
            if not new:
                return self
            names = [named(each) for each in new]
            assert not known & set(names), "nothing is tried twice"
            known |= set(names)
            self.rounds.append(names)
            results |= {each.place: self.became.get(named(each), Result()) for each in new}

    @property
    def untried(self):
        return [(named(each.attempt), each.because) for each in self.found.untried]


def named(attempt):
    return " + ".join(f"{step.kind} {step.value}" for step in attempt.steps)


MENDED = Result(mended=True)


def test_pairs_that_belong_together_follow_once_single_steps_do_not_help(plan):
    tried = World(plan, [match(TF_KERAS, LEGACY)], {}).until_the_end()
    assert tried.rounds == [
        [TF_KERAS_21, "variable TF_USE_LEGACY_KERAS=1"],
        [
            f"{TF_KERAS_21} + variable TF_USE_LEGACY_KERAS=1",
            "loader tf-keras",  # the cause does not name it, so it was not tried alone
            f"{TF_KERAS_21} + loader tf-keras",
        ],
    ]


def test_a_set_is_one_cell_with_all_of_its_steps(plan):
    found = World(plan, [match(TF_KERAS, LEGACY)], {}).until_the_end().found
    (pair,) = [each for each in found.attempts if named(each).endswith("KERAS=1") and len(each.steps) == 2]
    assert found.plan.environments[pair.cell.environment].requirements == ("tf-keras~=2.21.0",)
    assert found.plan.settings[pair.cell.setting].variables == {"TF_USE_LEGACY_KERAS": "1"}
    assert (pair.cell, pair.variant) in [(job.cell, job.case) for job in found.plan.jobs()]


def test_no_larger_set_is_tried_while_a_smaller_one_has_no_result(plan):
    failure = Failure(AWAY, "cnn", [match(TF_KERAS, LEGACY)])
    first = plan_remedies(plan, [failure], lambda _: True)
    one_of_two = {first.attempts[0].place: Result()}
    assert plan_remedies(plan, [failure], lambda _: True, one_of_two).attempts == first.attempts


def test_no_larger_set_is_tried_of_which_a_part_works(plan):
    tried = World(plan, [match(TF_KERAS)], {TF_KERAS_21: MENDED}).until_the_end()
    assert tried.rounds == [[TF_KERAS_21]]


def test_another_fix_that_works_does_not_keep_a_pair_from_being_tried(plan):
    tried = World(plan, [match(LOADER, LEGACY)], {"loader v1-session": MENDED}).until_the_end()
    assert tried.rounds[1] == [TF_KERAS_21, f"{TF_KERAS_21} + variable TF_USE_LEGACY_KERAS=1"]


def test_what_is_installed_already_is_no_part_of_a_pair(plan):
    plan.environments[NEW.id] = there = replace(NEW, requirements=("tf-keras~=2.21.0",))
    plan.environments[there.id] = plan.environments.pop(NEW.id)
    cell = CellId(there.id, "default")
    plan.limits[cell, "cnn"] = Limits(5.0, 1 << 30)
    failure = Failure(cell, "cnn", [match(TF_KERAS)])
    found = plan_remedies(plan, [failure], lambda _: True)
    assert [named(each) for each in found.attempts] == ["variable TF_USE_LEGACY_KERAS=1", "loader tf-keras"]


def test_where_the_failure_changed_its_next_cause_is_mended_too(plan):
    became = {
        "pin numpy<2": Result(next_causes=[match(PROTOBUF, name="next")]),
        "pin numpy<2 + pin protobuf<3.21": MENDED,
    }
    tried = World(plan, [match(LOADER, NUMPY)], became).until_the_end()
    assert tried.rounds == [["loader v1-session", "pin numpy<2"], ["pin numpy<2 + pin protobuf<3.21"]]
    assert {each.cause for each in tried.found.attempts} == {"cause"}, "it is the failure's own cause"


def test_three_steps_are_found_one_by_one(plan):
    became = {
        "pin numpy<2": Result(next_causes=[match(PROTOBUF, name="second")]),
        "pin numpy<2 + pin protobuf<3.21": Result(next_causes=[match(LOADER, name="third")]),
        "pin numpy<2 + pin protobuf<3.21 + loader v1-session": MENDED,
    }
    tried = World(plan, [match(NUMPY)], became).until_the_end()
    assert [len(each) for each in tried.rounds] == [1, 1, 1]


def test_four_steps_are_not_searched(plan):
    pins = [(RemedyKind.PIN, f"p{number}") for number in range(4)]
    became = {
        " + ".join(f"pin p{n}" for n in range(size)): Result(next_causes=[match(pins[size])])
        for size in (1, 2, 3)
    }
    tried = World(plan, [match(pins[0])], became).until_the_end()
    assert tried.rounds[-1] == ["pin p0 + pin p1 + pin p2"]


def test_two_steps_that_each_changed_the_failure_are_put_together(plan):
    changed = Result(next_causes=[])
    tried = World(
        plan, [match(NUMPY, LOADER, PROTOBUF)], {"pin numpy<2": changed, "pin protobuf<3.21": changed}
    )
    assert tried.until_the_end().rounds[1:] == [["pin numpy<2 + pin protobuf<3.21"]]


def test_nothing_continues_where_something_works(plan):
    became = {"pin numpy<2": Result(next_causes=[match(PROTOBUF)]), "loader v1-session": MENDED}
    assert len(World(plan, [match(NUMPY, LOADER)], became).until_the_end().rounds) == 1


def test_two_values_of_one_thing_are_no_set(plan):
    changed = Result(
        next_causes=[match(LOADER, (RemedyKind.LOADER, "keras"), (RemedyKind.PIN, "NumPy<1.20"))]
    )
    became = {"pin numpy<2": changed, "loader v1-session": changed}
    tried = World(plan, [match(NUMPY, LOADER)], became).until_the_end()
    assert tried.rounds[1] == [
        "pin numpy<2 + loader v1-session",
        "pin numpy<2 + loader keras",
        "pin NumPy<1.20 + loader v1-session",
    ]


def test_what_is_beyond_the_budget_is_said(plan):
    many = [(RemedyKind.PIN, f"p{number}") for number in range(7)]
    changed = Result(next_causes=[match(*[(RemedyKind.PIN, f"q{number}") for number in range(4)])])
    became = {f"pin p{number}": changed for number in range(5)}
    tried = World(plan, [match(*many)], became).until_the_end()
    assert [len(each) for each in tried.rounds] == [5, 7]
    assert tried.untried[:2] == [("pin p5", BUDGET), ("pin p6", BUDGET)]
    left = 5 * 4 + 10 - 7
    assert len(tried.untried) == 2 + left
    assert "at most 5 single steps and 12 attempts" in BUDGET


def test_what_cannot_exist_here_is_said(plan):
    tried = World(plan, [match(NUMPY)], {}, can_exist=lambda each: not each.requirements).until_the_end()
    assert tried.untried == [("pin numpy<2", NO_ENVIRONMENT)]


def test_it_says_the_same_again(plan):
    became = {"pin numpy<2": Result(next_causes=[match(PROTOBUF)])}
    one, other = (World(plan, [match(NUMPY)], became).until_the_end().found for _ in range(2))
    assert one == other
