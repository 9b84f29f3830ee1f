from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from built_models import write
from flow_models import image_model, op
from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.domain.input_sources import (
    GenerateSource,
    NpySource,
    NpzSource,
    RestSource,
    WarmupSource,
)
from savedmodel_matrix.models.inputs.make import inputs_digest, make_batches
from savedmodel_matrix.models.inputs.warmup import WARMUP_FILE, masked_crc
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec
from savedmodel_matrix.probe.arrays import read_array

X = Signature("predict", {"x": TensorSpec("float32", (None, 2))}, {})
SPARSE = Signature("predict", {"s": TensorSpec("float32", (None, 3), Kind.SPARSE)}, {})
RAGGED = Signature(
    "predict",
    {"r": TensorSpec("float32", (None, None), Kind.RAGGED, ragged_rank=1, row_splits_dtype="int64")},
    {},
)


@pytest.fixture
def make(tmp_path):
    def make(*sources, signature=X, **options):
        return make_batches(
            list(sources), signature, tmp_path / "model", tmp_path / "objects", base_dir=tmp_path, **options
        )

    return make


@pytest.fixture
def read(tmp_path):
    def read(batches):
        return [
            {
                part["name"]
                if part["component"] is None
                else f"{part['name']}.{part['component']}": read_array(
                    str(tmp_path / "objects"), part["array"]
                ).tolist()
                for part in batch
            }
            for batch in batches
        ]

    return read


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    return NpzSource(npz="x.npz")


def test_every_source_in_its_order(make, read, tmp_path):
    log = pb.PredictionLog()
    tensor = log.predict_log.request.inputs["x"]
    tensor.dtype = pb.DT_FLOAT
    tensor.tensor_shape.dim.extend([pb.TensorShapeProto.Dim(size=1), pb.TensorShapeProto.Dim(size=2)])
    tensor.float_val.append(4)
    record, length = log.SerializeToString(), struct.pack("<Q", log.ByteSize())
    (tmp_path / "model" / "assets.extra").mkdir(parents=True)
    (tmp_path / "model" / WARMUP_FILE).write_bytes(
        length + struct.pack("<I", masked_crc(length)) + record + struct.pack("<I", masked_crc(record))
    )
    np.save(tmp_path / "x.npy", np.float32([[2, 2]]))
    (tmp_path / "body.json").write_text(json.dumps({"instances": [[3, 3]]}))
    batches = make(
        npz(tmp_path, x=np.float32([[1, 1]])),
        NpySource(npy="x.npy"),
        RestSource(rest="body.json"),
        WarmupSource(warmup=5),
        GenerateSource(generate={"count": 2, "ranges": {"x": [5, 5]}}),
    )
    assert read(batches) == [{"x": [[float(each)] * 2]} for each in (1, 2, 3, 4, 5, 5)]


def test_form_on_disk(make, tmp_path):
    (batch,) = make(npz(tmp_path, x=np.float32([[1, 2]])))
    assert batch == [
        {
            "name": "x",
            "component": None,
            "array": {
                "dtype": "float32",
                "shape": [1, 2],
                "objects": batch[0]["array"]["objects"],
                "nbytes": 8,
            },
        }
    ]


def test_digest_is_of_the_content_and_not_of_the_file(make, tmp_path):
    two = Signature("predict", {"a": TensorSpec("float32", ()), "b": TensorSpec("string", ())}, {})
    a, b = np.float32(1), np.array("word")
    first = inputs_digest(make(npz(tmp_path, a=a, b=b), signature=two))
    assert inputs_digest(make(npz(tmp_path, b=b, a=a), signature=two)) == first
    (tmp_path / "body.json").write_text('{"inputs": {"b": "word", "a": 1}}')
    assert inputs_digest(make(RestSource(rest="body.json"), signature=two)) == first
    assert inputs_digest(make(npz(tmp_path, a=np.float32(2), b=b), signature=two)) != first


def test_digest_never_moves():
    entry = {"dtype": "float32", "shape": [], "objects": ["ab"], "nbytes": 4}
    digest = inputs_digest([[{"name": "é", "component": None, "array": entry}]])
    assert digest == "bf7c667bb882e3d673f26c8547edbfcb5c852c7b49c6fa7770d69a2d3672272c"


def test_shape_is_not_checked_as_signatures_lie(make, read, tmp_path):
    assert read(make(npz(tmp_path, x=np.float32(1)))) == [{"x": 1.0}]


def test_default_may_be_left_out(make, read, tmp_path):
    inputs = {"x": TensorSpec("float32", ()), "y": TensorSpec("float32", ())}
    signature = Signature("predict", inputs, {}, defaults=("y",))
    assert read(make(npz(tmp_path, x=np.float32(1)), signature=signature)) == [{"x": 1.0}]


def test_signature_without_inputs_needs_no_source(make):
    nothing = Signature("predict", {}, {})
    assert make(signature=nothing) == [[]]
    assert make(GenerateSource(generate={}), signature=nothing) == [[]]


def test_no_source(make):
    with pytest.raises(InputsError, match=r"the case has no inputs; .*generate"):
        make()


def test_function_takes_what_is_given(make, read, tmp_path):
    assert read(make(npz(tmp_path, anything=np.float64(1)), signature=None)) == [{"anything": 1.0}]
    with pytest.raises(InputsError, match="what the inputs must be is not known here"):
        make(GenerateSource(generate={}), signature=None)


def test_sparse(make, read, tmp_path):
    arrays = {
        "s.indices": np.int64([[0, 1]]),
        "s.values": np.float32([7]),
        "s.dense_shape": np.int64([1, 3]),
    }
    assert read(make(npz(tmp_path, **arrays), signature=SPARSE)) == [
        {"s.dense_shape": [1, 3], "s.indices": [[0, 1]], "s.values": [7.0]}
    ]


