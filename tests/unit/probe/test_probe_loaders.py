from __future__ import annotations

import pytest
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.probe.loaders import LOADERS
from savedmodel_matrix.probe.loaders.base import built, function_of, spelled
from savedmodel_matrix.probe.loaders.v1_session import choose_tags
from savedmodel_matrix.probe.texts import PlainError, one_line


def test_a_matrix_may_name_every_loader_there_is():
    assert set(Loader) == set(LOADERS)


@pytest.mark.parametrize(
    ("graphs", "chosen"),
    [
        ([["transform"]], ["transform"]),
        ([[]], []),
        ([["train"], ["serve"]], ["serve"]),
        ([["gpu", "serve"], ["train"]], ["gpu", "serve"]),
        ([["gpu", "serve"], ["serve"]], ["serve"]),
    ],
)
def test_the_graph_that_is_meant(graphs, chosen):
    assert choose_tags(graphs) == chosen


@pytest.mark.parametrize(
    ("graphs", "have"),
    [
        ([], "none"),
        ([["train"], ["eval"]], r"\['train'\], \['eval'\]"),
        ([["serve", "gpu"], ["serve", "tpu"]], r"\['serve', 'gpu'\], \['serve', 'tpu'\]"),
    ],
)
def test_a_graph_that_could_be_any_is_asked_for(graphs, have):
    with pytest.raises(PlainError, match=f"set tags; the model has: {have}$"):
        choose_tags(graphs)


SPARSE = dict.fromkeys(("dense_shape", "values", "indices"))
RAGGED = dict.fromkeys(("row_splits_1", "flat_values", "row_splits_0"))


@pytest.mark.parametrize(
    ("components", "known", "names"),
    [
        (
            SPARSE,
            ["x_indices", "x_values", "x_dense_shape", "x"],
            {"indices": "x_indices", "values": "x_values", "dense_shape": "x_dense_shape"},
        ),
        (SPARSE, ["x", "x_1", "x_2"], {"indices": "x", "values": "x_1", "dense_shape": "x_2"}),
        (RAGGED, ["x", "x_1", "x_2"], {"flat_values": "x", "row_splits_0": "x_1", "row_splits_1": "x_2"}),
        (SPARSE, ["x", "x_1"], None),
        ({"halves": None}, ["x"], None),
    ],
)
def test_how_a_signature_spells_an_input_of_several_tensors(components, known, names):
    assert spelled("x", components, known) == names


KERAS_3 = """Exception encountered when calling TFSMLayer.call().

\x1b[1mtoo many positional arguments\x1b[0m

Arguments received by TFSMLayer.call():
  • inputs=1
"""
KERAS_2 = """Exception encountered when calling layer "m" (type Model).

in user code:

    File "m.py", line 3, in call  *

    ValueError: no such thing

Call arguments received by layer "m" (type Model):
  • inputs=1
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (KERAS_3, "TypeError: too many positional arguments"),
        (KERAS_2, "TypeError: ValueError: no such thing"),
        ("Exception encountered when calling a.", "TypeError: Exception encountered when calling a."),
        (
            "Exception encountered when calling a.\nArguments received by a:",
            "TypeError: Arguments received by a:",
        ),
        ("plain\nmore", "TypeError: plain"),
    ],
)
def test_what_keras_wraps_is_what_is_said(text, line):
    assert one_line(TypeError(text)) == line


@pytest.mark.parametrize(
    "origin",
    [
        "Node: 'lookup'",
        "Detected at node lookup defined at (most recent call last):\n<stack traces unavailable>",
        (
            'Detected at node lookup defined at (most recent call last):\n  File "a.py", line 1, in load\n\n'
            '  File "b.py", line 2, in call\n'
        ),
    ],
)
def test_of_a_graph_what_the_kernel_says_is_said_and_not_where_its_node_is_from(origin):
    text = f"Graph execution error:\n\n{origin}\nTable not initialized.\n\t [[{{{{node lookup}}}}]]"
    text += '\n\nOriginal stack trace for lookup:\n  File "c.py", line 3, in build\n    a = table.lookup(b)'
    assert one_line(TypeError(text)) == "TypeError: Table not initialized."


def argument(kind, value=None, keys=(), items=()):
    return {"kind": kind, "value": value, "keys": list(keys), "items": list(items)}


def test_arguments_are_built_as_the_function_was_traced():
    tensors = {"x": "X", "pair/left": "L"}
    x, left = argument("input", "x"), argument("input", "pair/left")
    assert built(None, argument("tuple", items=[x, argument("value", False)]), tensors) == ("X", False)
    assert built(None, argument("dict", keys=["a"], items=[argument("list", items=[x])]), tensors) == {
        "a": ["X"]
    }
    pair = built(None, argument("namedtuple", "Pair", ["left", "mask"], [left, argument("value")]), tensors)
    assert (type(pair).__name__, pair.left, pair.mask) == ("Pair", "L", None)


class Restored:
    """A function that takes ``training=False`` only, as TensorFlow restores one."""

    concrete_functions = ()

    def __call__(self, x, training):
        if training is not False:
            raise ValueError(
                "Could not find matching concrete function to call loaded from the SavedModel. Got:"
            )
        return x


class Module:
    call = Restored()


@pytest.mark.parametrize("training", [False, True])
def test_a_call_that_was_not_traced_is_shown(training):
    call = {
        "positional": [argument("input", "x")],
        "keywords": {"training": argument("value", training)},
    }
    run = function_of(None, Module(), "call", call)
    if training:
        text = r"^call was not traced with these arguments: given \('X', training=True\); traced: nothing$"
        with pytest.raises(PlainError, match=text):
            run({"x": {None: "X"}})
    else:
        assert run({"x": {None: "X"}}) == "X"
