from __future__ import annotations

import struct

import google_crc32c
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.warmup import masked_crc, read_records, read_warmup
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.reader import Signature, TensorSpec

SAME_FOLDER = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EXAMPLES = Signature("tensorflow/serving/classify", {"inputs": TensorSpec("string", (None,))}, {})


def framed(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return b"".join(
        [length, struct.pack("<I", masked_crc(length)), record, struct.pack("<I", masked_crc(record))]
    )


def predict(signature: str, value: float) -> pb.PredictionLog:
    log = pb.PredictionLog()
    log.predict_log.request.model_spec.signature_name = signature
    tensor = log.predict_log.request.inputs["x"]
    tensor.dtype = pb.DT_FLOAT
    tensor.tensor_shape.dim.add().size = 2
    tensor.float_val.append(value)
    return log


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tf_serving_warmup_requests"


def write(file, *logs):
    file.write_bytes(b"".join(framed(log.SerializeToString()) for log in logs))
    return file


def first_values(batches):
    return [float(batch[0].array[0]) for batch in batches]


def test_checksum_is_the_one_of_the_format():
    assert google_crc32c.value(b"123456789") == 0xE3069283  # CRC-32C's check value (RFC 3720)
    # The header of a one-byte record as TensorFlow's TFRecordWriter wrote it.
    assert masked_crc(struct.pack("<Q", 1)) == 0x41DE7501


@SAME_FOLDER
@given(records=st.lists(st.binary(max_size=50), max_size=5))
def test_records_round_trip(file, records):
    file.write_bytes(b"".join(map(framed, records)))
    assert list(read_records(file)) == records


@SAME_FOLDER
@given(records=st.lists(st.binary(max_size=20), min_size=1, max_size=3), data=st.data())
def test_any_changed_byte_is_noticed(file, records, data):
    content = bytearray(b"".join(map(framed, records)))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    with pytest.raises(InputsError, match="damaged"):
        list(read_records(file))


@SAME_FOLDER
@given(record=st.binary(max_size=20), data=st.data())
def test_any_truncation_is_noticed(file, record, data):
    content = framed(record)
    file.write_bytes(framed(b"whole") + content[: data.draw(st.integers(1, len(content) - 1))])
    with pytest.raises(InputsError, match=f"truncated in the record at byte {len(framed(b'whole'))}"):
        list(read_records(file))


@SAME_FOLDER
@given(content=st.binary(min_size=1, max_size=60))
def test_any_bytes_are_refused(file, content):
    file.write_bytes(content)
    with pytest.raises(InputsError, match="tf_serving_warmup_requests"):
        list(read_warmup(file, 1, None, "serving_default"))


def test_requests_for_the_signature_up_to_the_limit(file):
    write(file, predict("a", 1), predict("b", 2), predict("a", 3), predict("a", 4))
    assert first_values(read_warmup(file, 2, None, "a")) == [1, 3]
    assert first_values(read_warmup(file, 9, None, "a")) == [1, 3, 4]


def test_no_signature_name_means_serving_default(file):
    write(file, predict("", 1), predict("other", 2))
    assert first_values(read_warmup(file, 9, None, "serving_default")) == [1]


def test_damage_behind_the_limit_is_not_read(file):
    file.write_bytes(write(file, predict("", 1)).read_bytes() + b"damage")
    assert first_values(read_warmup(file, 1, None, "serving_default")) == [1]


@pytest.mark.parametrize("kind", ["classify_log", "regress_log"])
def test_examples_go_to_the_only_input(file, kind):
    log = pb.PredictionLog()
    getattr(log, kind).request.input.example_list.examples.extend([b"one", b"two\0"])
    (batch,) = read_warmup(write(file, log), 1, EXAMPLES, "serving_default")
    (value,) = batch
    assert (value.name, value.component, value.dtype) == ("inputs", None, "string")
    assert value.array.tolist() == [b"one", b"two\0"]


def test_examples_with_context(file):
    log = pb.PredictionLog()
    log.classify_log.request.input.example_list_with_context.examples.append(b"one")
    with pytest.raises(InputsError, match="record 0: only a plain list of examples"):
        list(read_warmup(write(file, log), 1, EXAMPLES, "serving_default"))


def test_nothing_for_the_signature_tells_what_there_is(file):
    other = pb.PredictionLog()
    other.multi_inference_log.SetInParent()
    with pytest.raises(InputsError, match="'it'; it holds 1 x multi_inference_log, 2 x predict_log 'a'"):
        list(read_warmup(write(file, predict("a", 1), other, predict("a", 1)), 1, None, "it"))


def test_bad_tensor_is_named(file):
    log = predict("", 1)
    log.predict_log.request.inputs["x"].dtype = pb.DT_VARIANT
    with pytest.raises(InputsError, match=r"record 1: input 'x': .*variant"):
        list(read_warmup(write(file, predict("", 1), log), 2, None, "serving_default"))


def test_record_that_is_no_request(file):
    file.write_bytes(framed(b"\xff\xff"))
    with pytest.raises(InputsError, match="record 0: "):
        list(read_warmup(file, 1, None, "serving_default"))


def test_missing_file(file):
    with pytest.raises(InputsError, match="No such file"):
        list(read_warmup(file, 1, None, "serving_default"))
