from __future__ import annotations

import pytest
from savedmodel_matrix.domain.check import Check, CheckResult, CheckVerdict
from savedmodel_matrix.domain.trait import Trait, TraitKind
from savedmodel_matrix.verdicts.causes.behaviour import explain_check

WRITES = Trait(TraitKind.WRITES, "AssignAddVariableOp", "add", "__inference_f_12", subject="count")
SWITCH = Trait(TraitKind.SWITCH, "PlaceholderWithDefault", "phase", subject="phase", value=True)
NOISE = Trait(TraitKind.RANDOM, "RandomUniform", "noise", "g")


def says(check, kind, *traits, outputs=("y",)):
    result = CheckResult(check, CheckVerdict.FAILS, "it fails", kind)
    return [each.says for each in explain_check(result, {"y": traits, "z": ()}, outputs)]


def test_the_writer_is_named_with_its_function():
    assert says(Check.REPEAT, "counter", WRITES) == ["AssignAddVariableOp in function f writes 'count'"]


def test_a_switch_explains_nothing_alone():
    assert says(Check.REPEAT, "random", SWITCH) == []
    assert says(Check.REPEAT, "random", SWITCH, NOISE) == [
        "placeholder 'phase' is true unless it is fed, and no input of the signature feeds it",
        "RandomUniform in function g draws random numbers without a seed",
    ]


@pytest.mark.parametrize(
    ("check", "kind"),
    [(Check.BATCH, "batch-dependent"), (Check.THREADS, "thread-dependent"), (Check.REPEAT, "random")],
)
def test_what_does_not_explain_a_failure_is_not_named(check, kind):
    assert says(check, kind, WRITES) == []


def test_only_what_reaches_the_failing_output_is_named():
    assert says(Check.REPEAT, "counter", WRITES, outputs=["z"]) == []


def test_nothing_is_said_of_a_graph_that_cannot_be_read():
    result = CheckResult(Check.REPEAT, CheckVerdict.FAILS, "it fails", "random")
    assert explain_check(result, None, ["y"]) == []
