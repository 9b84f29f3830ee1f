"""What a SavedModel says about itself: tags, producer, signatures.

Only the protobuf (or text) file is read, with the small schema in ``saved_model.proto``. Nothing in the model
is executed, and TensorFlow is not needed.

Signatures can be wrong (declared scalars whose placeholder is [?, 1] have been seen). The result is what the
model *declares*.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar, assert_never

from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message

from savedmodel_matrix.domain.errors import NoModelError, UnreadableModelError
from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
from savedmodel_matrix.models.savedmodel.mistaken import file_instead, folder_instead

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: One protobuf message cannot be larger (https://protobuf.dev/programming-guides/proto-limits/).
_LARGEST_BINARY = (1 << 31) - 1
#: Text is read at about 5 MB/s. Models in text form are small, so that people can review them.
_LARGEST_TEXT = 64 << 20
#: Far above any model seen, but low enough that a hostile file cannot cause minutes of work.
_MOST_META_GRAPHS = 1000

#: TensorFlow's Python names that differ from the enum's name in lower case (tf.dtypes).
_RENAMED: dict[int, str] = {pb.DT_FLOAT: "float32", pb.DT_DOUBLE: "float64", pb.DT_HALF: "float16"}
#: Initialisation ops that are kept among the signatures without being signatures (saved_model/constants.py).
RESERVED_SIGNATURES = ("__saved_model_init_op", "__saved_model_train_op")
_REFERENCE = 100  # types.proto: every type's reference twin is its number + 100

Shape = tuple[int | None, ...]
M = TypeVar("M", bound=Message)


class Kind(StrEnum):
    """How a tensor of a signature is composed."""

    DENSE = "dense"
    SPARSE = "sparse"
    RAGGED = "ragged"
    OTHER = "other"


@dataclass(frozen=True)
class TensorSpec:
    """One declared input or output.

    ``dtype`` is TensorFlow's lower-case name ("float32", "string"; "invalid" if none is declared).
    ``shape`` has None for an unknown dimension, and is itself None if even the rank is unknown.
    ``reference`` marks the ``*_ref`` types of TF 1 variables. ``ragged_rank`` and ``row_splits_dtype``
    are set for ragged tensors only. ``parts`` are the signature's own names for the components of a sparse or
    ragged tensor, in their order, if it declares each as an input of its own.
    """

    dtype: str
    shape: Shape | None
    kind: Kind = Kind.DENSE
    reference: bool = False
    ragged_rank: int = 0
    row_splits_dtype: str | None = None
    parts: tuple[str, ...] = ()

    @property
    def components(self) -> dict[str | None, str]:
        """Return the element type of each component, in TensorFlow's order; empty if unknown."""
        match self.kind:
            case Kind.DENSE:
                return {None: self.dtype}
            case Kind.SPARSE:
                return {"indices": "int64", "values": self.dtype, "dense_shape": "int64"}
            case Kind.RAGGED:
                splits = {f"row_splits_{level}": self.row_splits_dtype for level in range(self.ragged_rank)}
                return {
                    "flat_values": self.dtype,
                    **{each: dtype or "int64" for each, dtype in splits.items()},
                }
            case Kind.OTHER:
                return {}
            case _:
                assert_never(self.kind)

    def __str__(self) -> str:
        """Return the spec in readable form, for example ``float32[?,28,28]``."""
        shape = "[any rank]" if self.shape is None else f"[{','.join(_dimension(d) for d in self.shape)}]"
        reference = "_ref" if self.reference else ""
        kind = "" if self.kind is Kind.DENSE else f" ({self.kind})"
        return f"{self.dtype}{reference}{shape}{kind}"


@dataclass(frozen=True)
class Signature:
    """One callable of a meta graph; ``defaults`` names the inputs that a caller may leave out."""

    method: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    defaults: tuple[str, ...] = ()

    @property
    def spellings(self) -> dict[str, tuple[str, str | None]]:
        """Return every way to name a component of a sparse or ragged input, with input and component.

        ``x.indices`` always names one; so does the signature's own name for it, such as ``x_1``.
        """
        found: dict[str, tuple[str, str | None]] = {}
        for name, spec in self.inputs.items():
            if spec.kind is not Kind.DENSE:
                found |= {f"{name}.{each}": (name, each) for each in spec.components}
                found |= dict(zip(spec.parts, ((name, each) for each in spec.components), strict=False))
        return found


