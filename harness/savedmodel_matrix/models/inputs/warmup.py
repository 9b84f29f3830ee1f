"""Inputs from the warm-up requests for TensorFlow Serving in a SavedModel.

``assets.extra/tf_serving_warmup_requests`` is a TFRecord file of ``PredictionLog`` messages, up to 1000:
https://www.tensorflow.org/tfx/serving/saved_model_warmup. The framing of a record is described at
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING, BinaryIO

import google_crc32c
from google.protobuf.message import DecodeError

from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.models.inputs.tensors import decode_tensor
from savedmodel_matrix.models.inputs.values import Value, Values, only_input, string_array
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.probe.arrays import STRING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.reader import Signature

#: Where TensorFlow Serving looks, relative to the model's directory.
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_MASK = 0xA282EAD8


_REQUESTS = ("predict_log", "classify_log", "regress_log")


def read_warmup(path: Path, limit: int, signature: Signature | None, signature_name: str) -> Iterator[Values]:
    """Yield the first ``limit`` requests for the signature in the warm-up file ``path``, each as a batch.

    Predict requests feed their tensors; classify and regress requests feed their serialized
    ``tf.Example`` messages to the signature's only input, as TensorFlow Serving does. A request that
    names no signature means ``serving_default``. Requests for other signatures are passed over. Raises
    ``InputsError`` for a damaged file, and for one without a request for the signature.
    """
    found = 0
    seen: Counter[str] = Counter()
    for index, record in enumerate(read_records(path)):
        try:
            log = pb.PredictionLog.FromString(record)
            kind = log.WhichOneof("log_type") or "empty"
            request = None if kind not in _REQUESTS else getattr(log, kind).request
            name = (request.model_spec.signature_name or "serving_default") if request else ""
            seen[f"{kind} {name!r}" if request else kind] += 1
            if request is None or name != signature_name:
                continue
            batch = _batch(request, signature)
        except (DecodeError, InputsError) as error:
            raise InputsError(f"{path}: record {index}: {error}") from error
        yield batch
        found += 1
        if found == limit:
            return
    if not found:
        held = ", ".join(f"{count} x {what}" for what, count in sorted(seen.items())) or "nothing"
        raise InputsError(
            f"{path}: no predict, classify or regress request for signature {signature_name!r};"
            f" it holds {held}"
        )


def read_records(path: Path) -> Iterator[bytes]:
    """Yield the records of a TFRecord file, checking both checksums of each. Raises ``InputsError``."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            while header := file.read(_HEADER.size):
                yield _record(path, file, header, size)
    except OSError as error:
        raise InputsError(f"{path}: {error.strerror}") from error


def _record(path: Path, file: BinaryIO, header: bytes, size: int) -> bytes:
    start = file.tell() - len(header)
    if len(header) < _HEADER.size:
        raise InputsError(f"{path}: truncated in the record at byte {start}")
    length, checksum = _HEADER.unpack(header)
    if masked_crc(header[:8]) != checksum:
        raise InputsError(f"{path}: damaged, or not a TFRecord file (checksum of the record at byte {start})")
    # The length is believed only once the file is known to be that long: it may claim any size.
    if length + _CHECKSUM.size > size - file.tell():
        raise InputsError(f"{path}: truncated in the record at byte {start}")
    record = file.read(length)
    if masked_crc(record) != _CHECKSUM.unpack(file.read(_CHECKSUM.size))[0]:
        raise InputsError(f"{path}: damaged (checksum of the record at byte {start})")
    return record


def masked_crc(data: bytes) -> int:
    """Return the masked CRC-32C that guards lengths and data of a TFRecord file."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def _batch(request: pb.PredictRequest | pb.ExamplesRequest, signature: Signature | None) -> Values:
    if isinstance(request, pb.ExamplesRequest):
        return [_examples(request.input, signature)]
    values = []
    for name, tensor in sorted(request.inputs.items()):
        try:
            values.append(Value(name, None, *decode_tensor(tensor)))
        except InputsError as error:
            raise InputsError(f"input {name!r}: {error}") from error
    return values


def _examples(given: pb.Input, signature: Signature | None) -> Value:
    if given.WhichOneof("kind") != "example_list":
        raise InputsError("only a plain list of examples can be fed; save these requests as .npz")
    name = only_input(signature, "save these requests as .npz")
    examples = given.example_list.examples
    return Value(name, None, STRING, string_array(examples, (len(examples),)))
