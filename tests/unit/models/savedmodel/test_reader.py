"""Models are built from the schema's own messages: no TensorFlow, nothing committed as bytes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import example, given, settings
from hypothesis import strategies as st
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec, dtype_name, read_model


def shape(*sizes: int) -> pb.TensorShapeProto:
    return pb.TensorShapeProto(dim=[{"size": size} for size in sizes])


def model() -> pb.SavedModel:
    signature = pb.SignatureDef(
        method_name="tensorflow/serving/predict",
        inputs={
            "x": pb.TensorInfo(name="x:0", dtype=pb.DT_FLOAT, tensor_shape=shape(-1, 28, 28)),
            "anything": pb.TensorInfo(name="a:0", dtype=pb.DT_STRING, tensor_shape={"unknown_rank": True}),
        },
        outputs={"y": pb.TensorInfo(name="y:0", dtype=pb.DT_HALF, tensor_shape=shape())},
    )
    signature.defaults["x"].dtype = pb.DT_FLOAT
    graph = pb.MetaGraphDef(
        meta_info_def={
            "tags": ["serve", "gpu"],
            "tensorflow_version": "2.7.4",
            "tensorflow_git_version": "v2",
        },
        graph_def={"versions": {"producer": 898}},
        signature_def={"serving_default": signature, "__saved_model_init_op": pb.SignatureDef()},
    )
    return pb.SavedModel(saved_model_schema_version=1, meta_graphs=[graph])


def write(folder: Path, message: pb.SavedModel) -> Path:
    (folder / "saved_model.pb").write_bytes(message.SerializeToString())
    return folder


def answer(folder: Path) -> str:
    """The folder's name in either case, so that a test can tell that there was an answer."""
    try:
        return f"{folder}: {len(read_model(folder).meta_graphs)} meta graphs"
    except UnreadableModelError as error:
        return str(error)


def read_tensor(folder: Path, info: pb.TensorInfo) -> TensorSpec:
    message = model()
    message.meta_graphs[0].signature_def["serving_default"].inputs["it"].CopyFrom(info)
    (graph,) = read_model(write(folder, message)).meta_graphs
    return graph.signatures["serving_default"].inputs["it"]


def test_all_that_is_declared(tmp_path):
    (graph,) = read_model(write(tmp_path, model())).meta_graphs
    assert graph.tags == ("serve", "gpu")
    assert (graph.tensorflow_version, graph.tensorflow_git_version, graph.graph_producer) == (
        "2.7.4",
        "v2",
        898,
    )
    assert graph.signatures == {
        "serving_default": Signature(
            method="tensorflow/serving/predict",
            inputs={"x": TensorSpec("float32", (None, 28, 28)), "anything": TensorSpec("string", None)},
            outputs={"y": TensorSpec("float16", ())},
            defaults=("x",),
        )
    }


def test_names_come_in_order_whatever_order_the_file_has(tmp_path):
    (graph,) = read_model(write(tmp_path, model())).meta_graphs
    assert list(graph.signatures["serving_default"].inputs) == ["anything", "x"]


def test_every_meta_graph_in_the_order_of_the_file(tmp_path):
    message = model()
    message.meta_graphs.add().meta_info_def.tags.append("train")
    assert [graph.tags for graph in read_model(write(tmp_path, message)).meta_graphs] == [
        ("serve", "gpu"),
        ("train",),
    ]


def test_text_reads_as_binary_does_and_skips_what_it_does_not_know(tmp_path):
    expected = read_model(write(tmp_path, model()))
    (tmp_path / "saved_model.pb").unlink()
    text = text_format.MessageToString(model())
    assert "graph_def {" in text
    text = text.replace("graph_def {", 'graph_def { node { name: "n" attr { key: "a" value { f: 0.5 } } }', 1)
    (tmp_path / "saved_model.pbtxt").write_text(text)
    assert read_model(tmp_path) == expected


def test_binary_is_preferred_to_text(tmp_path):
    (tmp_path / "saved_model.pbtxt").write_text("no model")
    assert read_model(write(tmp_path, model())).meta_graphs


def test_reference_type(tmp_path):
    spec = read_tensor(tmp_path, pb.TensorInfo(name="v:0", dtype=pb.DT_FLOAT_REF, tensor_shape=shape()))
    assert spec == TensorSpec("float32", (), reference=True)
    assert str(spec) == "float32_ref[]"


def test_absent_shape_is_unknown_and_not_a_scalar(tmp_path):
    assert read_tensor(tmp_path, pb.TensorInfo(name="x:0", dtype=pb.DT_FLOAT)).shape is None


def test_sparse(tmp_path):
    info = pb.TensorInfo(
        coo_sparse={"values_tensor_name": "v:0"}, dtype=pb.DT_INT64, tensor_shape=shape(-1, 7)
    )
    assert read_tensor(tmp_path, info) == TensorSpec("int64", (None, 7), Kind.SPARSE)


