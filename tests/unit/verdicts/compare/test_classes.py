from __future__ import annotations

from savedmodel_matrix.domain.arrays import ArrayEntry, Output, OutputId
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.verdicts.compare.classes import classes, representative_pairs


def recorded(**digests):
    return RecordedOutputs(
        tuple(
            Output.of(OutputId(0, name, None), ArrayEntry("float32", (1,), (digest,), 4))
            for name, digest in digests.items()
        )
    )


def test_classes_are_of_all_outputs_in_order_of_first_appearance():
    cells = {
        "b": recorded(x="1", y="2"),
        "a": recorded(x="1", y="3"),
        "c": recorded(y="2", x="1"),
        "d": recorded(x="1"),
        "e": recorded(x="1", y="3"),
    }
    assert classes(cells) == [("b", "c"), ("a", "e"), ("d",)]


def test_shape_and_component_count():
    one = ArrayEntry("string", (2,), ("data", "offsets"), 4)
    other = ArrayEntry("string", (1, 2), ("data", "offsets"), 4)
    outputs = [
        Output.of(OutputId(0, "x", None), one),
        Output.of(OutputId(0, "x", None), other),
        Output.of(OutputId(0, "x", "values"), one),
        Output.of(OutputId(1, "x", None), one),
    ]
    assert len(classes({i: RecordedOutputs((output,)) for i, output in enumerate(outputs)})) == 4


def test_nothing_is_not_identical_to_nothing():
    assert classes({"a": RecordedOutputs(()), "b": RecordedOutputs(())}) == [("a",), ("b",)]


def test_outputs_listed_twice_are_not_called_identical():
    twice = RecordedOutputs(recorded(x="1").outputs * 2)
    assert classes({"a": twice, "b": twice}) == [("a",), ("b",)]


def test_one_pair_for_every_two_classes_with_the_baseline_as_reference():
    groups = [("a", "e"), ("b",), ("c", "base")]
    assert list(representative_pairs(groups)) == [("b", "a"), ("c", "a"), ("c", "b")]
    assert list(representative_pairs(groups, "base")) == [("a", "c"), ("b", "c"), ("b", "a")]


def test_one_class_costs_nothing():
    assert not list(representative_pairs([("a", "b", "c")], "a"))
