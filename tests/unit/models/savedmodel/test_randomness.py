from __future__ import annotations

import pytest
from built_models import tensor, v1_model, write
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.randomness import Body, Kind, Node, Origins, Source, draws
from savedmodel_matrix.models.savedmodel.sources import read_sources


def body(*nodes, arguments=(), **returned):
    return Body({each.name: each for each in nodes}, arguments, returned)


def made(op, name, *inputs, calls=(), seeded=False):
    return Node(name, op, inputs, tuple(calls), seeded)


def of(output, *nodes, **functions):
    """What reaches an output of a graph, as (kind, node) and what is changed."""
    found = Origins(body(*nodes), functions).of([output])
    return [(each.kind, each.node) if each.changes is None else (each.kind, each.changes) for each in found]


CALL = made("StatefulPartitionedCall", "call", "x", "variable", "^first", calls=["f"])
X, VARIABLE = made("Placeholder", "x"), made("VarHandleOp", "variable")
F = body(
    made("RandomUniform", "inner/noise"),
    made("Mul", "noisy", "x", "inner/noise:output:0"),
    made("Identity", "plain", "x", "^inner/noise", "^count"),
    made("ReadVariableOp", "read", "v", "^count"),
    made("AssignAddVariableOp", "count", "v", "one"),
    made("Const", "one"),
    made("Identity", "counted", "read:value:0"),
    arguments=("x", "v"),
    a="noisy:z:0",
    b="plain:output:0",
    c="counted:output:0",
)


def test_each_output_of_a_call_has_its_own_origins():
    graph = (CALL, X, VARIABLE)
    assert of("call:0", *graph, f=F) == [(Kind.RANDOM, "inner/noise")]
    assert of("call", *graph, f=F) == [(Kind.RANDOM, "inner/noise")]
    assert of("call:1", *graph, f=F) == []
    assert of("call:2", *graph, f=F) == [(Kind.STATE, "variable")]


def test_arguments_lead_back_to_what_the_call_was_given():
    outer = body(
        made("PartitionedCall", "inner", "given", calls=["g"]), arguments=("given",), y="inner:output:0"
    )
    g = body(made("Identity", "same", "x"), arguments=("x",), y="same:output:0")
    graph = (made("Multinomial", "drawn"), made("PartitionedCall", "call", "drawn", calls=["f"]))
    assert of("call", *graph, f=outer, g=g) == [(Kind.RANDOM, "drawn")]
    unused = body(made("Const", "one"), arguments=("x",), y="one:output:0")
    assert of("call", *graph, f=outer, g=unused) == []


def test_branches_take_their_arguments_behind_the_condition():
    graph = (made("If", "call", "which", "x", calls=["f", "g"]), X, made("RandomUniform", "which"))
    same = body(arguments=("x",), y="x")
    assert of("call", *graph, f=same, g=same) == [(Kind.RANDOM, "which")]
    drawn = body(made("RandomUniform", "noise", seeded=True), arguments=("x",), y="noise:output:0")
    plain = (made("If", "call", "x", "x", calls=["f", "g"]), X)
    assert of("call", *plain, f=same, g=drawn) == [(Kind.SEEDED, "noise")]


def test_of_a_loop_any_output_may_come_from_anything_in_it():
    condition = body(made("Less", "go", "i"), arguments=("i", "s"), y="go:z:0")
    loop = body(made("RandomUniform", "noise"), arguments=("i", "s"), i="noise:output:0", s="s")
    graph = (made("While", "loop", "x", "x", calls=["c", "b"]), X)
    assert of("loop:1", *graph, c=condition, b=loop) == [(Kind.RANDOM, "noise")]


