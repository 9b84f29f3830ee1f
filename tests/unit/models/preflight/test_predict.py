"""Every rule speaks where it should, and is silent where it should be."""

from __future__ import annotations

import json
import shutil

import pytest
from built_models import (
    EXAMPLES,
    checkpoint_index,
    keras_metadata,
    node,
    optimizer,
    tensor,
    tensor_entry,
    user_object,
    v1_model,
    v2_model,
    write,
)
from flow_models import op, string
from op_table import TABLE
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.knowledge import op_packages
from savedmodel_matrix.knowledge.ops import Knowledge
from savedmodel_matrix.models.preflight.features import told_of
from savedmodel_matrix.models.preflight.lost_classes import lost_classes
from savedmodel_matrix.models.preflight.predict import knowledge, predict
from savedmodel_matrix.models.preflight.prediction import Confidence, Kind, Stage, Target
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.facts import read_facts
from traced_models import dense, function_model, spec

SESSION, LAYER = Loader.V1_SESSION, Loader.TFSM_LAYER


@pytest.fixture
def expect(tmp_path):
    """Return a function that writes a model and predicts."""

    def predicted(model, tensorflow, *packages, index=True, metadata=None, **target):
        folder = write(tmp_path, model, index=index)
        if metadata is not None:
            (folder / "keras_metadata.pb").write_bytes(metadata)
        return predict(read_facts(folder), Target(tensorflow, dict.fromkeys(packages, ""), **target))

    return predicted


def test_nothing_speaks_against_a_plain_model(expect):
    found = expect(v2_model(node("MatMul")), "2.15.1")
    assert (found.kind, found.stage, found.because, found.needs) == (Kind.LOADS, None, (), ())
    assert found.confidence is Confidence.HIGH


@pytest.mark.parametrize(
    ("tensorflow", "confidence"),
    [
        ("2.6.5", Confidence.MEDIUM),
        ("2.7.0", Confidence.HIGH),
        ("2.99.0", Confidence.LOW),
        ("2.3.0", Confidence.LOW),
    ],
)
def test_confidence_is_that_of_tensorflows_promise(expect, tensorflow, confidence):
    found = expect(v2_model(node("MatMul"), tensorflow="2.7.4"), tensorflow)
    assert (found.kind, found.confidence) == (Kind.LOADS, confidence)


def test_a_release_beyond_the_data_is_said(expect):
    assert "TensorFlow 2.99 is not known here; predicted as for 2.21" in expect(v2_model(), "2.99.0").notes


def test_an_op_that_came_later(expect):
    model = v2_model(node("DisableCopyOnRead"), tensorflow="2.14.0")
    found = expect(model, "2.9.3")
    assert (found.kind, found.stage, found.confidence) == (Kind.FAILS, Stage.LOAD, Confidence.HIGH)
    assert found.because == ("op DisableCopyOnRead is registered only from 2.10 on",)
    assert expect(model, "2.10.1").kind is Kind.LOADS


def test_an_op_that_went(expect):
    found = expect(v2_model(node("Rpc")), "2.5.3")
    assert found.because == ("op Rpc is registered only up to 2.4",)


def test_objects_bring_their_functions_and_a_session_the_graph_too(expect):
    model = v2_model(node("MatMul"))
    model.meta_graphs[0].graph_def.node.append(node("DisableCopyOnRead"))
    assert expect(model, "2.9.3").kind is Kind.LOADS
    assert expect(model, "2.9.3", loader=SESSION).kind is Kind.FAILS


def test_ops_of_a_package(expect):
    model = v2_model(node("SimpleMLInferenceOp"), node("SimpleMLCreateModelResource"))
    found = expect(model, "2.15.1")
    needed = "tensorflow-decision-forests==1.8.1, imported as tensorflow_decision_forests"
    assert (found.kind, found.needs) == (Kind.NEEDS, (needed,))
    ops = "custom ops SimpleMLCreateModelResource, SimpleMLInferenceOp"
    assert found.because[0].startswith(f"{ops} of tensorflow-decision-forests")
    there = expect(model, "2.15.1", "TensorFlow_Decision.Forests")
    assert there.kind is Kind.LOADS
    assert any("must be built for this TensorFlow" in note for note in there.notes)


MISSING_OPS = [
    ("2.9.3", {}, Kind.NEEDS, "custom op New of words 2.9.0 or later", "words==2.9.0, imported as words"),
    ("2.9.3", {"words": "2.9.0"}, Kind.NEEDS, "custom op New of words, which is installed but not", "words"),
    ("2.9.3", {"words": "2.8.2"}, Kind.NEEDS, "words 2.9.0 or later, but 2.8.2 is installed", "words==2.9.0"),
    (
        "2.8.4",
        {"words": "2.8.2"},
        Kind.FAILS,
        (
            "but 2.8.2, which belongs to TensorFlow 2.8, lacks it; TensorFlow 2.9 is the first whose "
            "release has it"
        ),
        None,
    ),
    (
        "2.18.1",
        {},
        Kind.FAILS,
        (
            "of which no release works on TensorFlow 2.18 on linux-x86_64: the last that works is 2.15.0 on "
            "TensorFlow 2.15"
        ),
        None,
    ),
]


@pytest.fixture
def small_table(tmp_path_factory, monkeypatch):
    """The shipped knowledge, with a small table of packages."""
    path = tmp_path_factory.mktemp("table") / "op_packages.json"
    path.write_text(json.dumps(TABLE))
    monkeypatch.setattr(op_packages, "DATA", path)
    return Knowledge()


@pytest.mark.parametrize(("tensorflow", "packages", "kind", "because", "needs"), MISSING_OPS)
def test_what_a_package_has_in_the_release_that_is_there_or_fits(
    tmp_path, small_table, tensorflow, packages, kind, because, needs
):
    facts = read_facts(write(tmp_path, v2_model(node("New"))))
    found = predict(facts, Target(tensorflow, packages, imports=frozenset()), small_table)
    assert (found.kind, found.stage) == (kind, Stage.LOAD)
    assert because in found.because[0]
    assert bool(found.needs) is bool(needs)
    assert needs is None or found.needs[0].startswith(needs)


@pytest.mark.parametrize(
    ("imports", "kind"),
    [
        ({"words"}, Kind.LOADS),
        ({"words.ops"}, Kind.LOADS),
        (None, Kind.LOADS),
        ({"wordsmith"}, Kind.NEEDS),
        ({"lazy_words"}, Kind.NEEDS),
    ],
)
def test_an_installed_package_must_be_imported(tmp_path, small_table, imports, kind):
    facts = read_facts(write(tmp_path, v2_model(node("New"))))
    imports = None if imports is None else frozenset(imports)
    assert predict(facts, Target("2.9.3", {"words": "2.9.0"}, imports=imports), small_table).kind is kind


