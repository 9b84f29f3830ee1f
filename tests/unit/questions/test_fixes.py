"""What becomes of attempts: which of them brought a case further, and what is said of each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.evidence.collected import Collected, Collection
from savedmodel_matrix.knowledge.causes.base import Remedy, RemedyKind
from savedmodel_matrix.questions.attempts import Attempt
from savedmodel_matrix.questions.fixes import _next_causes
from savedmodel_matrix.questions.tried import Tried, became

OLD, NEW = "tf2.7.4-py3.9-cpu", "tf2.9.3-py3.10-cpu"
SLOTS = "AttributeError: '_UserObject' object has no attribute 'add_slot'"
REFUSED = "ValueError: File format not supported: filepath=m. Keras 3 only supports"


def row(outcome, reason="no", environment=NEW):
    return Collected(CellId(environment, "default"), "one", outcome, reason, required=True)


@pytest.fixture
def further(project, plan):
    """A function that returns the ids of a new failure's causes; None if the case came no further."""
    newer = replace(plan.environments[NEW], tensorflow="2.18.1")
    fixes = replace(plan, environments={**plan.environments, NEW: newer})
    collected = Collection([], {}, {"one": "not prepared"}, {})

    def causes(before, cause, after):
        found = _next_causes(project, fixes, collected, before, cause, after)
        return None if found is None else [match.cause.id for match in found]

    return causes


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Outcome.INSTALL_FAILED, Outcome.IMPORT_FAILED),
        (Outcome.IMPORT_FAILED, Outcome.LOAD_FAILED),
        (Outcome.LOAD_FAILED, Outcome.RUN_FAILED),
        (Outcome.INSTALL_FAILED, Outcome.RUN_FAILED),
    ],
)
def test_what_fails_later_came_further_and_never_the_other_way(further, before, after):
    assert further(row(before), "any", row(after)) == []
    assert further(row(after), "any", row(before)) is None


def test_what_fails_as_early_came_further_with_another_cause_only(further):
    before = row(Outcome.LOAD_FAILED, REFUSED)
    found = further(before, "keras-3-refuses-saved-model", row(Outcome.LOAD_FAILED, SLOTS))
    assert found[0] == "keras-optimizer-slots"
    assert further(before, "keras-3-refuses-saved-model", row(Outcome.LOAD_FAILED, REFUSED)) is None
    assert further(before, "keras-3-refuses-saved-model", row(Outcome.LOAD_FAILED, "who knows")) == []


@pytest.mark.parametrize("after", [Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.RECORDED, Outcome.UNAVAILABLE])
def test_what_may_be_the_machines_fault_came_no_further(further, after):
    assert further(row(Outcome.LOAD_FAILED), "any", row(after)) is None


ATTEMPT = Attempt(
    CellId(NEW, "default"),
    "one",
    "any",
    (Remedy(kind=RemedyKind.LOADER, value="keras"),),
    CellId(NEW, "default"),
    "one+keras",
)


@pytest.mark.parametrize(
    ("outcome", "says"),
    [(Outcome.LOAD_FAILED, "still load-failed: no"), (Outcome.RUN_FAILED, "now run-failed: no")],
)
def test_a_failed_attempt_says_whether_the_failure_changed(project, plan, outcome, says):
    collection = Collection([row(Outcome.LOAD_FAILED, "before")], {}, {}, {})
    found = became(project, plan, collection, ATTEMPT, row(outcome))
    assert (found.outcome, found.verdict, found.mended, found.says) == (outcome, None, False, says)


def test_an_attempt_that_did_not_run_has_no_result(project, plan):
    collection = Collection([row(Outcome.LOAD_FAILED)], {}, {}, {})
    assert became(project, plan, collection, ATTEMPT, row(Outcome.SKIPPED)) is None


@pytest.mark.parametrize(
    ("verdict", "mended"),
    [
        (None, True),
        (Verdict.IDENTICAL, True),
        (Verdict.FLOAT_NOISE, True),
        (Verdict.SUSPICIOUS, False),
        (Verdict.DIVERGED, False),
        (Verdict.INCOMPARABLE, False),
    ],
)
def test_only_what_agrees_with_the_baseline_is_mended(verdict, mended):
    found = row(Outcome.RECORDED)
    assert Tried(ATTEMPT, found, found.outcome, verdict, "").mended is mended