def test_functions_of_tensorflow_1_are_called_by_their_own_name():
    f = body(made("RandomUniform", "noise"), arguments=("x",), plain="x", noisy="noise:output:0")
    assert of("call:1", made("f", "call", "x"), X, f=f) == [(Kind.RANDOM, "noise")]
    assert of("call:0", made("f", "call", "x"), X, f=f) == []
    g = body(made("f", "inner", "x"), arguments=("x",), y="inner:noisy:0")
    assert of("call", made("g", "call", "x"), X, f=f, g=g) == [(Kind.RANDOM, "noise")]


def test_references_and_queues_of_tensorflow_1():
    graph = (
        made("VariableV2", "counter"),
        made("AssignAdd", "add", "counter", "one"),
        made("Const", "one"),
        made("Assign", "elsewhere", "other", "one"),
        made("VariableV2", "other"),
        made("Identity", "read", "other"),
    )
    assert of("add", *graph) == [(Kind.STATE, "counter")]
    assert of("read", *graph) == []
    queue = (made("FIFOQueueV2", "queue"), made("QueueDequeueV2", "take", "queue"))
    assert of("take", *queue) == [(Kind.OUTSIDE, "take")]


def test_graphs_and_functions_that_go_in_circles():
    assert of("a", made("Merge", "a", "b"), made("NextIteration", "b", "a")) == []
    f = body(made("PartitionedCall", "again", "x", calls=["f"]), arguments=("x",), y="again:output:0")
    with pytest.raises(ValueError, match="endlessly"):
        of("call", made("PartitionedCall", "call", "x", calls=["f"]), X, f=f)
    assert of("gone", X) == []


@pytest.mark.parametrize(
    ("op", "kind"),
    [
        ("RandomStandardNormal", Kind.RANDOM),
        ("TruncatedNormal", Kind.RANDOM),
        ("LogUniformCandidateSampler", Kind.RANDOM),
        ("RngReadAndSkip", Kind.GENERATOR),
        ("StatefulStandardNormalV2", Kind.GENERATOR),
        ("StatelessRandomNormalV2", Kind.STATELESS),
        ("IteratorGetNext", Kind.OUTSIDE),
        ("EagerPyFunc", Kind.OUTSIDE),
    ],
)
def test_kinds(op, kind):
    assert of("n", made(op, "n")) == [(kind, "n")]
    assert draws([op]) is (kind in {Kind.RANDOM, Kind.GENERATOR})
    assert kind.moves_on is (kind is not Kind.STATELESS)


@pytest.mark.parametrize("op", ["StatefulPartitionedCall", "RandomDataset", "StatelessIf", "Const", "MatMul"])
def test_what_draws_nothing(op):
    assert of("n", made(op, "n")) == []
    assert not draws([op])


def test_a_model_s_files(tmp_path):
    call = pb.NodeDef(name="y", op="StatefulPartitionedCall", input=["x"])
    call.attr["f"].func.name = "f"
    model = v1_model(pb.NodeDef(name="x", op="Placeholder"), call)
    function = model.meta_graphs[0].graph_def.library.function.add()
    function.signature.name = "f"
    function.signature.input_arg.add(name="x")
    for name in ("plain", "noisy"):
        function.signature.output_arg.add(name=name)
    function.ret["noisy"], function.ret["plain"] = "noise:output:0", "x"
    noise = function.node_def.add(name="noise", op="RandomUniform")
    noise.attr["seed"].i = 7
    outputs = {"y": tensor("y:0"), "z": tensor("y:1")}
    model.meta_graphs[0].signature_def["serving_default"].outputs["z"].CopyFrom(outputs["z"])
    (graph,) = read_sources(write(tmp_path, model))
    assert graph.tags == ("serve",)
    assert graph.signatures == {
        "serving_default": {"y": (), "z": (Source(Kind.SEEDED, "RandomUniform", "noise"),)}
    }
    call.attr["f"].func.name = "f"
    function.node_def.append(pb.NodeDef(name="again", op="f", input=["x"]))
    function.ret["noisy"] = "again:noisy:0"
    with pytest.raises(UnreadableModelError, match=r"saved_model\.pb"):
        read_sources(write(tmp_path, model))