def test_an_import_does_not_load_every_library(tmp_path, small_table):
    facts = read_facts(write(tmp_path, v2_model(node("Lazy>One"))))
    target = Target("2.9.3", {"lazy-words": "0.2"}, imports=frozenset({"lazy_words"}))
    found = predict(facts, target, small_table)
    assert found.kind is Kind.NEEDS
    assert found.needs == ("lazy-words with a module that loads lazy_words/ops.so of lazy-words",)


@pytest.mark.parametrize("op", ["ZeroOut", "New"])
def test_ops_that_the_case_may_bring_are_unknown(tmp_path, small_table, op):
    facts = read_facts(write(tmp_path, v2_model(node(op))))
    found = predict(facts, Target("2.9.3", imports=frozenset(), brings=("own.so",)), small_table)
    assert (found.kind, found.confidence) == (Kind.LOADS, Confidence.LOW)
    assert f"custom op {op}: unknown, as the case brings own.so, which may register it" in found.notes


def test_what_the_case_brings_does_not_help_an_op_of_another_tensorflow(expect):
    found = expect(v2_model(node("DisableCopyOnRead")), "2.9.3", imports=frozenset(), brings=("own.so",))
    assert (found.kind, found.confidence) == (Kind.FAILS, Confidence.HIGH)


def test_ops_of_nobody(expect):
    found = expect(v2_model(node("ZeroOut")), "2.15.1")
    assert (found.kind, found.needs) == (Kind.NEEDS, ("the library with ZeroOut",))
    assert "ask for the library that defines it, and give it as `libraries`" in found.because[0]


def test_what_is_needed_does_not_help_where_something_else_fails(expect):
    found = expect(v2_model(node("TfqSimulateExpectation"), node("DisableCopyOnRead")), "2.9.3")
    assert found.kind is Kind.FAILS
    assert found.needs == ("tensorflow-quantum",)


def test_an_attribute_that_came_later(expect):
    model = v1_model(node("VarHandleOp", debug_name={"s": b"w/"}), tensorflow="2.21.0")
    assert expect(model, "2.4.4").because == (
        "op VarHandleOp uses attribute debug_name, which exists from 2.15 on",
    )
    ignored = expect(model, "2.5.3")
    assert ignored.kind is Kind.LOADS
    assert ignored.notes == (
        "op VarHandleOp uses attribute debug_name, which exists from 2.15 on and is ignored before",
    )
    assert expect(model, "2.15.1").notes == ()


def test_a_kernel_that_went_fails_when_it_is_reached(expect):
    model = v1_model(node("BoostedTreesBucketize", "y"))
    found = expect(model, "2.9.3")
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
    assert found.because == ("op BoostedTreesBucketize has a CPU kernel only up to 2.8",)
    assert expect(model, "2.8.4").kind is Kind.LOADS


def test_a_kernel_that_nothing_reaches_is_not_missed(expect):
    assert expect(v1_model(node("BoostedTreesBucketize", "for_training")), "2.9.3").kind is Kind.LOADS


def test_a_session_that_restores_places_every_op_first(expect):
    model = v1_model(node("BoostedTreesBucketize", "y"))
    assert expect(model, "2.9.3", loader=SESSION).stage is Stage.RUN
    model.meta_graphs[0].saver_def.restore_op_name = "save/restore_all"
    assert expect(model, "2.9.3", loader=SESSION).stage is Stage.LOAD


@pytest.mark.parametrize("op", ["CudnnRNNV3", "TPUOrdinalSelector", "NcclAllReduce"])
def test_an_op_for_other_devices_fails_on_a_cpu(expect, op):
    found = expect(v2_model(node(op)), "2.15.1")
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
    assert found.because == (f"op {op} runs on GPUs or TPUs only: no release has a CPU kernel for it",)
    assert expect(v2_model(node(op)), "2.15.1", computes_elsewhere=True).kind is Kind.LOADS
    assert expect(v1_model(node(op, "for_training")), "2.15.1").kind is Kind.LOADS


def test_an_op_that_only_xla_compiles(expect):
    found = expect(v2_model(node("SegmentSumV2")), "2.15.1")
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
    assert found.because[0].startswith("op SegmentSumV2 runs where XLA compiles it only")
    compiled = v2_model(node("SegmentSumV2"), node("Relu", _XlaMustCompile={}))
    assert expect(compiled, "2.15.1").kind is Kind.LOADS
    assert any("SegmentSumV2" in each for each in expect(compiled, "2.15.1").notes)


def test_an_op_that_is_replaced_needs_no_kernel(expect):
    assert expect(v2_model(node("AccumulateNV2")), "2.15.1").kind is Kind.LOADS


def test_a_session_calls_no_functions(expect):
    found = expect(v2_model(), "2.15.1", loader=SESSION, function="f")
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
    assert found.because == ("a session only has signatures, and the case calls the function 'f'",)


REMOTE = "/job:worker/task:1"


@pytest.mark.parametrize("device", [REMOTE, "/job:ps/replica:0/task:0/device:CPU:0", "/job:localhost/task:2"])
def test_an_op_of_another_process_fails_when_it_runs(expect, device):
    for model in (v1_model(node("Relu", "y", device=device)), v2_model(node("Relu", device=device))):
        for loader in (Loader.SAVED_MODEL, SESSION):
            found = expect(model, "2.15.1", loader=loader)
            assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
            assert found.because == (f"ops are placed on {device}, in another process than this one",)


@pytest.mark.parametrize(
    "device", ["", "/device:GPU:0", "/job:localhost/replica:0/task:0/device:CPU:0", "/job:*/task:*/gpu:1"]
)
def test_an_op_of_a_device_of_this_process_is_placed_softly(expect, device):
    assert expect(v1_model(node("Relu", "y", device=device)), "2.15.1").kind is Kind.LOADS


def test_a_session_that_restores_places_what_never_runs(expect):
    model = v1_model(node("Relu", "y"), node("NoOp", "for_training", device=REMOTE))
    assert expect(model, "2.15.1").kind is Kind.LOADS
    model.meta_graphs[0].saver_def.restore_op_name = "save/restore_all"
    assert expect(model, "2.15.1", loader=SESSION).stage is Stage.LOAD


def test_variables_of_a_parameter_server_are_only_placed_by_a_session(expect):
    model = v1_model(node("VarHandleOp", "y", device="/job:ps/task:0"))
    assert expect(model, "2.15.1").kind is Kind.LOADS
    assert expect(model, "2.15.1", loader=SESSION).kind is Kind.FAILS


