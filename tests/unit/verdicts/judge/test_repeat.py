"""How outputs change from call to call, told by shape."""

from __future__ import annotations

import numpy as np
import pytest
from savedmodel_matrix.domain.check import CheckVerdict, RepeatPart
from savedmodel_matrix.verdicts.judge.repeat import judge_repeat
from savedmodel_matrix.verdicts.judge.ruler import weigh

CALLS = 8
Y = np.float32([1.0, -2.0, 3.0])


@pytest.fixture
def judge(store, ruler):
    """Judge what the calls of one output gave, all of it taken to be more than noise."""

    def judged(values, changed=(), batches=(0,)):
        entries = [store(value) for value in values]
        differences = [
            {
                "what": "call",
                "position": call,
                "batch": batch,
                "name": "y",
                "component": None,
                "reference": entries[0],
                "array": entry,
            }
            for batch in batches
            for call, entry in enumerate(entries[1:], 2)
            if entry != entries[0]
        ]
        part = RepeatPart(
            runs=len(values),
            compared=len(values) - 1,
            different=len(differences),
            differences=differences,
            variables=2,
            changed_variables=changed,
        )
        return judge_repeat(part, weigh(part, ruler, bare=False), ruler)

    return judged


def test_calls_that_agree_pass(judge):
    result = judge([Y] * CALLS)
    assert result.verdict is CheckVerdict.PASSES
    assert result.says == "8 calls agree bit for bit, and none of 2 variables changes"


def test_a_counter(judge):
    result = judge([Y + 0.1 * call for call in range(CALLS)], ["count"])
    assert (result.verdict, result.kind) == (CheckVerdict.FAILS, "counter")
    assert result.says == (
        "'y' changes by +0.1 with every call (a counter); calls change the variables count"
    )


def test_a_counter_of_integers(judge):
    result = judge([np.int64([1, 2]) - call for call in range(CALLS)])
    assert "'y' changes by -1 with every call" in result.says


def test_several_inputs_make_one_round(judge):
    result = judge([Y + call for call in range(CALLS)], batches=(0, 1))
    assert result.says.startswith("'y', 'y' of batch 1 changes by +1 with every round of the inputs")


def test_a_cache_settles(judge):
    result = judge([Y * 2, Y * 3, *[Y] * (CALLS - 2)])
    assert result.kind == "settles"
    assert "settles after 2 calls" in result.says


def test_averages_drift(judge):
    result = judge([Y + 1 - 0.9**call for call in range(CALLS)])
    assert result.kind == "drift"
    assert "by 0.522 over 8 calls" in result.says


def test_what_is_random(judge):
    random = np.random.RandomState(0)
    assert judge([random.standard_normal(3) for _ in range(CALLS)]).kind == "random"


def test_what_comes_back(judge):
    assert judge([Y, Y + 1, Y + 3] * 3).kind == "cycle"


def test_what_has_no_pattern(judge):
    assert judge([Y, Y, Y + 1, Y, Y + 1, Y, Y, Y + 1]).kind == "changes"


def test_strings_have_no_steps(judge):
    texts = [np.array([f"call {call}".encode()], object) for call in range(CALLS)]
    assert judge(texts).kind == "random"
    assert judge([texts[0], *texts[1:2] * 7]).kind == "settles"


def test_variables_alone_are_a_finding(judge):
    result = judge([Y] * CALLS, ["mean", "variance"])
    assert (result.verdict, result.kind) == (CheckVerdict.FAILS, "state")
    assert result.says == "calls change the variables mean, variance; the outputs do not show it"


def test_rounding_is_no_failure(judge):
    moved = Y.copy()
    moved[0] = np.nextafter(moved[0], 2, dtype=np.float32)
    result = judge([Y, moved] * 4)
    assert result.verdict is CheckVerdict.FLOAT_NOISE
