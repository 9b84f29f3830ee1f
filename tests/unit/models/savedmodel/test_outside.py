from __future__ import annotations

import pytest
from built_models import node, user_object, v1_model, v2_model, write
from flow_models import function, op, string
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.outside import OutsidePath, Reads, When
from savedmodel_matrix.models.savedmodel.strings import Constant

WORDS = "/data/words.txt"


def outside(tmp_path, model):
    return read_facts(write(tmp_path / "model", model)).outside


def paths(tmp_path, *nodes):
    """The paths that a graph's signature reads, whose output is the node ``y``."""
    return [each.path for each in outside(tmp_path, v1_model(*nodes))]


def with_init(model, init="init"):
    model.meta_graphs[0].collection_def["saved_model_main_op"].node_list.value.append(init)
    return model


def test_a_file_read_by_a_signature(tmp_path):
    model = v1_model(string("c", WORDS), op("y", "ReadFile", "c"))
    assert outside(tmp_path, model) == (
        OutsidePath(WORDS, Reads.FILE, When.RUN, ("ReadFile",), (Constant("", "c", 0),)),
    )


def table(path="c"):
    return (op("t", "HashTableV2"), op("fill", "InitializeTableFromTextFileV2", "t", path))


def test_a_table_filled_at_load(tmp_path):
    model = v1_model(string("c", WORDS), *table(), op("init", "NoOp", "^fill"), op("y", "Identity", "x"))
    (found,) = outside(tmp_path, with_init(model))
    assert (found.path, found.when) == (WORDS, When.LOAD)


def test_a_table_whose_initialiser_only_a_collection_names(tmp_path):
    model = v1_model(string("c", WORDS), *table(), op("y", "Identity", "x"))
    model.meta_graphs[0].collection_def["table_initializer"].node_list.value.append("fill")
    assert [each.when for each in outside(tmp_path, model)] == [When.LOAD]


def test_what_nothing_runs_is_not_read(tmp_path):
    assert paths(tmp_path, string("c", WORDS), op("never", "ReadFile", "c"), op("y", "Identity", "x")) == []


def test_an_asset_follows_the_model(tmp_path):
    model = v1_model(string("c", WORDS), *table(), op("init", "NoOp", "^fill"), op("y", "Identity", "x"))
    asset = pb.AssetFileDef(tensor_info={"name": "c:0"}, filename="words.txt")
    model.meta_graphs[0].asset_file_def.append(asset)
    assert outside(tmp_path, with_init(model)) == ()


def test_an_asset_of_tensorflow_1_follows_the_model(tmp_path):
    model = v1_model(string("c", WORDS), *table(), op("init", "NoOp", "^fill"), op("y", "Identity", "x"))
    asset = pb.AssetFileDef(tensor_info={"name": "c:0"}, filename="words.txt").SerializeToString()
    packed = b"\x12" + bytes([len(asset)]) + asset
    model.meta_graphs[0].collection_def["saved_model_assets"].any_list.MergeFromString(
        b"\x0a" + bytes([len(packed)]) + packed
    )
    assert outside(tmp_path, with_init(model)) == ()


def test_what_a_caller_gives_is_no_part_of_the_model(tmp_path):
    assert (
        paths(tmp_path, op("x", "PlaceholderWithDefault", "c"), string("c", WORDS), op("y", "ReadFile", "x"))
        == []
    )


def test_a_placeholder_that_is_no_input_has_its_default(tmp_path):
    nodes = (string("c", WORDS), op("p", "PlaceholderWithDefault", "c"), op("y", "ReadFile", "p"))
    assert paths(tmp_path, *nodes) == [WORDS]


def restoring():
    return (
        string("prefix", "model"),
        op("restore", "RestoreV2", "prefix"),
        op("init", "NoOp", "^restore"),
        op("y", "Identity", "x"),
    )


def test_the_savers_own_prefix_is_given_by_the_loader(tmp_path):
    model = v1_model(*restoring())
    saver = model.meta_graphs[0].saver_def
    saver.restore_op_name, saver.filename_tensor_name = "init", "prefix:0"
    assert outside(tmp_path, model) == ()


