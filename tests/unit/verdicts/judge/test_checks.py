"""What a check's recording comes to."""

from __future__ import annotations

import numpy as np
import pytest
from recordings import output, recording, unstable
from savedmodel_matrix.domain.arrays import OutputId
from savedmodel_matrix.domain.check import PARTS, BatchPart, Check, CheckPart, CheckVerdict
from savedmodel_matrix.verdicts.judge.checks import changing, judge_check

Y = np.float32([[1.0, 2.0], [3.0, 4.0]])
NOISY = Y * np.float32(1 + 1e-7)
NAMED = {"batch": 0, "name": "y", "component": None}
UNSETTLED = [NAMED]


class Recorded:
    """Recordings in the making, of a case with one output."""

    def __init__(self, store, ruler):
        self._store, self._ruler = store, ruler

    def plain(self, value=Y, unstable_outputs=(), outcome="recorded"):
        return recording(
            outcome=outcome,
            reason="why",
            log_tail="the log",
            outputs=[] if value is None else [output(self._store(value))],
            unstable=[unstable(name) for name in unstable_outputs],
        )

    def check(self, check, *differences, compared=4, unsettled=(), **own):
        """Return what a check recorded of itself. Differences are ``(what, position, array)`` from Y."""
        listed = [
            {
                **NAMED,
                "what": what,
                "position": position,
                "reference": self._store(Y),
                "array": None if array is None else self._store(array),
            }
            for what, position, array in differences
        ]
        part = {"compared": compared, "different": len(listed), "differences": listed, **own}
        return PARTS[check].model_validate({**part, "unsettled": unsettled})

    def judge(self, check, recorded, plain=None):
        """Judge a recording, or what a check recorded of itself."""
        part = recorded if isinstance(recorded, CheckPart) else None
        made = recorded if part is None else self.plain(None)
        return judge_check(check, made, part, plain or self.plain(), self._ruler)


@pytest.fixture
def recorded(store, ruler):
    return Recorded(store, ruler)


CONCURRENT = {
    "threads": 8, "inputs": 2, "calls": 128, "wrong": 0, "of_another": 0, "errors": [], "failed": 0,
    "waiting": 0, "stacks": None,
}  # fmt: skip
RELOAD = {"cycles": 12, "descriptors": [7] * 12, "threads": [5] * 12}
REPEAT = {"runs": 8, "variables": 0, "changed_variables": []}
BATCH = {"whole": [], "refusals": []}
OWN = {Check.CONCURRENT: CONCURRENT, Check.RELOAD: RELOAD, Check.BATCH: BATCH}
STACKS = """a TensorFlow thread:
  File "<environment>/script_ops.py", line 270, in __call__
    ret = func(*args)
  File "<project>/locks.py", line 15, in answer
    with second:
thread 0:
  File "<python>/threading.py", line 975, in run
    self._target(*self._args, **self._kwargs)
  File "<environment>/execute.py", line 53, in quick_execute
    tensors = pywrap_tfe.TFE_Py_Execute("""


@pytest.mark.parametrize("check", OWN)
def test_what_agrees_passes(recorded, check):
    result = recorded.judge(check, recorded.check(check, **OWN[check]))
    assert result.verdict is CheckVerdict.PASSES
    assert "agree bit for bit" in result.says


@pytest.mark.parametrize("check", OWN)
def test_rounding_is_noise(recorded, check):
    what = {Check.RELOAD: "load", Check.BATCH: "row by row"}.get(check, "batch 0")
    result = recorded.judge(check, recorded.check(check, (what, 2, NOISY), **OWN[check]))
    assert result.verdict is CheckVerdict.FLOAT_NOISE
    assert "up to rounding" in result.says


@pytest.mark.parametrize("check", OWN)
def test_nothing_compared_is_no_pass(recorded, check):
    result = recorded.judge(check, recorded.check(check, compared=0, **OWN[check]))
    assert (result.verdict, result.kind) == (CheckVerdict.NOT_RUN, "nothing to compare")


@pytest.mark.parametrize("check", OWN)
def test_what_changes_by_itself_cannot_be_told(recorded, check):
    what = {Check.RELOAD: "load", Check.BATCH: "row by row"}.get(check, "batch 0")
    recording = recorded.check(check, (what, 2, Y + 1), unsettled=UNSETTLED, **OWN[check])
    result = recorded.judge(check, recording)
    assert (result.verdict, result.kind) == (CheckVerdict.NOT_RUN, "changes by itself")
    assert "already differ in output 'y'" in result.says


@pytest.mark.parametrize(("check", "what", "kind", "says"), [
    (Check.CONCURRENT, "batch 0", "not re-entrant", "5 of 128 calls from 8 threads got a wrong"),
    (Check.RELOAD, "load", "state outlives the model", "load 2 gives a different result"),
    (Check.RELOAD, "side by side", "models disturb each other", "affect each other (side by"),
    (Check.RELOAD, "when the other is released", "models disturb each other", "when the other is rel"),
    (Check.BATCH, "row by row", "batch-dependent", "rows depend on the rest of the batch (row by row): 'y'"),
])  # fmt: skip
def test_what_is_more_than_rounding_fails(recorded, check, what, kind, says):
    own = {**OWN[check], "wrong": 5, "of_another": 3} if check is Check.CONCURRENT else OWN[check]
    result = recorded.judge(check, recorded.check(check, (what, 2, Y + 1), **own))
    assert (result.verdict, result.kind) == (CheckVerdict.FAILS, kind)
    assert says in result.says