@dataclass(frozen=True)
class MetaGraph:
    """One graph of a SavedModel, with its signatures in the order of their names."""

    tags: tuple[str, ...]
    tensorflow_version: str
    tensorflow_git_version: str
    graph_producer: int
    signatures: Mapping[str, Signature]


@dataclass(frozen=True)
class ModelSummary:
    """What a SavedModel directory declares; there is always at least one meta graph."""

    meta_graphs: tuple[MetaGraph, ...]


def read_model(path: Path) -> ModelSummary:
    """Return what the SavedModel in the directory ``path`` declares.

    Reads ``saved_model.pb``, or ``saved_model.pbtxt`` if there is no ``.pb``: TensorFlow's own order.
    Raises ``UnreadableModelError``, which names the file, whatever is wrong with the files.
    """
    file = model_file(path)
    message = parse_file(file, pb.SavedModel)
    if not message.meta_graphs:
        raise no_graph(file)
    if len(message.meta_graphs) > _MOST_META_GRAPHS:
        raise UnreadableModelError(f"{file}: {len(message.meta_graphs)} meta graphs; it is not a SavedModel")
    return ModelSummary(tuple(_meta_graph(each) for each in message.meta_graphs))


def dtype_name(value: int) -> str:
    """Return TensorFlow's name for a ``DataType`` number; reference types have their plain name."""
    plain = value - _REFERENCE if value > _REFERENCE else value
    if plain in _RENAMED:
        return _RENAMED[plain]
    if plain not in pb.DataType.values():
        return f"unknown type {value}"
    return pb.DataType.Name(plain).removeprefix("DT_").lower()


def shape_of(proto: pb.TensorShapeProto) -> Shape | None:
    """Return the shape in a ``TensorShapeProto``: None per unknown dimension, None if the rank is unknown."""
    if proto.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in proto.dim)


def model_file(path: Path) -> Path:
    """Return the file that describes the model in the directory ``path``.

    Raises ``UnreadableModelError`` if there is no file that can be read.
    """
    try:
        return _model_file(path)
    except OSError as error:
        raise UnreadableModelError(f"{path}: {error.strerror}") from error


def _model_file(path: Path) -> Path:
    if not path.is_dir():
        raise not_a_folder(path)
    for name in ("saved_model.pb", "saved_model.pbtxt"):
        if (path / name).exists():
            return path / name
    if (path / "saved_model.cpb").exists():
        raise UnreadableModelError(
            f"{path / 'saved_model.cpb'}: chunked SavedModels cannot be read yet; save it again without "
            "SaveOptions(experimental_image_format=True)"
        )
    nested = sorted(each.parent.name for each in path.glob("*/saved_model.pb*"))
    holds = folder_instead(path)
    hint = f"; did you mean {path / nested[0]}?" if nested else f"; {holds}" if holds else ""
    raise NoModelError(f"{path}: contains neither saved_model.pb nor saved_model.pbtxt{hint}")


def not_a_folder(path: Path) -> NoModelError:
    """Return the error to raise for a path that is no directory; it says what a file is instead."""
    found = "no such directory"
    if path.exists():
        instead = file_instead(path)
        found = f"a file, not a directory; it is {instead}" if instead else "a file, not a directory"
    return NoModelError(f"{path}: {found}; a SavedModel is a directory with a saved_model.pb")


def check_size(file: Path) -> int:
    """Return the size of the file. Raises ``UnreadableModelError`` if it is unsafe to parse."""
    try:
        facts = file.stat()
    except OSError as error:
        raise UnreadableModelError(f"{file}: {error.strerror}") from error
    # Reading a pipe could block forever.
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableModelError(f"{file}: is not a regular file")
    limit = _LARGEST_TEXT if file.suffix == ".pbtxt" else _LARGEST_BINARY
    if facts.st_size > limit:
        raise UnreadableModelError(f"{file}: {facts.st_size} bytes; at most {limit} can be read")
    return facts.st_size