def test_a_checkpoint_that_no_saver_gives(tmp_path):
    (found,) = outside(tmp_path, with_init(v1_model(*restoring())))
    assert (found.path, found.reads) == ("model", Reads.PREFIX)


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [
        (("c",), "TFRecordDataset"),
        (("c",), "TFRecordDatasetV2"),
        (("c",), "TextLineDataset"),
        (("c",), "FixedLengthRecordDatasetV2"),
        (("c",), "LMDBDataset"),
        (("c",), "MatchingFiles"),
        (("c",), "MatchingFilesDataset"),
        (("x", "c"), "InitializeTableFromTextFile"),
        (("c",), "LoadAndRemapMatrix"),
        (("x", "c"), "GenerateVocabRemapping"),
    ],
)
def test_every_op_that_opens_files(tmp_path, inputs, kind):
    assert paths(tmp_path, string("c", WORDS), op("y", kind, *inputs)) == [WORDS]


@pytest.mark.parametrize("kind", ["SaveV2", "WriteFile", "MergeV2Checkpoints"])
def test_an_op_that_only_writes_needs_no_file(tmp_path, kind):
    assert paths(tmp_path, string("c", WORDS), op("y", kind, "c", "c")) == []


def test_several_files_with_the_places_of_their_strings(tmp_path):
    model = v1_model(string("c", "/a", "/b"), op("y", "TFRecordDataset", "c"))
    found = outside(tmp_path, model)
    assert [(each.path, each.constants[0].index) for each in found] == [("/a", 0), ("/b", 1)]


def test_joined_strings(tmp_path):
    nodes = (string("folder", "/data"), string("c", "a.txt", "b.txt"))
    join = op("j", "StringJoin", "folder", "c", separator={"s": b"/"})
    model = v1_model(*nodes, join, op("y", "ReadFile", "j"))
    found = outside(tmp_path, model)
    assert [each.path for each in found] == ["/data/a.txt", "/data/b.txt"]
    assert found[1].constants == (Constant("", "c", 1),)


def test_a_joined_string_with_an_unknown_part_is_unknown(tmp_path):
    nodes = (string("folder", "/data/"), op("j", "StringJoin", "folder", "x"), op("y", "ReadFile", "j"))
    assert paths(tmp_path, *nodes) == []


def test_through_a_variable(tmp_path):
    nodes = (
        string("c", WORDS),
        op("v", "VarHandleOp"),
        op("assign", "AssignVariableOp", "v", "c"),
        op("read", "ReadVariableOp", "v"),
        op("y", "ReadFile", "read"),
    )
    assert paths(tmp_path, *nodes) == [WORDS]


def test_through_a_queue_to_a_reader(tmp_path):
    nodes = (
        string("c", WORDS),
        op("queue", "FIFOQueueV2"),
        op("enqueue", "QueueEnqueueManyV2", "queue", "c"),
        op("reader", "WholeFileReaderV2"),
        op("y", "ReaderReadV2", "reader", "queue"),
    )
    assert paths(tmp_path, *nodes) == [WORDS]


def test_through_a_dataset_to_its_function(tmp_path):
    reading = function("f", ["name", "unused"], [op("r", "ReadFile", "name")], {"z": "r:contents:0"})
    model = v1_model(
        string("c", WORDS),
        op("files", "TensorSliceDataset", "c"),
        op("many", "RepeatDataset", "files", "x"),
        op("y", "MapDataset", "many", "x", f={"func": {"name": "f"}}),
    )
    model.meta_graphs[0].graph_def.library.function.append(reading)
    assert [each.path for each in outside(tmp_path, model)] == [WORDS]


@pytest.mark.parametrize(("call", "inputs"), [("PartitionedCall", ["x", "c"]), ("If", ["x", "x", "c"])])
def test_an_argument_of_a_called_function(tmp_path, call, inputs):
    inner = function("f", ["a", "b"], [op("r", "ReadFile", "b")], {"z": "r:contents:0"})
    model = v1_model(string("c", WORDS), op("y", call, *inputs, then_branch={"func": {"name": "f"}}))
    model.meta_graphs[0].graph_def.library.function.append(inner)
    (found,) = outside(tmp_path, model)
    assert (found.path, found.constants) == (WORDS, (Constant("", "c", 0),))


