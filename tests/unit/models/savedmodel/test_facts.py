from __future__ import annotations

import re

import pytest
from built_models import (
    EXAMPLES,
    checkpoint_index,
    keras_metadata,
    node,
    optimizer,
    tensor,
    user_object,
    v1_model,
    v2_model,
    write,
)
from google.protobuf import text_format
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.graph import OpUse
from savedmodel_matrix.models.savedmodel.keras import KerasFacts, KerasObject


def graph_of(folder, model):
    (graph,) = read_facts(write(folder, model)).meta_graphs
    return graph


def test_ops_of_the_graph_and_of_functions_are_kept_apart(tmp_path):
    model = v2_model(node("MatMul"), node("MatMul", "again"), node("Add"))
    model.meta_graphs[0].graph_def.node.extend([node("MatMul", "third"), node("NoOp")])
    assert graph_of(tmp_path, model).graph.ops == {
        "Add": OpUse(in_functions=1, reached=True),
        "MatMul": OpUse(in_graph=1, in_functions=2, reached=True),
        "NoOp": OpUse(in_graph=1),
        "StatefulPartitionedCall": OpUse(in_graph=1, graph_attributes=frozenset({"f"}), reached=True),
    }


def test_a_function_called_by_its_name_is_no_op(tmp_path):
    model = v2_model(node("Add"))
    model.meta_graphs[0].graph_def.node.append(node("__inference_f_1"))
    assert list(graph_of(tmp_path, model).graph.ops) == ["Add", "StatefulPartitionedCall"]


def test_attributes_that_are_the_writers_default_do_not_count(tmp_path):
    model = v1_model(
        node("Op", "a", plain={"s": b"x"}, other={"s": b"y"}, needed={"s": b"z"}, _note={"s": b"n"})
    )
    declared = pb.OpDef(
        name="Op",
        attr=[
            {"name": "plain", "default_value": {"s": b"x"}},
            {"name": "other", "default_value": {"s": b"x"}},
            {"name": "needed"},
        ],
    )
    model.meta_graphs[0].meta_info_def.stripped_op_list.op.append(declared)
    graph = graph_of(tmp_path, model).graph
    assert graph.ops["Op"].graph_attributes == {"other", "needed"}
    assert graph.declared_ops == ("Op",)


def test_versions(tmp_path):
    model = v1_model(producer=26)
    model.meta_graphs[0].graph_def.versions.min_consumer = 12
    model.meta_graphs[0].graph_def.versions.bad_consumers.extend([20, 21])
    graph = graph_of(tmp_path, model).graph
    assert (graph.producer, graph.min_consumer, graph.bad_consumers) == (26, 12, {20, 21})


def test_inputs_that_are_one_tensor(tmp_path):
    signature = pb.SignatureDef(inputs={"a": tensor("x:0"), "b": tensor("x:0"), "c": tensor("y:0")})
    sparse = {"values_tensor_name": "v:0", "indices_tensor_name": "i:0", "dense_shape_tensor_name": "v:0"}
    other = pb.SignatureDef(inputs={"s": pb.TensorInfo(coo_sparse=sparse)})
    graph = graph_of(tmp_path, v1_model(signatures={"one": signature, "two": other}))
    assert graph.repeated_inputs == {"one": ("x:0",), "two": ("v:0",)}
    assert graph.fed == {"x", "y", "v", "i"}


def test_scalar_placeholders(tmp_path):
    model = v1_model(
        node("Placeholder", "scalar", shape={"shape": {}}),
        node("Placeholder", "unknown", shape={"shape": {"unknown_rank": True}}),
        node("Placeholder", "vector", shape={"shape": {"dim": [{"size": 2}]}}),
        node("Placeholder", "silent"),
    )
    assert graph_of(tmp_path, model).graph.scalar_placeholders == {"scalar"}


def restoring(*restored):
    model = v2_model()
    graph = model.meta_graphs[0]
    graph.graph_def.node.extend([node("VarHandleOp", name) for name in ("a", "b", "c")])
    graph.graph_def.node[0].input.extend(["x", "a", "b"])
    restore = node("StatefulPartitionedCall", "restore")
    restore.input.extend(["filename", *restored])
    graph.graph_def.node.append(restore)
    graph.saver_def.restore_op_name = "restore"
    return model


def test_variables_that_are_read_and_not_restored(tmp_path):
    assert graph_of(tmp_path, restoring("a", "c")).graph.unrestored == ("b",)
    assert graph_of(tmp_path, restoring("a", "b")).graph.unrestored == ()


def test_the_restore_op_of_tf_1_takes_no_variables(tmp_path):
    assert graph_of(tmp_path, restoring()).graph.unrestored == ()


