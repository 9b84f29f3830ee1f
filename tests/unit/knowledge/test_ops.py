from __future__ import annotations

import json

import pytest
from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.knowledge import ops as module
from savedmodel_matrix.knowledge.ops import KERAS, OPS, PACKAGES, Knowledge, Provider, minor_of, order
from savedmodel_matrix.knowledge.releases import ReleaseTable
from savedmodel_matrix.models.preflight.risks import RISKY


@pytest.fixture(scope="module")
def known():
    return Knowledge()


@pytest.mark.parametrize(
    ("version", "minor"),
    [("2.15.0.post1", "2.15"), ("2.4", "2.4"), ("2.9.0-dev20220227", "2.9"), ("2.22.0rc0", "2.22")],
)
def test_minors(version, minor):
    assert minor_of(version) == minor


def test_what_is_no_version():
    with pytest.raises(ValueError, match="'nightly' is not a TensorFlow version"):
        minor_of("nightly")


def test_minors_are_ordered_as_numbers():
    assert order("2.9") < order("2.10")


def test_every_minor_release_is_covered(known):
    table = ReleaseTable.load()
    assert list(known.releases) == [minor_of(version) for version in table.minor_releases()]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.12.1", ("2.12", True)),
        ("2.99.0", ("2.21", False)),
        ("2.3.0", ("2.4", False)),
        ("3.0.0", ("2.21", False)),
    ],
)
def test_a_release_beyond_the_data_is_judged_by_its_neighbour(known, version, expected):
    assert known.known_minor(version) == expected


@pytest.mark.parametrize(
    ("op", "first", "last"),
    [
        ("DisableCopyOnRead", "2.10", None),
        ("Rpc", None, "2.4"),
        ("MatMul", None, None),
        ("Window", "2.6", "2.6"),
    ],
)
def test_when_ops_are_registered(known, op, first, last):
    assert known.registered(op) == (first, last)
    minors = [minor for minor in known.releases if known.has_op(op, minor)]
    assert minors[0] == (first or "2.4")
    assert minors[-1] == (last or "2.21")


def test_an_op_of_no_release(known):
    assert not known.is_op("SimpleMLInferenceOp")
    assert not known.has_op("SimpleMLInferenceOp", "2.21")


def test_kernels_that_went_while_the_op_stayed(known):
    assert known.has_op("BoostedTreesBucketize", "2.21")
    assert known.kernels("BoostedTreesBucketize") == ("2.4", "2.8")
    assert [known.has_kernel("BoostedTreesBucketize", minor) for minor in ("2.8", "2.9")] == [True, False]


def test_an_op_that_no_cpu_can_run(known):
    assert known.kernels("CudnnRNN") is None
    assert not known.has_kernel("CudnnRNN", "2.15")


def test_attributes_that_came_later(known):
    assert known.attribute_since("VarHandleOp", "debug_name") == "2.15"
    assert known.attribute_since("VarHandleOp", "shared_name") is None


def test_kinds_that_came_later(known):
    assert known.object_kind_since("captured_tensor") == "2.6"
    assert known.object_kind_since("variable") is None
    assert known.value_kind_since("tensor_value") == "2.13"


@pytest.mark.parametrize("name", ["Dense", "LSTM", "Functional", "MeanMetricWrapper", "TFOpLambda"])
def test_classes_of_keras(known, name):
    assert known.is_keras_class(name)


def test_classes_of_others(known):
    assert not known.is_keras_class("MyCustomLayer")
    assert not known.is_keras_class("Custom>F1Score")


@pytest.mark.parametrize(
    ("op", "package"),
    [
        ("SimpleMLInferenceOpWithHandle", "tensorflow-decision-forests"),
        ("IO>AudioDecodeWAV", "tensorflow-io"),
        ("TFText>Something", "tensorflow-text"),
        ("Addons>ParseTime", "tensorflow-addons"),
    ],
)
def test_packages_of_ops(known, op, package):
    assert known.provider_of_op(op) == Provider(package, package)


def test_what_no_package_brings(known):
    assert known.provider_of_op("TRTEngineOp") == Provider("", "a GPU build of TensorFlow with TensorRT")
    assert known.provider_of_op("ZeroOut") is None


def test_no_prefix_of_a_package_covers_an_op_of_tensorflow():
    data = json.loads(OPS.read_text())
    prefixes = [row["prefix"] for row in json.loads(PACKAGES.read_text())["ops"]]
    for name in [*data["unchanged"], *data["changed"]]:
        assert not [prefix for prefix in prefixes if name.startswith(prefix)]


def test_every_row_of_the_reviewed_file_has_its_source():
    data = json.loads(PACKAGES.read_text())
    for row in [*data["ops"], *data["classes"]]:
        assert row["source"]
        assert row["package"] or row["needs"]


def test_every_risky_op_is_one(known):
    assert [name for name in RISKY if not known.is_op(name)] == []


@pytest.mark.parametrize("name", [OPS.name, KERAS.name, PACKAGES.name])
def test_another_format_is_refused(tmp_path, monkeypatch, name):
    (tmp_path / name).write_text('{"format": 99}')
    for each in ("OPS", "KERAS", "PACKAGES"):
        monkeypatch.setattr(module, each, tmp_path / name)
    with pytest.raises(StoreError, match="has format 99"):
        Knowledge().provider_of_op("A")
    with pytest.raises(StoreError, match="has format 99"):
        Knowledge().is_keras_class("A")
    with pytest.raises(StoreError, match="has format 99"):
        Knowledge().is_op("A")