def test_a_constant_that_a_function_returns(tmp_path):
    inner = function("f", [], [string("c", WORDS)], {"z": "c:output:0"})
    call = op("call", "PartitionedCall", f={"func": {"name": "f"}})
    model = v1_model(call, op("y", "ReadFile", "call"))
    model.meta_graphs[0].graph_def.library.function.append(inner)
    (found,) = outside(tmp_path, model)
    assert found.constants == (Constant("f", "c", 0),)


def test_functions_that_call_each_other_endlessly(tmp_path):
    call = op("call", "PartitionedCall", "a", f={"func": {"name": "f"}})
    inner = function("f", ["a"], [call, op("r", "ReadFile", "a")], {"z": "call:output:0"})
    model = v1_model(op("y", "PartitionedCall", "c", f={"func": {"name": "f"}}), string("c", WORDS))
    model.meta_graphs[0].graph_def.library.function.append(inner)
    assert [each.path for each in outside(tmp_path, model)] == [WORDS]


def test_a_function_of_the_object_graph_reads_what_it_captures(tmp_path):
    """As ``tf.saved_model.load`` binds it: no node of the graph calls it."""
    model = v2_model(objects=[user_object(), pb.SavedObject(constant={"operation": "c"})])
    graph = model.meta_graphs[0]
    graph.graph_def.node.append(string("c", WORDS))
    reading = function("__inference_g_2", ["a", "captured"], [op("r", "ReadFile", "captured")], {})
    graph.graph_def.library.function.append(reading)
    graph.object_graph_def.concrete_functions["__inference_g_2"].bound_inputs.append(1)
    (found,) = outside(tmp_path, model)
    assert (found.path, found.when) == (WORDS, When.CALL)


def test_an_asset_object_is_no_constant(tmp_path):
    model = v2_model(objects=[user_object(), pb.SavedObject(asset={"asset_file_def_index": 0})])
    graph = model.meta_graphs[0]
    reading = function("__inference_g_2", ["captured"], [op("r", "ReadFile", "captured")], {})
    graph.graph_def.library.function.append(reading)
    graph.object_graph_def.concrete_functions["__inference_g_2"].bound_inputs.append(1)
    assert outside(tmp_path, model) == ()


def test_one_path_for_several_ops_is_read_at_the_earliest_time(tmp_path):
    nodes = (
        string("c", WORDS),
        *table(),
        op("init", "NoOp", "^fill"),
        op("y", "ReadFile", "d"),
        string("d", WORDS),
    )
    (found,) = outside(tmp_path, with_init(v1_model(*nodes)))
    assert found.when is When.LOAD
    assert found.ops == ("InitializeTableFromTextFileV2", "ReadFile")
    assert [each.node for each in found.constants] == ["c", "d"]


@pytest.mark.parametrize("value", ["", "a\0b", "x" * 40_000])
def test_strings_that_are_no_paths(tmp_path, value):
    assert paths(tmp_path, string("c", value), op("y", "ReadFile", "c")) == []


def test_a_file_url_is_a_path(tmp_path):
    assert paths(tmp_path, string("c", f"file://{WORDS}"), op("y", "ReadFile", "c")) == [WORDS]


def test_at_most_a_hundred_are_named(tmp_path):
    assert len(paths(tmp_path, string("c", *map(str, range(1000))), op("y", "TFRecordDataset", "c"))) == 100


def test_joins_that_multiply_are_not_followed(tmp_path):
    nodes = [string("n0", "a", "b", "c")]
    nodes += [op(f"n{i + 1}", "StringJoin", f"n{i}", f"n{i}") for i in range(40)]
    assert paths(tmp_path, *nodes, op("y", "ReadFile", "n40")) == []


def test_nodes_without_inputs_and_functions_that_do_not_exist(tmp_path):
    call = op("call", "PartitionedCall", f={"func": {"name": "gone"}})
    assert paths(tmp_path, op("y", "ReadFile"), call, node("StringJoin")) == []
    assert paths(tmp_path, op("y", "ReadFile", "call"), call) == []