@pytest.mark.parametrize(
    ("collections", "signatures", "expected"),
    [
        ({}, {}, None),
        ({"legacy_init_op": "old"}, {}, "old"),
        ({"legacy_init_op": "old", "saved_model_main_op": "main"}, {}, "main"),
        (
            {"saved_model_main_op": "main"},
            {"__saved_model_init_op": {"outputs": {"__saved_model_init_op": {"name": "init"}}}},
            "init",
        ),
    ],
)
def test_what_runs_at_load(tmp_path, collections, signatures, expected):
    model = v1_model(signatures=signatures)
    for name, op in collections.items():
        model.meta_graphs[0].collection_def[name].node_list.value.append(op)
    graph = graph_of(tmp_path, model)
    assert graph.init_op == expected
    assert graph.collections == dict.fromkeys(sorted(collections), 1)
    assert graph.signatures == {}


def test_objects(tmp_path):
    spec = {"type_spec_class": 13, "type_spec_class_name": "my.Type.Spec"}
    values = {"values": [{"tensor_value": {}}, {"type_spec_value": spec}]}
    model = v2_model(
        objects=[
            user_object("_generic_user_object"),
            optimizer(3),
            pb.SavedObject(variable={"name": "v"}, saveable_objects={"v": {}}),
            pb.SavedObject(resource={}, saveable_objects={"table": {}}),
            pb.SavedObject(function={"function_spec": {"fullargspec": {"tuple_value": values}}}),
            pb.SavedObject(constant={}, registered_name="tf.TrackableConstant"),
            pb.SavedObject(registered_name="mine.Thing"),
        ]
    )
    concrete = model.meta_graphs[0].object_graph_def.concrete_functions["f"]
    concrete.output_signature.dict_value.fields["k"].numpy_value.SetInParent()
    found = graph_of(tmp_path, model).objects
    assert found.kinds == {
        "": 1,
        "constant": 1,
        "function": 1,
        "resource": 1,
        "user_object": 2,
        "variable": 1,
    }
    assert found.identifiers == {"_generic_user_object": 1, "optimizer": 1}
    assert found.registered == {"mine.Thing": 1, "tf.TrackableConstant": 1}
    assert found.registered_only == {"mine.Thing"}
    assert (found.slots, found.slot_owners, found.savers) == (3, {"optimizer"}, 1)
    assert found.value_kinds == {
        "tuple_value",
        "tensor_value",
        "type_spec_value",
        "dict_value",
        "numpy_value",
    }
    assert found.specs == {"my.Type.Spec"}


def test_two_graphs_are_not_loaded_as_objects(tmp_path):
    model = v2_model()
    model.meta_graphs.add().meta_info_def.tags.append("train")
    facts = read_facts(write(tmp_path, model))
    assert not facts.has_objects
    assert facts.main.tags == ("serve",)


def test_text_says_the_same(tmp_path):
    model = v2_model(node("Add"), objects=[optimizer(2)])
    binary = read_facts(write(tmp_path / "binary", model))
    folder = write(tmp_path / "text", model)
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pbtxt").write_text(text_format.MessageToString(model))
    found = read_facts(folder)
    assert found.as_text
    assert found.meta_graphs == binary.meta_graphs


@pytest.mark.parametrize(("child", "major"), [("_losses_override", 3), ("_misc_assets", None)])
def test_keras_is_known_by_what_it_tracks(tmp_path, child, major):
    model = v2_model(objects=[user_object(children=[{"local_name": child}])])
    assert read_facts(write(tmp_path, model)).keras == KerasFacts(major=major, version=None)


def test_no_keras(tmp_path):
    assert read_facts(write(tmp_path, v2_model())).keras is None


LAYERS = [
    ("_tf_keras_sequential", {"name": "m", "class_name": "Sequential", "keras_version": "2.7.0",
                              "training_config": {"loss": {"a": "mse", "b": {"class_name": "Mine"}}}}),
    ("_tf_keras_layer", {"name": "twice", "class_name": "Lambda",
                         "config": {"function": {"class_name": "__tuple__", "items": ["4wE=", None, None]}}}),
    ("_tf_keras_layer", {"name": "named", "class_name": "Lambda", "config": {"function": "my_function"}}),
    ("_tf_keras_layer", {"name": "new", "class_name": "Lambda",
                         "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wE="}}}}),
    ("_tf_keras_layer", {"name": "own", "class_name": "Package>Own", "must_restore_from_config": True}),
    ("_tf_keras_metric", {"name": "f1", "class_name": "F1"}),
]  # fmt: skip