def with_variables(*shapes):
    variables = [{"variable": {"shape": {"dim": [{"size": each} for each in shape]}}} for shape in shapes]
    return v2_model(objects=[user_object(), *(pb.SavedObject(**each) for each in variables)])


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        ([(3, 2), (2,), (7,)], Kind.LOADS),
        ([(2,)], Kind.FAILS),
        ([(3, 4), (2,)], Kind.FAILS),
        ([(2, 3), (2,)], Kind.FAILS),
    ],
)
def test_variables_of_another_model(tmp_path, stored, kind):
    folder = write(tmp_path, with_variables((3, 2), (2,)))
    index = checkpoint_index(tensors=[tensor_entry(*shape) for shape in stored])
    (folder / "variables/variables.index").write_bytes(index)
    found = predict(read_facts(folder), Target("2.15.1"))
    assert found.kind is kind
    session = predict(read_facts(folder), Target("2.15.1", loader=SESSION))
    assert session.kind is Kind.LOADS
    if kind is Kind.FAILS:
        assert found.because == (
            "variables/ is another model's: it has no value for 1 variable, for example of shape [3, 2]",
        )
        assert any("another model's" in each for each in session.notes)


def test_variables_of_unknown_shape_or_in_slices_are_not_compared(tmp_path):
    unknown = v2_model(objects=[user_object(), pb.SavedObject(variable={"shape": {"dim": [{"size": -1}]}})])
    assert predict(read_facts(write(tmp_path / "a", unknown)), Target("2.15.1")).kind is Kind.LOADS
    sliced = write(tmp_path / "b", with_variables((3, 2)))
    (sliced / "variables/variables.index").write_bytes(
        checkpoint_index(tensors=[tensor_entry(1, 2) + b"\x3a\x00"])
    )
    assert predict(read_facts(sliced), Target("2.15.1")).kind is Kind.LOADS


def test_random_numbers_of_an_algorithm_that_came_later(expect):
    model = v2_model(node("StatelessRandomUniformV2"), tensorflow="2.7.4")
    assert (expect(model, "2.6.5").kind, expect(model, "2.6.5").stage) == (Kind.FAILS, Stage.RUN)
    assert expect(model, "2.7.0").kind is Kind.LOADS
    assert expect(v2_model(node("StatelessRandomUniformV2"), tensorflow="2.6.0"), "2.5.3").kind is Kind.LOADS


def test_a_graph_for_newer_readers(expect):
    model = v2_model()
    model.meta_graphs[0].graph_def.versions.min_consumer = 1000
    found = expect(model, "2.7.4")
    assert (found.because, found.confidence) == (
        ("the graph needs a reader of GraphDef version 1000 or newer",),
        Confidence.MEDIUM,
    )
    assert expect(model, "2.9.3").kind is Kind.LOADS


def test_a_graph_that_names_its_bad_readers(expect):
    model = v2_model()
    model.meta_graphs[0].graph_def.versions.bad_consumers.append(898)
    assert expect(model, "2.7.4").kind is Kind.FAILS
    assert expect(model, "2.8.4").kind is Kind.LOADS


def test_objects_of_a_kind_that_came_later(expect):
    model = v2_model(objects=[pb.SavedObject(captured_tensor={})])
    assert expect(model, "2.5.3").because == ("objects of kind captured_tensor load from 2.6 on",)
    assert expect(model, "2.6.5").kind is Kind.LOADS
    assert expect(model, "2.5.3", loader=SESSION).kind is Kind.LOADS


def test_objects_that_only_their_class_can_bring_back(expect):
    found = expect(v2_model(objects=[pb.SavedObject(registered_name="mine.Thing")]), "2.15.1")
    assert (found.kind, found.needs) == (Kind.NEEDS, ("the module that registers mine.Thing",))


@pytest.mark.parametrize(
    ("name", "kind"), [("my.Type.Spec", Kind.NEEDS), ("tf.StructuredTensorSpec", Kind.LOADS)]
)
def test_types_that_an_import_registers(expect, name, kind):
    spec = {"type_spec_class": pb.TypeSpecProto.EXTENSION_TYPE_SPEC, "type_spec_class_name": name}
    function = pb.SavedObject(function={"function_spec": {"fullargspec": {"type_spec_value": spec}}})
    assert expect(v2_model(objects=[function]), "2.15.1").kind is kind


def test_a_default_argument_that_older_releases_cannot_read(expect):
    function = pb.SavedObject(function={"function_spec": {"fullargspec": {"tensor_value": {}}}})
    model = v2_model(objects=[function], tensorflow="2.14.0")
    assert expect(model, "2.12.1").kind is Kind.FAILS
    assert expect(model, "2.13.1").kind is Kind.LOADS


@pytest.mark.parametrize(
    ("writer", "tensorflow", "kind"),
    [
        ("2.14.0", "2.10.1", Kind.LOADS),
        ("2.14.0", "2.11.1", Kind.FAILS),
        ("2.21.0", "2.12.1", Kind.FAILS),
        ("2.13.1", "2.12.1", Kind.LOADS),
        ("2.14.0", "2.13.1", Kind.LOADS),
    ],
)
def test_tables_that_save_themselves(expect, writer, tensorflow, kind):
    table = pb.SavedObject(resource={}, saveable_objects={"table": {"save_function": 1}})
    assert expect(v2_model(objects=[table], tensorflow=writer), tensorflow).kind is kind


@pytest.mark.parametrize(
    ("tensorflow", "packages", "kind", "needs"),
    [
        ("2.5.3", [], Kind.LOADS, ()),
        ("2.6.5", [], Kind.NEEDS, ("'import keras' before loading the model",)),
        ("2.7.4", [], Kind.LOADS, ()),
        ("2.15.1", [], Kind.LOADS, ()),
        ("2.16.2", [], Kind.NEEDS, ("tf-keras",)),
        ("2.16.2", ["tf_keras"], Kind.LOADS, ()),
        ("2.21.0", [], Kind.NEEDS, ("tf-keras",)),
    ],
)
def test_optimizer_slots(expect, tensorflow, packages, kind, needs):
    found = expect(v2_model(objects=[optimizer(4)]), tensorflow, *packages)
    assert (found.kind, found.needs) == (kind, needs)


def test_optimizer_slots_are_nothing_to_a_session_nor_is_an_optimizer_without_them(expect):
    assert expect(v2_model(objects=[optimizer(4)]), "2.16.2", loader=SESSION).kind is Kind.LOADS
    assert expect(v2_model(objects=[optimizer(0)]), "2.16.2").kind is Kind.LOADS


def test_several_inputs_that_are_one_tensor(expect):
    signature = pb.SignatureDef(inputs={"a": tensor("x:0"), "b": tensor("x:0")})
    model = v1_model(signatures={"s": signature})
    assert expect(model, "2.21.0").because == ("several inputs of signature 's' are the same tensor: x:0",)
    assert expect(model, "2.21.0", loader=SESSION).kind is Kind.LOADS


