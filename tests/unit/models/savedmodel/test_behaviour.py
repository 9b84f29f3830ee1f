from __future__ import annotations

import numpy as np
import pytest
from savedmodel_matrix.domain.trait import TraitKind
from savedmodel_matrix.models.savedmodel.behaviour import traits_of
from savedmodel_matrix.models.savedmodel.randomness import Body, Node, Origins


def made(op, name, *inputs, calls=(), constant=None, **facts):
    value = None if constant is None else np.asarray(constant)
    return Node(name, op, inputs, tuple(calls), seeded=False, constant=value, **facts)


def body(*nodes, arguments=(), **returned):
    return Body({each.name: each for each in nodes}, arguments, returned)


def kinds(outputs, *nodes, fed=("x",), **functions):
    """The traits of each signature's only output, as (kind, subject, signature)."""
    found = traits_of(
        Origins(body(*nodes), functions),
        {name: {"y": [tensor]} for name, tensor in outputs.items()},
        dict.fromkeys(outputs, fed),
    )
    return {
        name: [(each.kind, each.subject, each.signature) for each in traits["y"]]
        for name, traits in found.items()
    }


X, VARIABLE = made("Placeholder", "x"), made("VarHandleOp", "weights")


def reduced(axes, *between, of="x", **facts):
    """The traits of the mean of an input over some axes."""
    nodes = (
        X,
        *between,
        made("Const", "axes", constant=axes),
        made("Mean", "mean", of, "axes", is_float=True),
    )
    return kinds({"serve": "mean"}, *nodes)["serve"]


def test_a_variable_that_another_signature_writes_is_named_with_it():
    f = body(made("ReadVariableOp", "read", "v"), arguments=("v",), y="read:value:0")
    g = body(
        made("AssignSubVariableOp", "step", "v", "x"),
        made("Identity", "loss", "x", "^step"),
        arguments=("x", "v"),
        y="loss:output:0",
    )
    nodes = (
        X,
        VARIABLE,
        made("StatefulPartitionedCall", "predict", "weights", calls=["f"]),
        made("StatefulPartitionedCall", "adapt", "x", "weights", calls=["g"]),
    )
    found = kinds({"predict": "predict", "adapt": "adapt"}, *nodes, f=f, g=g)
    assert found["predict"] == [(TraitKind.WRITTEN_ELSEWHERE, "weights", "adapt")]
    assert found["adapt"] == [(TraitKind.WRITES, "weights", "")]


def test_a_placeholder_with_a_default_is_a_switch_unless_the_signature_feeds_it():
    nodes = (made("Const", "on", constant=True), made("PlaceholderWithDefault", "phase", "on"), X)
    select = made("Select", "y", "phase", "x", "x")
    assert kinds({"serve": "y"}, *nodes, select)["serve"] == [(TraitKind.SWITCH, "phase", "")]
    assert kinds({"serve": "y"}, *nodes, select, fed=("x", "phase"))["serve"] == []


@pytest.mark.parametrize("axes", [0, [0], [0, 1], [1, 0]])
def test_a_reduction_over_the_rows_is_a_statistic_of_the_batch(axes):
    assert reduced(axes) == [(TraitKind.STATISTIC, "", "")]


@pytest.mark.parametrize("axes", [1, [1, 2], -1])
def test_a_reduction_over_other_axes_is_not(axes):
    assert reduced(axes) == []


def test_the_mean_of_a_stack_is_no_statistic_of_the_batch():
    assert reduced(0, made("Pack", "stack", "x", "x"), of="stack") == []
    assert reduced(0, made("MatMul", "dense", "x", "x"), of="dense") == [(TraitKind.STATISTIC, "", "")]


def test_a_reduction_of_a_shape_or_of_integers_is_not():
    assert reduced([0, 1], made("Shape", "shape", "x"), of="shape") == []
    integers = (X, made("Const", "axes", constant=0), made("Max", "longest", "x", "axes"))
    assert kinds({"serve": "longest"}, *integers)["serve"] == []


def test_a_reduction_in_a_loop_is_not():
    loop = body(
        made("Const", "axes", constant=[0, 1]),
        made("Mean", "mean", "s", "axes", is_float=True),
        arguments=("s",),
        y="mean:output:0",
    )
    nodes = (X, made("While", "loop", "x", calls=["b"]))
    assert kinds({"serve": "loop"}, *nodes, b=loop)["serve"] == []


def test_padding_without_a_mask_is_named_and_with_one_it_is_not():
    nodes = (
        X,
        made("Const", "shape", constant=[-1, -1]),
        made("RaggedTensorToTensor", "padded", "shape", "x"),
        made("Mul", "y", "padded", "padded"),
    )
    assert kinds({"serve": "y"}, *nodes)["serve"] == [(TraitKind.PADDING, "", "")]
    masked = (made("NotEqual", "mask", "padded", "shape"), made("Mul", "z", "y", "mask"))
    assert kinds({"serve": "z"}, *nodes, *masked)["serve"] == []
    fixed = (nodes[0], made("Const", "shape", constant=[-1, 20]), *nodes[2:])
    assert kinds({"serve": "y"}, *fixed)["serve"] == []


def test_batch_normalisation_in_training_mode_and_python_code_are_named():
    norm = made("FusedBatchNormV3", "norm", "x", training=True)
    python = made("EagerPyFunc", "python", "norm")
    found = kinds({"serve": "python"}, X, norm, python)["serve"]
    assert found == [(TraitKind.BATCH_NORM, "", ""), (TraitKind.PYTHON, "", "")]