def test_keras_metadata(tmp_path):
    folder = write(tmp_path, v2_model(objects=[user_object("_tf_keras_sequential")]))
    (folder / "keras_metadata.pb").write_bytes(keras_metadata(*LAYERS))
    found = read_facts(folder).keras
    assert (found.major, found.version, found.compiled, found.losses) == (2, "2.7.0", True, ("mse", "Mine"))
    assert found.lambdas == ("twice", "new")
    assert [each.name for each in found.objects if each.needs_class] == ["own"]
    assert [each.name for each in found.objects if each.is_metric] == ["f1"]
    assert KerasObject("_tf_keras_layer", "Package>Own", "own", needs_class=True) in found.objects


def test_keras_metadata_of_2_4_is_in_the_object_graph(tmp_path):
    layer = user_object("_tf_keras_layer", metadata='{"class_name": "Dense", "keras_version": "2.4.0"}')
    found = read_facts(write(tmp_path, v2_model(objects=[layer]))).keras
    assert (found.version, [each.class_name for each in found.objects]) == ("2.4.0", ["Dense"])


def test_assets_of_both_forms_and_those_that_are_missing_or_elsewhere(tmp_path):
    model = v2_model()
    graph = model.meta_graphs[0]
    graph.asset_file_def.add(filename="there.txt")
    graph.asset_file_def.add(filename="../../secret")
    packed = pb.AssetFileDef(filename="gone.txt").SerializeToString()
    # Any: its type's address, and the message itself.
    entry = b"\x0a\x01t\x12" + bytes([len(packed)]) + packed
    listed = pb.CollectionDef.FromString(
        b"\x2a" + bytes([len(entry) + 2]) + b"\x0a" + bytes([len(entry)]) + entry
    )
    graph.collection_def["saved_model_assets"].CopyFrom(listed)
    folder = write(tmp_path, model)
    (folder / "assets").mkdir()
    (folder / "assets" / "there.txt").write_text("x")
    found = read_facts(folder).files
    assert found.assets == ("../../secret", "gone.txt", "there.txt")
    assert (found.missing_assets, found.foreign_assets) == (("gone.txt",), ("../../secret",))


@pytest.mark.parametrize("name", ["/etc/passwd", "a/../../b", "C:\\x", "\\\\host\\x", "a\0b"])
def test_assets_elsewhere(tmp_path, name):
    model = v2_model()
    model.meta_graphs[0].asset_file_def.add(filename=name)
    assert read_facts(write(tmp_path, model)).files.foreign_assets == (name,)


def test_shards_are_counted_from_the_index(tmp_path):
    folder = write(tmp_path, v2_model())
    (folder / "variables" / "variables.index").write_bytes(checkpoint_index(3))
    (folder / "variables" / "variables.data-00001-of-00003").write_bytes(b"")
    found = read_facts(folder).files
    assert found.shards == 3
    assert found.missing_shards == ("variables.data-00000-of-00003", "variables.data-00002-of-00003")
    assert found.missing_shard_count == 2


def test_of_many_missing_shards_the_first_are_named(tmp_path):
    folder = write(tmp_path, v2_model())
    (folder / "variables" / "variables.index").unlink()
    (folder / "variables" / "variables.data-00000-of-99999").write_bytes(b"")
    found = read_facts(folder).files
    assert (found.shards, found.missing_shard_count) == (99_999, 99_998)
    assert found.missing_shards[0] == "variables.data-00001-of-99999"
    assert len(found.missing_shards) == 100


def test_without_an_index_nothing_is_missing_but_that(tmp_path):
    found = read_facts(write(tmp_path, v2_model(), index=False)).files
    assert (found.index, found.shards, found.missing_shards) == (False, 0, ())


@pytest.mark.parametrize(
    ("name", "slots", "classes", "ops"),
    [
        ("cnn", 16, set(), {"Conv2D"}),
        ("rnn", 16, set(), {"TensorListStack"}),
        ("custom_layer", 0, {"MyCustomLayer"}, {"MatMul"}),
    ],
)
def test_the_example_models(name, slots, classes, ops):
    facts = read_facts(EXAMPLES / name)
    assert facts.has_objects
    assert facts.main.tensorflow_version == "2.7.4"
    assert facts.main.objects.slots == slots
    assert facts.keras.version == "2.7.0"
    assert classes <= {each.class_name for each in facts.keras.objects}
    assert ops <= set(facts.main.graph.ops)
    assert facts.files.index
    assert (facts.files.shards, facts.files.missing_shards) == (1, ())
    assert facts.files.keras_metadata
    assert not facts.files.fingerprint


def test_metadata_that_is_no_json(tmp_path):
    folder = write(tmp_path, v2_model())
    (folder / "keras_metadata.pb").write_bytes(
        pb.KerasMetadata(nodes=[{"metadata": "{"}]).SerializeToString()
    )
    assert re.search(r"keras_metadata\.pb: .*not JSON", read_facts(folder).damaged_metadata)