def test_outputs_that_are_references(expect):
    signature = pb.SignatureDef(outputs={"v": tensor("v:0", pb.DT_FLOAT_REF)})
    model = v1_model(signatures={"s": signature})
    assert expect(model, "2.4.4").because == ("signature 's' returns a variable itself (a reference): v",)
    assert expect(model, "2.4.4", loader=SESSION).kind is Kind.LOADS


@pytest.mark.parametrize(("producer", "kind"), [(21, Kind.FAILS), (22, Kind.LOADS)])
def test_placeholders_of_any_shape_in_the_oldest_graphs(expect, producer, kind):
    model = v1_model(node("Placeholder", "x", shape={"shape": {}}), producer=producer)
    assert expect(model, "2.12.1").kind is kind
    assert expect(model, "2.12.1", loader=SESSION).kind is Kind.LOADS


def test_variables_that_a_session_does_not_restore(expect):
    model = v2_model()
    graph = model.meta_graphs[0]
    graph.graph_def.node[0].input.extend(["a", "b"])
    restore = node("StatefulPartitionedCall", "restore")
    restore.input.append("a")
    graph.graph_def.node.extend([node("VarHandleOp", "a"), node("VarHandleOp", "b"), restore])
    graph.saver_def.restore_op_name = "restore"
    found = expect(model, "2.21.0", loader=SESSION)
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
    assert found.because == ("a session does not restore 1 variables that the signatures read, such as b",)
    assert expect(model, "2.21.0").kind is Kind.LOADS


def test_tables_that_a_session_does_not_initialise(expect):
    model = v1_model(node("NoOp", "main"))
    collections = model.meta_graphs[0].collection_def
    collections["table_initializer"].node_list.value.append("init")
    assert expect(model, "2.21.0", loader=SESSION).stage is Stage.RUN
    assert expect(model, "2.21.0").kind is Kind.LOADS
    collections["saved_model_main_op"].node_list.value.append("main")
    assert expect(model, "2.21.0", loader=SESSION).kind is Kind.LOADS


def wired(op, name, *inputs, **attributes):
    made = node(op, name, **attributes)
    made.input.extend(inputs)
    return made


def legacy(*nodes, y="read", restores=("restored",), **collections):
    """A model of TF 1 whose signature reads the node ``y``, and whose saver runs ``restores``."""
    model = v1_model(*nodes, wired("NoOp", "restore", *(f"^{each}" for each in restores)))
    graph = model.meta_graphs[0]
    graph.signature_def["serving_default"].outputs["y"].name = f"{y}:0"
    graph.saver_def.restore_op_name = "restore"
    for name, entries in collections.items():
        graph.collection_def[name].node_list.value.extend(entries)
    return model


VARIABLES = (
    node("VarHandleOp", "kept"),
    wired("AssignVariableOp", "restored", "kept"),
    node("VarHandleOp", "left"),
    node("VariableV2", "reference"),
)


@pytest.mark.parametrize(
    ("read", "session", "objects", "before"),
    [
        ("kept", Kind.LOADS, Kind.LOADS, Kind.LOADS),
        ("left", Kind.FAILS, Kind.LOADS, Kind.FAILS),
        ("reference", Kind.FAILS, Kind.FAILS, Kind.FAILS),
    ],
)
def test_variables_that_nothing_gives_a_value(expect, read, session, objects, before):
    model = legacy(*VARIABLES, wired("Identity", "read", read))
    assert expect(model, "2.21.0", loader=SESSION).kind is session
    assert expect(model, "2.21.0").kind is objects
    assert expect(model, "2.7.4").kind is before
    noted = any("empty arrays" in note for note in expect(model, "2.8.4").notes)
    assert noted is (read == "left")


def test_a_variable_that_the_main_op_or_the_run_fills_has_a_value(expect):
    assigned = wired("Assign", "init", "reference", "one")
    model = legacy(*VARIABLES, assigned, wired("Identity", "read", "reference"), saved_model_main_op=["init"])
    assert expect(model, "2.21.0", loader=SESSION).kind is Kind.LOADS
    model = legacy(*VARIABLES, assigned, wired("Identity", "read", "reference", "^init"))
    assert expect(model, "2.21.0", loader=SESSION).kind is Kind.LOADS


@pytest.mark.parametrize("loader", [Loader.SAVED_MODEL, SESSION])
def test_tables_that_the_main_op_leaves_out(expect, loader):
    table = (
        node("HashTableV2", "table"),
        wired("LookupTableImportV2", "fill", "table"),
        wired("LookupTableFindV2", "read", "table", "x"),
        node("NoOp", "nothing"),
        wired("NoOp", "all", "^fill"),
    )
    left_out = {"table_initializer": ["fill"], "saved_model_main_op": ["nothing"]}
    found = expect(legacy(*table, **left_out), "2.15.1", loader=loader)
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
    assert "nothing, which runs at load, does not fill 1 of the model's tables" in found.because[0]
    assert expect(legacy(*table, y="x", **left_out), "2.15.1", loader=loader).kind is Kind.LOADS
    gone = {**left_out, "saved_model_main_op": ["gone"]}
    found = expect(legacy(*table, **gone), "2.15.1", loader=loader)
    assert (found.stage, found.because) == (
        Stage.LOAD,
        ("gone, which should run at load, is not in the graph",),
    )
    filled = {**left_out, "saved_model_main_op": ["all"]}
    assert expect(legacy(*table, **filled), "2.15.1", loader=loader).kind is Kind.LOADS


@pytest.mark.parametrize("loader", [Loader.SAVED_MODEL, SESSION])
def test_queues_that_nothing_fills(expect, loader):
    queue = (node("FIFOQueueV2", "queue"), wired("QueueEnqueueV2", "fill", "queue", "x"))
    take = wired("QueueDequeueV2", "read", "queue")
    found = expect(legacy(*queue, take, queue_runners=["runner"]), "2.15.1", loader=loader)
    assert found.because[0].startswith(
        "the signatures read from queue queue, which nothing fills: the model has 1 "
    )
    assert (
        expect(legacy(*queue, take, saved_model_main_op=["fill"]), "2.15.1", loader=loader).kind is Kind.LOADS
    )
    itself = wired("QueueDequeueV2", "read", "queue", "^fill")
    assert expect(legacy(*queue, itself), "2.15.1", loader=loader).kind is Kind.LOADS


@pytest.mark.parametrize("loader", [Loader.SAVED_MODEL, SESSION])
@pytest.mark.parametrize(("y", "kind"), [("read", Kind.FAILS), ("x", Kind.LOADS)])
def test_assets_that_a_signature_reads_itself(expect, loader, y, kind):
    model = legacy(node("Const", "name"), wired("ReadFile", "read", "name"), y=y)
    model.meta_graphs[0].asset_file_def.add(filename="words.txt").tensor_info.name = "name:0"
    assert expect(model, "2.15.1", loader=loader).kind is kind


