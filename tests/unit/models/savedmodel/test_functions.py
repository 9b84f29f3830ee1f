from __future__ import annotations

import pytest
from built_models import node, tensor, user_object, v1_model, v2_model, write
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.reader import Kind, TensorSpec
from traced_models import dense, function_model, many, mapping, ragged, sparse, spec, value


@pytest.fixture
def functions(tmp_path):
    return lambda model: read_facts(write(tmp_path, model)).main.functions.functions


def test_calls_are_listed_with_their_tensors_and_python_values(functions):
    training = [(([dense(), value(each)]), {}) for each in (True, False)]
    (found,) = functions(function_model(spec("self", "x", "training", defaults=[False]), *training))
    assert found.name == "__call__"
    assert list(map(str, found.traces)) == [
        "(x=float32[?,2], training=True)",
        "(x=float32[?,2], training=False)",
    ]


def test_the_call_with_the_defaults_is_chosen_unless_values_are_given(functions):
    training = [(([dense(), value(each)]), {}) for each in (True, False)]
    (found,) = functions(function_model(spec("self", "x", "training", defaults=[False]), *training))
    chosen = [str(found.for_values(values)[0]) for values in ({}, {"training": True}, {"training": 1})]
    assert chosen[:2] == ["(x=float32[?,2], training=False)", "(x=float32[?,2], training=True)"]
    # 1 is not True to TensorFlow: no call has it, and TensorFlow is left to say so.
    assert chosen[2].endswith("training=1)")
    assert str(found.for_values({"mode": "fast"})[0]).endswith("mode='fast')")


def test_structures_name_their_inputs_by_path(functions):
    features = mapping(x=dense(), deep=mapping(y=many("tuple", dense())))
    pair = {"named_tuple_value": {"name": "Pair", "values": [{"key": "left", "value": dense()}]}}
    call = ([features, pair, many("list", value(1), value("a")), dense(), dense()], {"k": dense("k")})
    (found,) = functions(function_model(spec("features", "pair", "names", varargs="xs", method=False), call))
    (trace,) = found.traces
    assert sorted(trace.inputs) == ["features/deep/y/0", "features/x", "k", "pair/left", "xs/0", "xs/1"]
    assert trace.call.positional[2].shown({}) == "[1, 'a']"
    assert trace.call.is_possible


def test_composite_tensors_are_one_input(functions):
    call = ([ragged(), sparse()], {})
    wanted = [ragged(), sparse(columns=4)]
    (found,) = functions(function_model(spec("self", "tokens", "bag", wanted=wanted), call))
    inputs = found.traces[0].inputs
    assert (inputs["tokens"].kind, inputs["tokens"].row_splits_dtype) == (Kind.RAGGED, "int32")
    # Up to 2.9 only the input signature has a sparse tensor's columns.
    assert inputs["bag"] == TensorSpec("float32", (None, 4), Kind.SPARSE)


def test_an_argument_that_cannot_be_given_makes_a_call_impossible(functions):
    call = ([dense(), {"tensor_value": {}}], {})
    (found,) = functions(function_model(spec("self", "x", "other"), call))
    assert str(found.traces[0]) == "(x=float32[?,2], other=a tensor)"
    assert found.for_values({}) == []


def test_functions_of_inner_objects_have_a_path_and_private_ones_are_left_out(functions):
    call = ([dense()], {})
    assert [each.name for each in functions(function_model(spec("x"), call, path=("a", "b", "run")))] == [
        "a.b.run"
    ]
    assert functions(function_model(spec("x"), call, path=("_private", "run"))) == ()
    assert functions(v1_model()) == ()


def test_without_signatures_the_functions_are_what_runs(tmp_path):
    facts = read_facts(write(tmp_path, function_model(spec("x"), ([dense()], {}))))
    assert facts.main.graph.ops["Lgamma"].reached
    assert facts.main.graph.bfloat16 == {"__call__": {"Lgamma.T"}}


def signature_model(*names, inner=None):
    """A model whose signature has the inputs ``names`` and calls a function with a ragged argument."""
    wrapper, called = "__inference_signature_wrapper_1", "__inference_f_2"
    objects = [
        user_object(children=[{"node_id": 1, "local_name": "signatures"}]),
        user_object("signature_map", children=[{"node_id": 2, "local_name": "serving_default"}]),
        pb.SavedObject(
            bare_concrete_function={"concrete_function_name": wrapper, "argument_keywords": names}
        ),
    ]
    model = v2_model(objects=objects)
    graph = model.meta_graphs[0]
    inputs = {name: tensor(f"{name}:0", pb.DT_INT64) for name in names}
    graph.signature_def["serving_default"].CopyFrom(
        pb.SignatureDef(inputs=inputs, outputs={"y": tensor("y:0")})
    )
    canonical = many("tuple", many("tuple", inner or ragged()), mapping())
    graph.object_graph_def.concrete_functions[called].CopyFrom(
        pb.SavedConcreteFunction(canonicalized_input_signature=canonical)
    )
    calls = node("StatefulPartitionedCall", "call", f={"func": {"name": called}})
    calls.input.extend([*names, "captured"])
    signature = {"name": wrapper, "input_arg": [{"name": each} for each in (*names, "captured")]}
    graph.graph_def.library.function.append(pb.FunctionDef(signature=signature, node_def=[calls]))
    return model


def test_a_signature_s_ragged_input_is_put_together(tmp_path):
    model = signature_model("args_0", "args_0_1")
    (spec_of,) = read_facts(write(tmp_path, model)).main.signatures["serving_default"].inputs.values()
    assert spec_of == TensorSpec(
        "int64", (None, 2), Kind.RAGGED, ragged_rank=1, row_splits_dtype="int32", parts=("args_0", "args_0_1")
    )


@pytest.mark.parametrize(
    ("names", "inner"), [(("x", "lengths"), None), (("x", "x_1"), many("tuple", dense(), dense()))]
)
def test_plain_inputs_stay_what_they_are(tmp_path, names, inner):
    inputs = (
        read_facts(write(tmp_path, signature_model(*names, inner=inner)))
        .main.signatures["serving_default"]
        .inputs
    )
    assert {name: each.kind for name, each in inputs.items()} == dict.fromkeys(names, Kind.DENSE)


def test_endless_nesting_is_damage(tmp_path):
    nested = dense()
    for _ in range(40):
        nested = many("tuple", nested)
    with pytest.raises(UnreadableModelError, match="nested"):
        read_facts(write(tmp_path, function_model(spec("x"), ([nested], {}))))