@pytest.mark.parametrize("signature", [SPARSE, RAGGED])
def test_what_is_generated_passes_the_checks(make, signature):
    assert make(GenerateSource(generate={"length": 3, "batch": 4}), signature=signature)


@pytest.mark.parametrize(
    ("signature", "arrays", "text"),
    [
        (
            X,
            {"y": np.float32(1)},
            r"x\.npz: no input 'y'; the signature has 'x'\n.*'x' \(float32\[\?,2\]\) is missing",
        ),
        (
            X,
            {"x": np.float64(1)},
            r"x\.npz: input 'x' is float64, but the signature has float32; .*astype\('float32'\)",
        ),
        (X, {"x.values": np.float32([1])}, r"is dense: it needs 'x', but has 'x\.values'"),
        (
            SPARSE,
            {"s": np.float32([1])},
            r"is sparse: it needs 's\.indices', 's\.values', 's\.dense_shape', but has 's'",
        ),
        (
            SPARSE,
            {"s.indices": np.int32([[0, 1]]), "s.values": np.float32([7]), "s.dense_shape": np.int64([1, 3])},
            r"'s\.indices' is int32, but the signature has int64",
        ),
        (
            SPARSE,
            {
                "s.indices": np.int64([[0, 1]]),
                "s.values": np.float32([7, 8]),
                "s.dense_shape": np.int64([1, 3]),
            },
            r"indices of shape \(1, 2\) and values of shape \(2,\) do not match",
        ),
        (RAGGED, {"r.flat_values": np.float32([1])}, r"it needs 'r\.flat_values', 'r\.row_splits_0'"),
    ],
)
def test_what_does_not_fit_the_signature(make, tmp_path, signature, arrays, text):
    with pytest.raises(InputsError, match=text):
        make(npz(tmp_path, **arrays), signature=signature)


def test_components_of_a_composite_of_no_known_kind_are_the_caller_s(make, read, tmp_path):
    other = Signature("predict", {"x": TensorSpec("float32", None, Kind.OTHER)}, {})
    source = npz(tmp_path, **{"x.values": np.float32([1])})
    assert read(make(source, signature=other)) == [{"x.values": [1.0]}]


def test_warmup_file_is_missing(make, tmp_path):
    with pytest.raises(InputsError, match=r"model/assets\.extra/tf_serving_warmup_requests: No such file"):
        make(WarmupSource(warmup=1))


def test_rest_body_for_the_signature_of_the_case(make, tmp_path):
    (tmp_path / "body.json").write_text('{"signature_name": "other", "inputs": [1]}')
    assert make(RestSource(rest="body.json"), signature_name="other")
    with pytest.raises(InputsError, match="is for signature 'other'"):
        make(RestSource(rest="body.json"))


TAKEN_APART = Signature(
    "predict",
    {
        "args_0": TensorSpec(
            "int64",
            (None, None),
            Kind.RAGGED,
            ragged_rank=1,
            row_splits_dtype="int64",
            parts=("args_0", "args_0_1"),
        )
    },
    {},
)
TOGETHER = [{"args_0.flat_values": [1, 2, 3], "args_0.row_splits_0": [0, 2, 3]}]


@pytest.mark.parametrize("names", [("args_0", "args_0_1"), ("args_0.flat_values", "args_0.row_splits_0")])
def test_components_under_either_name(make, read, tmp_path, names):
    values, splits = names
    arrays = {values: np.array([1, 2, 3]), splits: np.array([0, 2, 3])}
    assert read(make(npz(tmp_path, **arrays), signature=TAKEN_APART)) == TOGETHER
    body = {"inputs": {name: array.tolist() for name, array in arrays.items()}}
    (tmp_path / "body.json").write_text(json.dumps(body))
    assert read(make(RestSource(rest="body.json"), signature=TAKEN_APART)) == TOGETHER


@pytest.mark.parametrize("splits", [[0, 2, 4], [1, 2, 3], [0, 3, 2], [[0, 3]], []])
def test_row_splits_that_fit_no_rows(make, tmp_path, splits):
    arrays = {"args_0": np.array([1, 2, 3]), "args_0_1": np.array(splits, np.int64)}
    with pytest.raises(
        InputsError, match="row_splits_0 must rise from 0 to 3, the number of rows of flat_values"
    ):
        make(npz(tmp_path, **arrays), signature=TAKEN_APART)


def test_generated_components_fit_together(make, read):
    (batch,) = read(make(GenerateSource(generate={"seed": 1, "batch": 5}), signature=TAKEN_APART))
    splits, values = batch["args_0.row_splits_0"], batch["args_0.flat_values"]
    assert len(splits) == 6
    assert splits == sorted(splits)
    assert (splits[0], splits[-1]) == (0, len(values))


def test_the_element_type_of_the_graph_is_taken_whatever_the_signature_says(tmp_path, make, read):
    model = image_model(op("y", "Identity", "x"), shape=(-1,))
    model.meta_graphs[0].graph_def.node[0].attr["dtype"].type = pb.DT_STRING
    write(tmp_path / "model", model)
    stated = Signature("predict", {"x": TensorSpec("float32", (None,))}, {})
    npz(tmp_path, x=np.array([b"a", b"b"]))
    assert read(make(NpzSource(npz="x.npz"), signature=stated)) == [{"x": [b"a", b"b"]}]
    npz(tmp_path, x=np.ones(2, "f4"))
    with pytest.raises(InputsError, match="is float32, but the graph takes string, whatever its signature"):
        make(NpzSource(npz="x.npz"), signature=stated)