@pytest.mark.parametrize(
    ("seed", "tensorflow", "deterministic", "kind"),
    [
        (0, "2.15.1", True, Kind.FAILS),
        (0, "2.15.1", False, Kind.LOADS),
        (0, "2.6.5", True, Kind.LOADS),
        (7, "2.15.1", True, Kind.LOADS),
    ],
)
def test_op_determinism_refuses_random_ops_without_a_seed(expect, seed, tensorflow, deterministic, kind):
    model = legacy(node("RandomUniform", "read", seed=pb.AttrValue(i=seed), seed2=pb.AttrValue()))
    assert expect(model, tensorflow, deterministic=deterministic).kind is kind
    assert not any(
        "no seed" in each
        for each in expect(model, tensorflow, deterministic=True, loader=Loader.KERAS).because
    )
    unreached = legacy(node("RandomUniform", "read", seed=pb.AttrValue(i=seed)), y="x")
    assert expect(unreached, tensorflow, deterministic=deterministic).kind is Kind.LOADS


@pytest.mark.parametrize(
    ("others", "kind"),
    [([["train"]], Kind.LOADS), ([["serve", "gpu"]], Kind.LOADS), ([["serve"]], Kind.FAILS)],
)
def test_a_session_chooses_the_graph_for_serving(expect, others, kind):
    model = v1_model()
    for tags in others:
        model.meta_graphs.add().meta_info_def.tags.extend(tags)
    assert expect(model, "2.15.1", loader=SESSION).kind is kind
    assert expect(model, "2.15.1").kind is Kind.FAILS


@pytest.mark.parametrize(
    ("tags", "kind"),
    [(None, Kind.LOADS), (frozenset({"serve"}), Kind.LOADS), (frozenset({"gpu"}), Kind.FAILS)],
)
def test_tags(expect, tags, kind):
    assert expect(v1_model(), "2.15.1", tags=tags).kind is kind


def test_of_several_graphs_one_has_to_be_chosen(expect):
    model = v1_model()
    model.meta_graphs.add().meta_info_def.tags.append("train")
    found = expect(model, "2.15.1")
    assert found.because == ("the model has 2 graphs, and no tags choose one; it has serve; train",)
    assert expect(model, "2.15.1", tags=frozenset({"train"})).kind is Kind.LOADS


def test_missing_files(expect):
    assert expect(v2_model(), "2.15.1", index=False).because == ("variables/variables.index is missing",)


def test_a_graph_without_variables_needs_no_index(expect):
    assert expect(v1_model(node("Identity")), "2.15.1", index=False).kind is Kind.LOADS


def test_missing_shards(tmp_path):
    folder = write(tmp_path, v2_model())
    (folder / "variables" / "variables.index").write_bytes(checkpoint_index(2))
    (folder / "variables" / "variables.data-00001-of-00002").write_bytes(b"")
    (folder / "variables" / "variables.data-00000-of-00001").unlink()
    found = predict(read_facts(folder), Target("2.15.1"))
    assert found.because == ("1 of 2 data files are missing: variables/variables.data-00000-of-00002",)


def test_a_missing_asset_matters_where_a_table_is_read_from_one(expect):
    model = v1_model(node("Identity"))
    packed = pb.AssetFileDef(filename="gone.txt")
    model.meta_graphs[0].asset_file_def.append(packed)
    assert expect(model, "2.15.1").notes == ("declared assets are missing: gone.txt",)
    model.meta_graphs[0].graph_def.node.append(node("InitializeTableFromTextFileV2"))
    assert expect(model, "2.15.1").kind is Kind.FAILS


def test_defaults_of_a_signature_are_for_sessions(expect):
    signature = pb.SignatureDef(inputs={"x": tensor("x:0")})
    signature.defaults["x"].dtype = pb.DT_FLOAT
    found = expect(v1_model(signatures={"s": signature}), "2.15.1")
    assert found.notes == ("signature 's': pass x too: this loader ignores the model's default values",)


MODEL = ("_tf_keras_sequential", {"class_name": "Sequential", "keras_version": "2.7.0"})


def keras_model():
    children = [{"node_id": 1, "local_name": "__call__"}]
    return v2_model(
        objects=[user_object("_tf_keras_sequential", children=children), pb.SavedObject(function={})]
    )


@pytest.mark.parametrize(
    ("loader", "tensorflow", "packages", "variables", "kind"),
    [
        (Loader.KERAS, "2.4.4", [], {}, Kind.FAILS),
        (Loader.KERAS, "2.5.3", [], {}, Kind.FAILS),
        (Loader.KERAS, "2.6.5", [], {}, Kind.LOADS),
        (Loader.KERAS, "2.15.1", [], {}, Kind.LOADS),
        (Loader.KERAS, "2.16.2", [], {}, Kind.FAILS),
        (Loader.KERAS, "2.16.2", ["tf-keras"], {}, Kind.FAILS),
        (Loader.KERAS, "2.16.2", ["tf-keras"], {"TF_USE_LEGACY_KERAS": "1"}, Kind.LOADS),
        (Loader.TF_KERAS, "2.16.2", [], {}, Kind.NEEDS),
        (Loader.TF_KERAS, "2.16.2", ["tf-keras"], {}, Kind.LOADS),
        (Loader.TFSM_LAYER, "2.15.1", [], {}, Kind.FAILS),
        (Loader.TFSM_LAYER, "2.16.2", [], {}, Kind.LOADS),
    ],
)
def test_the_loaders_of_keras(expect, loader, tensorflow, packages, variables, kind):
    found = expect(
        keras_model(),
        tensorflow,
        *packages,
        metadata=keras_metadata(MODEL),
        loader=loader,
        variables=variables,
    )
    assert found.kind is kind


def test_keras_needs_an_object_graph(expect):
    found = expect(v1_model(), "2.12.1", loader=Loader.KERAS)
    assert found.because == ("load_model needs an object graph, but this model has none",)


def test_load_model_does_not_call_signatures(expect):
    found = expect(keras_model(), "2.15.1", loader=Loader.KERAS, signature="other")
    assert "the case calls signature 'other'" in found.because[0]