def test_ragged(tmp_path):
    state = {"tuple_value": {"values": [{"tensor_shape_value": shape(-1, -1, -1, 5)}]}}
    parts = [
        pb.TensorInfo(name="f:0", dtype=pb.DT_FLOAT),
        *[pb.TensorInfo(name="r:0", dtype=pb.DT_INT32)] * 2,
    ]
    ragged = pb.TypeSpecProto.RAGGED_TENSOR_SPEC
    info = pb.TensorInfo(
        composite_tensor={"type_spec": {"type_spec_class": ragged, "type_state": state}, "components": parts}
    )
    assert read_tensor(tmp_path, info) == TensorSpec(
        "float32", (None, None, None, 5), Kind.RAGGED, ragged_rank=2, row_splits_dtype="int32"
    )


def test_other_composite(tmp_path):
    info = pb.TensorInfo(composite_tensor={"components": [pb.TensorInfo(name="a:0", dtype=pb.DT_INT64)]})
    assert read_tensor(tmp_path, info) == TensorSpec("int64", None, Kind.OTHER)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "float32"),
        (2, "float64"),
        (19, "float16"),
        (14, "bfloat16"),
        (7, "string"),
        (107, "string"),
        (28, "float8_e5m2fnuz"),
    ],
)
def test_dtype_names(number, name):
    assert dtype_name(number) == name


def test_dtype_of_a_later_tensorflow_is_told_and_not_guessed():
    assert dtype_name(77) == "unknown type 77"


def test_missing_directory(tmp_path):
    with pytest.raises(UnreadableModelError, match="gone: no such directory"):
        read_model(tmp_path / "gone")


def test_file_in_place_of_directory(tmp_path):
    write(tmp_path, model())
    with pytest.raises(UnreadableModelError, match="a file, not a directory"):
        read_model(tmp_path / "saved_model.pb")


def test_directory_without_model_points_to_one_below(tmp_path):
    (tmp_path / "00000123").mkdir()
    write(tmp_path / "00000123", model())
    with pytest.raises(UnreadableModelError, match=r"did you mean .*00000123\?"):
        read_model(tmp_path)


def test_chunked_model_is_named_as_such(tmp_path):
    (tmp_path / "saved_model.cpb").write_bytes(b"x")
    with pytest.raises(UnreadableModelError, match="chunked"):
        read_model(tmp_path)


def test_truncated_file(tmp_path):
    file = write(tmp_path, model()) / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:-5])
    with pytest.raises(UnreadableModelError, match=r"saved_model\.pb: damaged, truncated"):
        read_model(tmp_path)


def test_empty_file(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(UnreadableModelError, match="contains no meta graph"):
        read_model(tmp_path)


def test_more_than_a_message_can_be(tmp_path):
    with (tmp_path / "saved_model.pb").open("wb") as file:
        file.truncate(1 << 31)  # a hole: takes no space
    with pytest.raises(UnreadableModelError, match="at most"):
        read_model(tmp_path)


def test_pipe_is_not_waited_on(tmp_path):
    os.mkfifo(tmp_path / "saved_model.pb")
    with pytest.raises(UnreadableModelError, match="not a regular file"):
        read_model(tmp_path)


def test_flood_of_meta_graphs(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x12\x00" * 100_000)
    with pytest.raises(UnreadableModelError, match="100000 meta graphs"):
        read_model(tmp_path)


@pytest.mark.parametrize("name", ["saved_model.pb", "saved_model.pbtxt"])
def test_nested_without_end(tmp_path, name):
    nested = b"\x0b" * 100_000 if name.endswith("pb") else b"meta_graphs { graph_def { a " + b"{ a " * 100_000
    (tmp_path / name).write_bytes(nested)
    with pytest.raises(UnreadableModelError):
        read_model(tmp_path)


def test_message_of_the_parser_is_cut(tmp_path):
    (tmp_path / "saved_model.pbtxt").write_bytes(
        b"meta_graphs { meta_info_def { tags: " + b"9" * 100_000 + b"}}"
    )
    with pytest.raises(UnreadableModelError) as caught:
        read_model(tmp_path)
    assert len(str(caught.value)) < 600


@settings(deadline=None)
@given(content=st.binary(max_size=300), name=st.sampled_from(["saved_model.pb", "saved_model.pbtxt"]))
@example(content=b"\xff\xfe", name="saved_model.pbtxt")
def test_any_bytes_read_or_are_refused(content, name):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        assert folder in answer(Path(folder))


@settings(deadline=None)
@given(data=st.data())
def test_any_damage_reads_or_is_refused(data):
    content = bytearray(model().SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "saved_model.pb").write_bytes(content)
        assert folder in answer(Path(folder))