def parse_file(file: Path, kind: type[M]) -> M:
    """Return the message of this kind in a binary or text file. Raises ``UnreadableModelError``."""
    check_size(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UnreadableModelError(f"{file}: {error.strerror}") from error
    try:
        if file.suffix == ".pbtxt":
            return text_format.Parse(content, kind(), allow_unknown_field=True)
        return kind.FromString(content)
    # RecursionError: text endlessly nested; ValueError: bytes that are no UTF-8 or numbers out of range.
    except (DecodeError, text_format.ParseError, ValueError, RecursionError) as error:
        raise damaged(file, error) from error


def no_graph(file: Path) -> NoModelError:
    """Return the error to raise for a file that can be read and holds no graph."""
    instead = file_instead(file)
    what = f"it is {instead}" if instead else "the file is empty, or not a SavedModel"
    return NoModelError(f"{file}: contains no meta graph; {what}")


def damaged(file: Path, error: Exception) -> NoModelError:
    """Return the error to raise for a file that a parser rejected with ``error``."""
    if instead := file_instead(file):
        return NoModelError(f"{file}: it is {instead}")
    # The parsers quote the line they stopped at, however long it is.
    detail = str(error).partition("\n")[0][:200] or type(error).__name__
    return NoModelError(
        f"{file}: damaged, truncated, or not a SavedModel ({detail}); copy the model again from its source"
    )


def _meta_graph(message: pb.MetaGraphDef) -> MetaGraph:
    info = message.meta_info_def
    return MetaGraph(
        tags=tuple(info.tags),
        tensorflow_version=info.tensorflow_version,
        tensorflow_git_version=info.tensorflow_git_version,
        graph_producer=message.graph_def.versions.producer,
        # Protobuf maps have no order; they are sorted so that the printed order never changes.
        signatures={
            name: signature_of(each)
            for name, each in sorted(message.signature_def.items())
            if name not in RESERVED_SIGNATURES
        },
    )


def signature_of(message: pb.SignatureDef) -> Signature:
    """Return the signature that a ``SignatureDef`` declares."""
    return Signature(
        method=message.method_name,
        inputs={name: _tensor(each) for name, each in sorted(message.inputs.items())},
        outputs={name: _tensor(each) for name, each in sorted(message.outputs.items())},
        defaults=tuple(sorted(message.defaults)),
    )


def _tensor(message: pb.TensorInfo) -> TensorSpec:
    if message.WhichOneof("encoding") == "composite_tensor":
        return _composite(message.composite_tensor)
    kind = Kind.SPARSE if message.WhichOneof("encoding") == "coo_sparse" else Kind.DENSE
    return TensorSpec(
        dtype=dtype_name(message.dtype),
        # Absent in models of TF 1.0, where it means nothing. A scalar's shape is present but has no dims.
        shape=shape_of(message.tensor_shape) if message.HasField("tensor_shape") else None,
        kind=kind,
        reference=message.dtype > _REFERENCE,
    )


def _composite(message: pb.TensorInfo.CompositeTensor) -> TensorSpec:
    parts = message.components
    if message.type_spec.type_spec_class != pb.TypeSpecProto.RAGGED_TENSOR_SPEC or len(parts) < 2:
        dtype = dtype_name(parts[0].dtype) if parts else "invalid"
        return TensorSpec(dtype=dtype, shape=None, kind=Kind.OTHER)
    # RaggedTensor flattens to its flat values and then its row splits, outermost first; the state of its
    # spec starts with the shape (tensorflow/python/ops/ragged/ragged_tensor.py, RaggedTensorSpec).
    state = message.type_spec.type_state.tuple_value.values
    stated = state[0] if state else pb.StructuredValue()
    return TensorSpec(
        dtype=dtype_name(parts[0].dtype),
        shape=shape_of(stated.tensor_shape_value) if stated.HasField("tensor_shape_value") else None,
        kind=Kind.RAGGED,
        ragged_rank=len(parts) - 1,
        row_splits_dtype=dtype_name(parts[1].dtype),
    )


def _dimension(size: int | None) -> str:
    return "?" if size is None else str(size)