@pytest.mark.parametrize(
    ("takes", "kind"), [((None, 2), Kind.LOADS), ((3, 2), Kind.LOADS), ((None, 4), Kind.FAILS)]
)
def test_a_signature_of_other_inputs_than_the_model_s(expect, takes, kind):
    shape = {"dim": [{"size": -1 if size is None else size} for size in takes]}
    traced = function_model(spec("self", "inputs"), ([dense(shape=shape)], {}))
    graph = traced.meta_graphs[0]
    taken = pb.TensorInfo(name="x:0", dtype=pb.DT_FLOAT, tensor_shape={"dim": [{"size": -1}, {"size": 2}]})
    graph.signature_def["serving_default"].inputs["x"].CopyFrom(taken)
    found = expect(traced, "2.15.1", loader=Loader.KERAS, signature="serving_default")
    own = [each for each in found.because if "not its signature" in each]
    assert bool(own) is (kind is Kind.FAILS)


def test_what_is_no_model_of_keras_loads_but_cannot_be_called(expect):
    layer = user_object("_tf_keras_layer", metadata='{"class_name": "Dense"}')  # inside a module, as in 2.4
    for model in (v2_model(), v2_model(objects=[user_object(), layer])):
        found = expect(model, "2.12.1", loader=Loader.KERAS)
        assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
        says = "Keras did not save it as a model, so what load_model restores of it cannot be called"
        assert found.because == (says,)
        assert expect(model, "2.12.1", loader=Loader.KERAS, function="serve").kind is Kind.LOADS
        assert expect(model, "2.12.1").kind is Kind.LOADS


def test_a_model_of_keras_without_its_metadata(expect):
    inside = v2_model(objects=[user_object(), user_object("_tf_keras_layer")])
    for model in (keras_model(), inside):  # as from model.export of 2.12, and a module that holds a layer
        found = expect(model, "2.12.1", loader=Loader.KERAS)
        assert (found.kind, found.stage) == (Kind.FAILS, Stage.LOAD)
        says = "the model has objects of Keras, but not the metadata that only model.save writes"
        assert found.because == (f"{says} (keras_metadata.pb)",)
        assert expect(model, "2.12.1").kind is Kind.LOADS


def test_an_empty_metadata_file_is_said_where_keras_reads_it(expect):
    model = keras_model()
    found = expect(model, "2.12.1", metadata=b"", loader=Loader.KERAS)
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
    assert found.because == ("keras_metadata.pb is empty, so Keras restores none of its layers",)
    # Other loaders do not read it, and neither does the Keras of 2.5.
    assert expect(model, "2.12.1", metadata=b"").kind is Kind.LOADS
    old = expect(model, "2.5.3", metadata=b"", loader=Loader.KERAS)
    assert not [reason for reason in old.because if "is empty" in reason]


def test_an_example_model_whose_metadata_file_is_empty(tmp_path):
    shutil.copytree(EXAMPLES / "cnn", tmp_path / "cnn")
    (tmp_path / "cnn" / "keras_metadata.pb").write_bytes(b"")
    facts = read_facts(tmp_path / "cnn")
    assert facts.keras is not None, "it is still of Keras"
    assert "keras_metadata.pb is empty" in " ".join(
        predict(facts, Target("2.12.1", loader=Loader.KERAS)).because
    )


@pytest.mark.parametrize(
    ("identifier", "facts", "needs"),
    [
        ("_tf_keras_layer", {"class_name": "MyCustomLayer"}, ()),
        (
            "_tf_keras_layer",
            {"class_name": "Own", "must_restore_from_config": True},
            ("the module of Own",),
        ),
        ("_tf_keras_layer", {"class_name": "TFOpLambda", "must_restore_from_config": True}, ()),
        (
            "_tf_keras_layer",
            {"class_name": "Addons>GroupNormalization", "must_restore_from_config": True},
            ("tensorflow-addons",),
        ),
        ("_tf_keras_metric", {"class_name": "Mean"}, ()),
        ("_tf_keras_metric", {"class_name": "Custom>F1Score"}, ()),
        ("_tf_keras_metric", {"class_name": "Addons>F1Score"}, ()),
    ],
)
def test_classes_that_keras_has_not(expect, identifier, facts, needs):
    metadata = keras_metadata(MODEL, (identifier, facts))
    found = expect(keras_model(), "2.12.1", metadata=metadata, loader=Loader.KERAS)
    assert found.needs == needs
    assert expect(keras_model(), "2.12.1", metadata=metadata).kind is Kind.LOADS


def test_a_loss_without_a_name(expect):
    model = (
        "_tf_keras_sequential",
        {"class_name": "Sequential", "training_config": {"loss": {"a": "<lambda>"}}},
    )
    found = expect(keras_model(), "2.12.1", metadata=keras_metadata(model), loader=Loader.KERAS)
    assert (found.kind, found.needs) == (Kind.LOADS, ())  # it is loaded uncompiled


def test_doubts_about_keras(expect):
    function = {"class_name": "__tuple__", "items": ["4wE="]}
    layer = ("_tf_keras_layer", {"name": "twice", "class_name": "Lambda", "config": {"function": function}})
    found = expect(keras_model(), "2.6.5", metadata=keras_metadata(MODEL, layer), loader=Loader.KERAS)
    assert found.kind is Kind.LOADS
    assert found.confidence is Confidence.MEDIUM
    assert [note for note in found.notes if "bad marshal data" in note]
    assert [note for note in found.notes if "Keras 2.7.0 wrote" in note]


# As they came out in 18 releases, with this loader.
@pytest.mark.parametrize("name", ["cnn", "rnn"])
def test_the_compiled_example_models(name):
    facts = read_facts(EXAMPLES / name)
    kinds = {minor: predict(facts, Target(f"2.{minor}.0")).kind for minor in range(4, 22)}
    assert kinds == {minor: Kind.NEEDS if minor == 6 or minor >= 16 else Kind.LOADS for minor in range(4, 22)}


def test_the_example_model_that_is_not_compiled():
    facts = read_facts(EXAMPLES / "custom_layer")
    assert {predict(facts, Target(f"2.{minor}.0")).kind for minor in range(4, 22)} == {Kind.LOADS}


def test_what_a_hostile_model_makes_it_say_is_bounded(expect):
    model = v2_model(*(node(f"Odd{number}{'x' * 1000}") for number in range(300)))
    graph = model.meta_graphs[0]
    for number in range(300):
        graph.asset_file_def.add(filename=f"{number}{'y' * 1000}")
    found = expect(model, "2.15.1")
    for texts in (found.because, found.needs, found.notes):
        assert len(texts) <= 51
        assert all(len(each) < 1100 for each in texts)
    assert [each for each in found.notes if each.startswith("declared assets") and "and 292 more" in each]


def reading(kind="ReadFile", path="/data/words.txt"):
    return v1_model(string("c", path), op("y", kind, "c"))


def test_a_file_outside_the_model_is_needed_where_it_is_not_known_to_exist(expect):
    found = expect(reading(), "2.15.1")
    assert (found.kind, found.stage, found.confidence) == (Kind.NEEDS, Stage.RUN, Confidence.HIGH)
    assert found.needs == ("/data/words.txt",)
    says = "reads /data/words.txt, outside the model; will fail where that is missing"
    assert found.because == (f"not self-contained: {says}",)
    assert found.notes == ()