def test_an_output_that_is_not_always_there_fails(recorded):
    result = recorded.judge(Check.BATCH, recorded.check(Check.BATCH, ("row by row", None, None), **BATCH))
    assert result.verdict is CheckVerdict.FAILS


def test_what_only_raises_in_threads_is_not_re_entrant(recorded):
    own = {**CONCURRENT, "failed": 7, "errors": ["batch 0: ValueError: is in use"]}
    result = recorded.judge(Check.CONCURRENT, recorded.check(Check.CONCURRENT, **own))
    assert (result.verdict, result.kind) == (CheckVerdict.FAILS, "not re-entrant")
    assert result.says.endswith(
        "7 of 128 calls from 8 threads raised an error, while none did in one thread: "
        "batch 0: ValueError: is in use"
    )


def test_what_threads_leave_behind_is_a_finding(recorded):
    recording = recorded.check(Check.CONCURRENT, ("afterwards", None, Y + 1), **CONCURRENT)
    result = recorded.judge(Check.CONCURRENT, recording)
    assert (result.verdict, result.kind) == (CheckVerdict.FAILS, "not re-entrant")
    assert (
        "after calls from 8 threads a single thread gets a different result ('y' differs by 1)" in result.says
    )


def test_a_deadlock_is_located_and_its_stacks_are_kept(recorded):
    own = {**CONCURRENT, "stacks": STACKS, "waiting": 8}
    result = recorded.judge(Check.CONCURRENT, recorded.check(Check.CONCURRENT, **own))
    assert (result.verdict, result.kind, result.details) == (CheckVerdict.FAILS, "deadlock", STACKS)
    assert (
        "8 of 8 threads never returned; they are waiting in locks.py:15 (with second:); execute.py:53"
        in result.says
    )


def test_a_call_that_is_answered_otherwise_says_nothing_of_the_other_models_release(recorded):
    recording = recorded.check(
        Check.RELOAD, ("when the other is released", None, Y + 1), unsettled=UNSETTLED, **RELOAD
    )
    assert recorded.judge(Check.RELOAD, recording).verdict is CheckVerdict.PASSES


def test_what_stays_open_fails(recorded):
    own = {**RELOAD, "threads": list(range(12))}
    result = recorded.judge(Check.RELOAD, recorded.check(Check.RELOAD, **own))
    assert (result.verdict, result.kind) == (CheckVerdict.FAILS, "keeps what it opens")


def test_sizes_that_are_refused_are_said(recorded):
    own = {**BATCH, "refusals": ["batch 0 row by row: ValueError: no"]}
    result = recorded.judge(Check.BATCH, recorded.check(Check.BATCH, **own))
    assert result.verdict is CheckVerdict.PASSES
    assert "does not accept every batch size: batch 0 row by row: ValueError: no" in result.says


def test_a_problem_is_no_pass(recorded):
    result = recorded.judge(Check.BATCH, BatchPart(problem="one row"))
    assert (result.verdict, result.says) == (CheckVerdict.NOT_RUN, "one row")


@pytest.mark.parametrize("check", [Check.THREADS, Check.FRESH_PROCESS])
def test_second_recordings_are_held_against_the_first(recorded, check):
    assert recorded.judge(check, recorded.plain()).verdict is CheckVerdict.PASSES
    assert recorded.judge(check, recorded.plain(NOISY)).verdict is CheckVerdict.FLOAT_NOISE
    assert recorded.judge(check, recorded.plain(Y + 1)).verdict is CheckVerdict.FAILS
    assert recorded.judge(check, recorded.plain(Y[:1])).verdict is CheckVerdict.FAILS
    failed = recorded.plain(outcome="load-failed")
    assert recorded.judge(check, recorded.plain(), failed).verdict is CheckVerdict.NOT_RUN


def test_randomness_is_no_matter_of_threads_but_one_of_processes(recorded):
    plain, other = recorded.plain(unstable_outputs=["y"]), recorded.plain(Y + 1)
    assert recorded.judge(Check.THREADS, other, plain).verdict is CheckVerdict.NOT_RUN
    fresh = recorded.judge(Check.FRESH_PROCESS, other, plain)
    assert fresh.verdict is CheckVerdict.FAILS
    assert fresh.says == "two processes differ in 'y' by 1; so do two runs in one process"


@pytest.mark.parametrize("check", Check)
def test_what_did_not_run_is_no_pass(recorded, check):
    assert judge_check(check, None, None, recorded.plain(), None).verdict is CheckVerdict.NOT_RUN
    result = recorded.judge(check, recorded.plain(outcome="load-failed"))
    assert (result.verdict, result.says) == (CheckVerdict.NOT_RUN, "load-failed: why")


def test_what_kills_a_process_that_is_well_alone_fails(recorded):
    crashed, late = recorded.plain(outcome="crashed"), recorded.plain(outcome="timed-out")
    result = recorded.judge(Check.REPEAT, crashed)
    assert (result.verdict, result.kind, result.details) == (CheckVerdict.FAILS, "crash", "the log")
    assert recorded.judge(Check.REPEAT, crashed, crashed).verdict is CheckVerdict.NOT_RUN
    assert recorded.judge(Check.CONCURRENT, late).kind == "deadlock"
    assert recorded.judge(Check.RELOAD, late).verdict is CheckVerdict.NOT_RUN


def test_outputs_that_repeat_saw_change(recorded):
    assert changing(None) == changing(recorded.check(Check.REPEAT, **REPEAT)) == set()
    assert changing(recorded.check(Check.REPEAT, ("call", 2, Y + 1), **REPEAT)) == {OutputId(0, "y", None)}
