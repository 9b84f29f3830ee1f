from __future__ import annotations

import numpy as np
from plain_metrics import Memory
from savedmodel_matrix.domain.arrays import Output, OutputId
from savedmodel_matrix.domain.divergence import EXACT, Tolerance
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.verdicts.compare.pairs import compare_recordings


def compared(memory, a, b, tolerance=lambda output: EXACT):
    return compare_recordings(a, b, names=("left", "right"), tolerance=tolerance, read=memory.read, cache={})


def output(memory, name, value, component=None, batch=0):
    return Output.of(OutputId(batch, name, component), memory.entry(np.float32([value]), "float32"))


def test_the_union_of_outputs_with_reasons():
    memory = Memory()
    a = RecordedOutputs((output(memory, "x", 1), output(memory, "new", 1), output(memory, "x", 1, batch=1)))
    b = RecordedOutputs((output(memory, "old", 1), output(memory, "x", 2)))
    found = {(row.output.batch, row.output.name): row.divergence for row in compared(memory, a, b)}
    assert list(found) == [(0, "old"), (0, "x"), (0, "new"), (1, "x")]
    assert found[0, "old"].incomparable == "only in right"
    assert found[0, "new"].incomparable == "only in left"
    assert found[1, "x"].incomparable == "only in left"
    assert found[0, "x"].max_abs == 1.0


def test_components_are_outputs_of_their_own():
    memory = Memory()
    a = RecordedOutputs((output(memory, "x", 1, "values"),))
    b = RecordedOutputs((output(memory, "x", 1),))
    assert [row.divergence.incomparable for row in compared(memory, a, b)] == [
        "only in right",
        "only in left",
    ]


def test_no_outputs_at_all_are_no_pass():
    (row,) = compared(Memory(), RecordedOutputs(()), RecordedOutputs(()))
    assert row.output is None
    assert row.divergence.incomparable == "nothing to compare: neither left nor right has outputs"


def test_an_output_listed_twice_is_incomparable():
    memory = Memory()
    once = RecordedOutputs((output(memory, "x", 1),))
    twice = RecordedOutputs((output(memory, "x", 1), output(memory, "x", 2)))
    (row,) = compared(memory, twice, once)
    assert row.divergence.incomparable == "listed more than once in left"
    (row,) = compared(memory, twice, twice)
    assert row.divergence.incomparable == "listed more than once in left and right"


def test_unstable_in_either_is_flagged():
    memory = Memory()
    outputs = tuple(output(memory, name, 1) for name in "xyz")
    a = RecordedOutputs(outputs, frozenset({outputs[0].id}))
    b = RecordedOutputs(outputs, frozenset({outputs[2].id}))
    assert [row.unstable for row in compared(memory, a, b)] == [True, False, True]


def test_each_output_has_its_tolerance():
    memory = Memory()
    a = RecordedOutputs((output(memory, "x", 1), output(memory, "y", 1)))
    b = RecordedOutputs((output(memory, "x", 2), output(memory, "y", 2)))
    allowed = {"x": Tolerance(atol=1), "y": EXACT}
    found = compared(memory, a, b, lambda output: allowed[output.id.name])
    assert [row.divergence.beyond for row in found] == [0, 1]