def test_where_the_file_exists_the_model_loads_and_the_note_says_that_it_may_not_elsewhere(expect):
    found = expect(reading(), "2.15.1", files=frozenset({"/data/words.txt"}))
    assert (found.kind, found.confidence) == (Kind.LOADS, Confidence.MEDIUM)
    assert found.notes[0].endswith("will fail where that is missing")


def test_a_table_filled_from_a_file_outside_fails_at_load(expect):
    nodes = (string("c", "words.txt"), op("fill", "InitializeTableFromTextFileV2", "t", "c"))
    model = v1_model(*nodes, op("init", "NoOp", "^fill"), node("HashTableV2", "t"), node("Add", "y"))
    model.meta_graphs[0].collection_def["saved_model_main_op"].node_list.value.append("init")
    found = expect(model, "2.15.1")
    assert (found.kind, found.stage) == (Kind.NEEDS, Stage.LOAD)
    assert "words.txt (relative to the working folder), outside" in found.because[0]


def test_a_pattern_that_matches_nothing_is_no_failure(expect):
    found = expect(reading("MatchingFiles", "/data/*.txt"), "2.15.1")
    assert (found.kind, found.confidence) == (Kind.LOADS, Confidence.MEDIUM)
    assert "may give other results or fail where that is missing" in found.notes[0]


def test_many_files_outside_are_counted(expect):
    model = v1_model(string("c", *map("/data/{}".format, range(9))), op("y", "TFRecordDataset", "c"))
    files = frozenset(map("/data/{}".format, range(9)))
    (note,) = expect(model, "2.15.1", files=files).notes
    assert note.endswith("/data/2 and 6 more, outside the model; will fail where one of them is missing")


@pytest.mark.parametrize("loader", [Loader.SAVED_MODEL, Loader.V1_SESSION])
def test_a_signature_that_the_model_does_not_have(expect, loader):
    found = expect(v2_model(), "2.15.1", loader=loader, signature="score")
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
    assert found.because == ("the model has no signature 'score'; it has serving_default",)
    assert expect(v2_model(), "2.15.1", loader=loader, signature="serving_default").kind is Kind.LOADS
    called = expect(v2_model(), "2.15.1", loader=loader, signature="score", function="f")
    assert not any("score" in each for each in called.because)


def test_a_model_of_functions_only(expect):
    model = layer_model(functions={"f": keras_function("inputs")})
    del model.meta_graphs[0].signature_def["serving_default"]
    found = expect(model, "2.15.1", signature="serving_default")
    assert found.because == ("the model has no signature 'serving_default', and only functions: f",)


@pytest.mark.parametrize(("brings", "kind"), [("code.py", Kind.NEEDS), ("ops/scann.so", Kind.LOADS)])
def test_code_does_not_bring_the_ops_of_a_package_that_is_not_installed(expect, brings, kind):
    model = v2_model(node("Scann>TensorsToScann"), tensorflow="2.9.3")
    assert expect(model, "2.9.3", brings=(brings,)).kind is kind


def layer_model(inputs=("a", "b"), functions=None):
    """A model with a signature of these inputs, and functions that are attributes of its root object."""
    functions = functions or {}
    children = [{"node_id": number, "local_name": name} for number, name in enumerate(functions, 1)]
    model = v2_model(objects=[user_object(children=children), *functions.values()])
    signature = model.meta_graphs[0].signature_def["serving_default"]
    signature.inputs.clear()
    for name in inputs:
        signature.inputs[name].CopyFrom(tensor(f"{name}:0"))
    return model


def test_a_layer_cannot_call_a_signature_of_several_inputs(expect):
    found = expect(layer_model(), "2.18.1", loader=LAYER, signature="serving_default")
    assert (found.kind, found.stage, found.confidence) == (Kind.FAILS, Stage.RUN, Confidence.HIGH)
    assert found.because == (
        "TFSMLayer passes one argument by position, but signature 'serving_default' takes a and b by name",
    )


@pytest.mark.parametrize("target", [{"loader": LAYER, "signature": "serving_default"}, {"loader": LAYER}])
def test_a_layer_calls_a_signature_of_one_input(expect, target):
    assert expect(layer_model(inputs=("a",)), "2.18.1", **target).kind is Kind.LOADS


def test_only_a_layer_cannot(expect):
    assert expect(layer_model(), "2.18.1", signature="serving_default").kind is Kind.LOADS


def test_a_layer_of_a_keras_without_it_fails_for_that_reason_only(expect):
    found = expect(layer_model(), "2.15.1", loader=LAYER, signature="serving_default")
    assert found.because == ("TFSMLayer is part of Keras 3, which TensorFlow has from 2.16 on",)


def test_many_inputs_are_not_all_named(expect):
    found = expect(layer_model(inputs=[f"x{n}" for n in range(20)]), "2.18.1", loader=LAYER)
    assert "takes x0, x1" in found.because[0]
    assert "and 12 more by name" in found.because[0]


def keras_function(*arguments, defaults=0):
    spec = pb.StructuredValue(named_tuple_value={"name": "FullArgSpec"})
    args = pb.StructuredValue(
        list_value={"values": [pb.StructuredValue(string_value=each) for each in arguments]}
    )
    given = pb.StructuredValue(tuple_value={"values": [pb.StructuredValue(bool_value=False)] * defaults})
    spec.named_tuple_value.values.add(key="args", value=args)
    spec.named_tuple_value.values.add(key="defaults", value=given)
    return pb.SavedObject(function={"function_spec": {"fullargspec": spec}})


@pytest.mark.parametrize(("defaults", "kind"), [(0, Kind.FAILS), (1, Kind.LOADS)])
def test_a_function_that_needs_training_is_not_for_a_layer(expect, defaults, kind):
    functions = {"__call__": keras_function("self", "inputs", "training", defaults=defaults)}
    found = expect(layer_model(functions=functions), "2.18.1", loader=LAYER, function="__call__")
    assert found.kind is kind
    if kind is Kind.FAILS:
        assert found.because == ("'__call__' needs training, which TFSMLayer does not pass on",)
        assert found.stage is Stage.RUN


def test_an_endpoint_that_the_model_does_not_have(expect):
    functions = {"__call__": keras_function("inputs")}
    found = expect(layer_model(functions=functions), "2.18.1", loader=LAYER, function="serve")
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.LOAD)
    assert found.because == (
        "the model has no endpoint 'serve' for TFSMLayer; it has: serving_default, __call__",
    )
    calls = {"loader": LAYER, "signature": "serving_default", "endpoint": "__call__"}
    assert expect(layer_model(functions=functions), "2.18.1", **calls).kind is Kind.LOADS


