"""Functions of a model's root object, from the file: what they are called, what they take and return."""

from __future__ import annotations

import pytest
from built_models import EXAMPLES, user_object, v2_model, write
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.endpoints import Endpoint, Trace, at_once
from savedmodel_matrix.models.savedmodel.facts import read_facts

VALUE = pb.StructuredValue


def spec(name):
    """A tensor's spec, of which the schema knows only that it is one: its first field is the name."""
    written = b"\x0a" + bytes([len(name)]) + name.encode()
    return VALUE.FromString(b"\x8a\x02" + bytes([len(written)]) + written)


def values(*each):
    return VALUE(tuple_value={"values": each})


def listed(*each):
    return VALUE(list_value={"values": each})


def named(**each):
    return VALUE(dict_value={"fields": each})


def text(value):
    return VALUE(string_value=value)


def function(*concrete, arguments=(), defaults=()):
    spec_of = VALUE(named_tuple_value={"name": "FullArgSpec"})
    pairs = spec_of.named_tuple_value.values
    pairs.add(key="args", value=listed(*map(text, arguments)))
    pairs.add(key="defaults", value=values(*defaults))
    return pb.SavedObject(
        function={"concrete_functions": concrete, "function_spec": {"fullargspec": spec_of}}
    )


def model_of(functions, concrete):
    """A model whose root object has these functions; ``concrete`` has (arguments, outputs) by name."""
    children = [{"node_id": number, "local_name": name} for number, name in enumerate(functions, 1)]
    model = v2_model(objects=[user_object(children=children), *functions.values()])
    known = model.meta_graphs[0].object_graph_def.concrete_functions
    for name, (arguments, outputs) in concrete.items():
        known[name].canonicalized_input_signature.CopyFrom(values(values(*arguments), named()))
        known[name].output_signature.CopyFrom(outputs)
    signature = model.meta_graphs[0].signature_def["serving_default"]
    signature.inputs["b"].CopyFrom(signature.inputs["x"])
    signature.inputs["a"].CopyFrom(signature.inputs["x"])
    del signature.inputs["x"]
    return model


FALSE = VALUE(bool_value=False)
AT_ONCE = ([listed(spec("b"), spec("a")), FALSE], spec("anything"))


@pytest.fixture
def read(tmp_path):
    def graph(functions, concrete):
        return read_facts(write(tmp_path, model_of(functions, concrete))).main

    return graph


def chosen(graph):
    return at_once(graph.endpoints, graph.signatures["serving_default"])


def test_a_function_with_all_inputs_in_a_list(read):
    call = function("f", arguments=["self", "inputs", "training"], defaults=[FALSE])
    graph = read({"__call__": call}, {"f": AT_ONCE})
    trace = Trace(first=("b", "a"), others=1, outputs=None, output_count=1)
    assert graph.endpoints == (Endpoint("__call__", ("inputs", "training"), 1, (trace,)),)
    assert graph.endpoints[0].required == ()
    assert chosen(graph) == "__call__"


def test_what_needs_another_argument_does_not_take_all_at_once(read):
    call = function("f", arguments=["inputs", "training"])
    graph = read({"__call__": call}, {"f": AT_ONCE})
    assert graph.endpoints[0].required == ("training",)
    assert chosen(graph) is None


def test_inputs_in_two_arguments_or_by_other_names_are_not_at_once(read):
    functions = {name: function(name) for name in ("two", "others")}
    concrete = {
        "two": ([spec("a"), spec("b")], spec("y")),
        "others": ([listed(spec("inputs_0"), spec("inputs_1"))], spec("y")),
    }
    graph = read(functions, concrete)
    assert [each.traces[0].first for each in graph.endpoints] == [("inputs_0", "inputs_1"), None]
    assert chosen(graph) is None


def test_any_of_its_traces_will_do(read):
    call = function("odd", "f", arguments=["inputs", "training"], defaults=[FALSE])
    graph = read({"__call__": call}, {"odd": ([listed(spec("c"))], spec("y")), "f": AT_ONCE})
    assert chosen(graph) == "__call__"


def test_outputs_must_be_those_of_the_signature(read):
    several = listed(spec("y"), spec("z"))
    arguments = [named(a=spec("a"), b=spec("b"))]
    graph = read({"serve": function("f")}, {"f": (arguments, several)})
    assert chosen(graph) is None
    graph = read({"serve": function("f")}, {"f": (arguments, named(y=spec("y")))})
    assert graph.endpoints[0].traces[0].outputs == ("y",)
    assert chosen(graph) == "serve"


def test_a_private_function_is_chosen_last_and_what_is_no_name_never(read):
    at_once_too = ([listed(spec("a"), spec("b"))], spec("y"))
    bare = pb.SavedObject(bare_concrete_function={"concrete_function_name": "f"})
    functions = {"_default_save_signature": bare, "a b": bare}
    assert chosen(read(functions, {"f": at_once_too})) == "_default_save_signature"
    functions["score"] = function("f")
    assert chosen(read(functions, {"f": at_once_too})) == "score"
    functions["__call__"] = function("f")
    assert chosen(read(functions, {"f": at_once_too})) == "__call__"


def test_endlessly_nested_arguments_are_damage(read):
    deep = spec("a")
    for _ in range(20):
        deep = listed(deep)
    graph = read({"f": function("f")}, {"f": ([deep], spec("y"))})
    assert graph.endpoints[0].traces[0].first == ("a",)
    for _ in range(20):
        deep = listed(deep)
    with pytest.raises(UnreadableModelError, match="endlessly nested arguments"):
        read({"f": function("f")}, {"f": ([deep], spec("y"))})


def test_a_function_has_every_name_that_the_root_gives_it(tmp_path):
    model = model_of({"_score": function("f", arguments=["x"])}, {"f": AT_ONCE})
    model.meta_graphs[0].object_graph_def.nodes[0].children.add(node_id=1, local_name="score")
    graph = read_facts(write(tmp_path, model)).main
    assert [each.name for each in graph.endpoints] == ["_score", "score"]
    assert [each.name for each in graph.functions.functions] == ["score"]
    assert chosen(graph) is None  # its second argument has no default


def test_what_is_no_plain_tensor_has_no_name(read):
    ragged = VALUE(type_spec_value={"type_spec_class": pb.TypeSpecProto.RAGGED_TENSOR_SPEC})
    graph = read({"f": function("f")}, {"f": ([listed(spec("a"), ragged)], named(y=ragged))})
    (trace,) = graph.endpoints[0].traces
    assert trace == Trace(first=None, others=0, outputs=None, output_count=0)


def test_an_example_of_keras():
    graph = read_facts(EXAMPLES / "cnn").main
    endpoints = {each.name: each for each in graph.endpoints}
    assert list(endpoints) == [
        "__call__",
        "_default_save_signature",
        "call_and_return_all_conditional_losses",
    ]
    assert endpoints["__call__"].arguments == ("inputs", "training", "mask")
    assert (endpoints["__call__"].defaults, endpoints["__call__"].required) == (2, ())
    # 2.7 writes the defaults as a list, newer releases as a tuple.
    call = next(each for each in graph.functions.functions if each.name == "__call__")
    assert call.traces[0].defaults == {"training": False, "mask": None}
    assert ("image",) in [trace.first for trace in endpoints["__call__"].traces]
    assert endpoints["_default_save_signature"].traces[0].outputs == ("probabilities",)
