"""Calls of functions that no traced call accepts are known beforehand, and only those."""

from __future__ import annotations

import pytest
from built_models import write
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.models.preflight.predict import predict
from savedmodel_matrix.models.preflight.prediction import Kind, Stage, Target
from savedmodel_matrix.models.savedmodel import reader
from savedmodel_matrix.models.savedmodel.facts import read_facts
from traced_models import dense, function_model, many, mapping, ragged, spec, value

FIXED = {"dim": [{"size": 4}, {"size": 2}]}


def tensor(*shape, dtype="float32", kind=reader.Kind.DENSE):
    return reader.TensorSpec(dtype, shape if kind is reader.Kind.DENSE else None, kind)


@pytest.fixture
def expect(tmp_path):
    def predicted(model, *batches, loader=Loader.SAVED_MODEL, **arguments):
        target = Target("2.15.1", function="__call__", arguments=arguments, batches=batches, loader=loader)
        return predict(read_facts(write(tmp_path, model)), target)

    return predicted


def switched(*values, shape=None):
    calls = [([dense(shape=shape), value(each)], {}) for each in values]
    return function_model(spec("self", "x", "training", defaults=[False]), *calls)


@pytest.mark.parametrize(
    ("given", "arguments", "shown"),
    [
        (tensor(3, 2), {"training": True}, "(x=float32[3,2], training=True)"),
        (tensor(3, 5), {}, "(x=float32[3,5], training=False)"),
        (tensor(3), {}, "(x=float32[3], training=False)"),
        (tensor(3, 2, dtype="float64"), {}, "(x=float64[3,2], training=False)"),
        (tensor(kind=reader.Kind.RAGGED), {}, "(x=float32[any rank] (ragged), training=False)"),
    ],
)
def test_a_call_that_was_not_traced_fails_when_it_runs(expect, given, arguments, shown):
    found = expect(switched(False), {"x": given}, **arguments)
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
    (because,) = found.because
    assert because == (
        f"__call__ was not traced with these arguments: given {shown}; traced: "
        "(x=float32[?,2], training=False)"
    )


@pytest.mark.parametrize("arguments", [{}, {"training": True}])
def test_a_traced_call_runs(expect, arguments):
    assert expect(switched(False, True), {"x": tensor(3, 2)}, **arguments).kind is Kind.LOADS


def test_every_batch_counts_and_each_may_take_another_call(expect):
    model = function_model(spec("self", "x"), ([dense(shape=FIXED)], {}), ([ragged()], {}))
    ragged_one = tensor(dtype="int64", kind=reader.Kind.RAGGED)
    assert expect(model, {"x": tensor(4, 2)}, {"x": ragged_one}).kind is Kind.LOADS
    found = expect(model, {"x": ragged_one}, {"x": tensor(3, 2)})
    assert found.because[0].endswith(
        "given (x=float32[3,2]); traced: (x=float32[4,2]), (x=int64[?,2] (ragged))"
    )


def test_structures_are_compared_part_by_part(expect):
    model = function_model(spec("self", "x"), ([mapping(a=dense(), b=many("list", dense()))], {}))
    assert expect(model, {"x/a": tensor(1, 2), "x/b/0": tensor(1, 2)}).kind is Kind.LOADS
    assert expect(model, {"x/a": tensor(1, 2), "x/b/0": tensor(1, 3)}).kind is Kind.FAILS


def test_python_values_are_known_before_there_are_inputs(expect):
    assert expect(switched(False), training=True).kind is Kind.FAILS
    assert expect(switched(False)).kind is Kind.LOADS


def test_a_tensor_in_the_place_of_a_value_is_refused_and_a_value_in_that_of_a_tensor_is_not(expect):
    traced = ([value(1)], {}), ([dense()], {})
    assert expect(function_model(spec("self", "x"), *traced[:1]), {"x": tensor(1, 2)}, x=2).kind is Kind.FAILS
    assert expect(function_model(spec("self", "x"), *traced[1:]), x=2.0).kind is Kind.LOADS


def test_an_argument_that_no_call_has_is_refused(expect):
    assert expect(switched(False), {"x": tensor(3, 2)}, factor=2).kind is Kind.FAILS


@pytest.mark.parametrize("loader", [Loader.KERAS, Loader.TF_KERAS])
@pytest.mark.parametrize("root", ["_generic_user_object", "_tf_keras_model"])
def test_keras_may_trace_functions_of_its_own_models_again(expect, loader, root):
    model = switched(False)
    model.meta_graphs[0].object_graph_def.nodes[0].user_object.identifier = root
    found = expect(model, loader=loader, training=True)
    traced = any("was not traced" in each for each in found.because)
    assert traced is (root == "_generic_user_object")


def test_a_function_that_the_file_does_not_describe_is_left_to_tensorflow(expect):
    model = function_model(spec("self", "x"), ([dense()], {}), path=("other",))
    assert expect(model, {"x": tensor(9)}).kind is Kind.LOADS