def custom_model():
    return keras_metadata(
        ("_tf_keras_sequential", {"class_name": "Sequential", "name": "all"}),
        ("_tf_keras_layer", {"class_name": "Mine", "name": "one"}),
        ("_tf_keras_layer", {"class_name": "Mine", "name": "two"}),
        ("_tf_keras_metric", {"class_name": "MyMetric", "name": "m"}),
    )


def test_a_class_of_which_nothing_was_traced_is_needed(expect):
    metric = ("_tf_keras_metric", {"class_name": "MyMetric", "name": "m"})
    asked = {"metadata": keras_metadata(("_tf_keras_layer", {"class_name": "Mine", "name": "one"}), metric)}
    found = expect(v2_model(), "2.15.1", loader=Loader.KERAS, **asked)
    assert (found.kind, found.stage, found.needs) == (Kind.NEEDS, Stage.LOAD, ("the module of Mine",))
    assert found.because == ("what Mine computes was not saved (save_traces=False)",)
    for target in ({"brings": ("mine.py",), "loader": Loader.KERAS}, {}):
        assert expect(v2_model(), "2.15.1", **target, **asked).kind is Kind.LOADS
    traced = layer_model(functions={"__call__": keras_function("inputs")})
    assert expect(traced, "2.15.1", loader=Loader.KERAS, **asked).kind is Kind.LOADS


@pytest.mark.parametrize(
    ("loader", "lost"),
    [
        (Loader.KERAS, ("Mine",)),
        (Loader.TF_KERAS, ("Mine",)),
        (Loader.SAVED_MODEL, ("Sequential", "Mine", "MyMetric")),
        (LAYER, ("Sequential", "Mine", "MyMetric")),
    ],
)
def test_the_classes_that_a_loader_loses(tmp_path, loader, lost):
    folder = write(tmp_path, v2_model())
    (folder / "keras_metadata.pb").write_bytes(custom_model())
    assert lost_classes(read_facts(folder).keras, loader, knowledge()) == lost


def test_a_stand_in_is_said_unless_code_is_given(expect):
    says = "Keras restores a stand-in for Mine: it runs what was traced; `modules` keeps the class"
    asked = {"metadata": custom_model(), "loader": Loader.KERAS}
    model = layer_model(functions={"__call__": keras_function("inputs")})
    assert says in expect(model, "2.15.1", **asked).notes
    assert says not in expect(model, "2.15.1", **asked, brings=("mine.py",)).notes
    assert says not in expect(model, "2.15.1", metadata=custom_model()).notes
    assert says not in expect(model, "2.18.1", **asked).notes, "Keras 3 restores nothing"


def told(folder, model, signature="serving_default"):
    return told_of(read_facts(write(folder, model)), signature)


def test_what_a_model_tells_causes(tmp_path):
    assert told(tmp_path, layer_model()) == {"takes": "a and b by name"}
    assert told(tmp_path, layer_model(inputs=("a",)), "other") == {
        "takes": "a by name",
        "at_once": "serving_default",
    }, "the only signature, where there is none of this name"
    assert told(tmp_path, layer_model(inputs=())) == {"takes": "no input"}


HALF = {"T": {"type": pb.DT_BFLOAT16}}
NEW_CPU = frozenset({"avx2", "avx512f", "avx512_vnni"})


def test_bfloat16_without_onednn(expect):
    model = v2_model(node("FusedBatchNormV3", **HALF), node("Conv2D", **HALF), tensorflow="2.12.1")
    off = {"TF_ENABLE_ONEDNN_OPTS": "0"}
    found = expect(model, "2.12.1", variables=off, cpu_flags=NEW_CPU)
    assert (found.kind, found.stage, found.confidence) == (Kind.FAILS, Stage.RUN, Confidence.HIGH)
    assert found.because[0].startswith("op FusedBatchNormV3: no bfloat16 in TensorFlow 2.12 on a CPU without")
    assert expect(model, "2.15.1", variables=off, cpu_flags=NEW_CPU).kind is Kind.LOADS
    assert expect(model, "2.12.1", cpu_flags=frozenset({"avx2"})).kind is Kind.FAILS


@pytest.mark.parametrize("flags", [NEW_CPU, frozenset()])
def test_bfloat16_where_onednn_may_compute_it_is_a_note(expect, flags):
    found = expect(v2_model(node("FusedBatchNormV3", **HALF), tensorflow="2.12.1"), "2.12.1", cpu_flags=flags)
    assert found.kind is Kind.LOADS
    assert any("bfloat16 in 1 op (FusedBatchNormV3) depends on oneDNN" in note for note in found.notes)


def test_bfloat16_elsewhere_and_float32_are_nobodys_business(expect):
    off = {"TF_ENABLE_ONEDNN_OPTS": "0"}
    model = v2_model(node("FusedBatchNormV3", **HALF), tensorflow="2.12.1")
    assert expect(model, "2.12.1", variables=off, computes_elsewhere=True).notes == ()
    model = v2_model(node("FusedBatchNormV3", T={"type": pb.DT_FLOAT}), tensorflow="2.12.1")
    assert expect(model, "2.12.1", variables=off).kind is Kind.LOADS


def test_bfloat16_fused_for_onednn_on_a_cpu_that_lacks_it(expect):
    model = v2_model(node("Conv2D", **HALF), node("BiasAdd", **HALF), tensorflow="2.12.1")
    given = {"variables": {"TF_ENABLE_ONEDNN_OPTS": "1"}, "cpu_flags": frozenset({"avx2"})}
    found = expect(model, "2.12.1", **given)
    assert (found.kind, found.stage) == (Kind.FAILS, Stage.RUN)
    assert "fuses them into an op that this CPU has no kernel for" in found.because[0]
    assert expect(model, "2.12.1", **given, grappler=False).kind is Kind.LOADS
    assert expect(model, "2.15.1", **given).kind is Kind.LOADS
    assert expect(model, "2.12.1", cpu_flags=frozenset({"avx2"})).kind is Kind.LOADS


def test_bfloat16_is_that_of_the_signature_that_runs(expect):
    model = v2_model(node("FusedBatchNormV3", **HALF), tensorflow="2.12.1")
    graph = model.meta_graphs[0]
    graph.graph_def.node.append(node("Placeholder", "z"))
    graph.signature_def["other"].CopyFrom(pb.SignatureDef(outputs={"z": tensor("z:0")}))
    kinds = {
        entry: expect(model, "2.12.1", signature=entry, cpu_flags=frozenset({"avx2"})).kind
        for entry in ("serving_default", "other", None)
    }
    assert kinds == {"serving_default": Kind.FAILS, "other": Kind.LOADS, None: Kind.FAILS}
