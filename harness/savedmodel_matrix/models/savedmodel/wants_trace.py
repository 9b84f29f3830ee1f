"""Follows an input through a graph to the ops that restrict its values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.example_specs import features_of
from savedmodel_matrix.models.savedmodel.flow import SAME, Flow, Scope, TangledError, Tensor
from savedmodel_matrix.models.savedmodel.normalised import normalised
from savedmodel_matrix.models.savedmodel.op_outputs import SEQUENCE_PARSERS, parsed_counts
from savedmodel_matrix.models.savedmodel.reader import dtype_name
from savedmodel_matrix.models.savedmodel.sequence_specs import sequence_features_of
from savedmodel_matrix.models.savedmodel.shapes import weight_shape
from savedmodel_matrix.models.savedmodel.wants import Form, Want

if TYPE_CHECKING:
    from collections.abc import Callable

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
    from savedmodel_matrix.models.savedmodel.vocabulary import Vocabularies

#: The longest chain of nodes that is followed; each node is one Python call.
_LONGEST = 200
#: The only floats that a feature can hold.
_FLOAT = "float32"
_WHOLE = frozenset({"int32", "int64", "uint8", "int8", "int16", "uint16", "uint32", "uint64"})

#: Ops that pass on values of their first input as their first output.
_FIRST = SAME | {
    *("Cast", "ExpandDims", "Squeeze", "Reshape", "Transpose", "StridedSlice", "Slice", "Tile", "Enter"),
    *("BroadcastTo", "ReverseV2", "ReverseSequence", "Roll", "Pad", "PadV2", "MirrorPad", "Switch"),
    *("Unpack", "GatherNd", "Unique", "UniqueV2", "UniqueWithCounts", "Max", "Min", "BatchToSpaceND"),
    *("TensorListFromTensor", "TensorListGetItem", "TensorListStack", "TensorListConcatV2", "Gather"),
    *("GatherV2", "StringStrip", "StringLower", "StringUpper", "StaticRegexReplace", "RegexReplace"),
    *("UnicodeTranscode", "NormalizeUTF8"),
}
#: Those of them that pass on every value and, by the way, no other.
_ALL_VALUES = SAME | {
    "Cast",
    "ExpandDims",
    "Squeeze",
    "Reshape",
    "Transpose",
    "Enter",
    "TensorListFromTensor",
}
#: Ops that pass on values of any of their inputs as their first output.
_ANY = frozenset({"Pack", "Concat", "ConcatV2", "Merge"})
#: Ops that pass on the values of these inputs, as which output; others are taken to change them.
_PASSED: dict[str, dict[int, int]] = {
    "TensorListSetItem": {0: 0, 2: 0},
    "Split": {1: 0},
    "Select": {1: 0, 2: 0},
    "SelectV2": {1: 0, 2: 0},
    "SparseReorder": {1: 1},
    "SparseFillEmptyRows": {1: 1},
    "SparseSlice": {1: 1},
    "SparseToDense": {2: 0},
    "RaggedTensorToTensor": {1: 0},
    "ScatterNd": {1: 0},
    "StringSplit": {0: 1},
    "StringSplitV2": {0: 1},
}
#: Ops that index one of their inputs, or a variable that a handle stands for, with another: the place of the
#: table and that of the indices.
_LOOKED_UP = {
    "Gather": (0, 1),
    "GatherV2": (0, 1),
    "ResourceGather": (0, 1),
    "EmbeddingLookup": (0, 1),
    **{
        f"SparseSegment{kind}{suffix}": (0, 1)
        for kind in ("Mean", "Sum", "SqrtN")
        for suffix in ("", "WithNumSegments")
    },
}
_DECODERS = {
    "DecodeJpeg": Form.JPEG,
    "DecodeAndCropJpeg": Form.JPEG,
    "ExtractJpegShape": Form.JPEG,
    "DecodePng": Form.PNG,
    "DecodeImage": Form.PNG,
    "DecodeBmp": Form.BMP,
    "DecodeGif": Form.GIF,
    "DecodeWav": Form.WAV,
    "StringToNumber": Form.NUMBER,
    "DecodeCSV": Form.CSV,
    "DecodeRaw": Form.RAW,
    "DecodePaddedRaw": Form.RAW,
    "DecodeCompressed": Form.COMPRESSED,
    "DecodeProtoV2": Form.PROTO,
    "DecodeJSONExample": Form.JSON,
    "ReadFile": Form.FILE,
}
_TABLES = frozenset({"LookupTableFind", "LookupTableFindV2"})


@dataclass(frozen=True)
class _State:
    """What has happened to the values on the way; ``all`` is whether each of them is still there."""

    added: int = 0
    all: bool = True


class WantsTrace:
    """Collects the wants on all paths from a tensor."""

    def __init__(self, flow: Flow, vocabularies: Vocabularies) -> None:
        self._flow = flow
        self._vocabularies = vocabularies
        self._seen: set[tuple[str, Tensor, _State]] = set()

    def want(self, tensor: Tensor) -> Want:
        """Return what the graph wants of a tensor; what was found first, if it has too many paths."""
        self._seen = set()
        return self._follow(self._flow.graph, tensor, _State(), 0)

    def _follow(self, scope: Scope, tensor: Tensor, state: _State, length: int) -> Want:
        found = Want()
        key = (_place(scope), tensor, state)
        if length > _LONGEST or key in self._seen:
            return found
        self._seen.add(key)
        try:
            uses = self._flow.uses(scope, tensor)
            for inner, node, position in uses:
                found = found.joined(self._use(inner, node, position, state, length))
        except TangledError:
            return found
        return found

    def _use(self, scope: Scope, node: pb.NodeDef, position: int, state: _State, length: int) -> Want:
        op = node.op
        if position == 0 and op in _DECODERS:
            return self._decoded(node, op)
        if position == 0 and (parsed_counts(node) or op in SEQUENCE_PARSERS):
            return self._parsed(scope, node, length)
        if op == "DecodeBase64":
            return replace(self._follow(scope, (node.name, 0), state, length + 1), base64=True)
        special = self._SPECIAL.get(op)
        if special is not None:
            return special(self, scope, node, position, state, length)
        table, indices = _LOOKED_UP.get(op, (-1, -1))
        if position == indices:
            return self._looked_up(scope, node, table, state)
        output = _passed_as(op, position)
        return Want() if output is None else self._passed(scope, node, output, state, length)

    def _passed(self, scope: Scope, node: pb.NodeDef, output: int, state: _State, length: int) -> Want:
        if node.op in {"StringSplit", "StringSplitV2"}:
            found = self._follow(scope, (node.name, 1), state, length + 1)
            return replace(found, separator=b" ")
        outputs = [output]
        if node.op in {"Unpack", "Split"}:
            outputs = list(range(min(node.attr["num" if node.op == "Unpack" else "num_split"].i, 64)))
        elif node.op == "Switch":
            outputs = [0, 1]
        found = Want()
        if node.op not in _ALL_VALUES:
            state = replace(state, all=False)
        for each in outputs:
            found = found.joined(self._follow(scope, (node.name, each), state, length + 1))
        return found

    def _parsed(self, scope: Scope, node: pb.NodeDef, length: int) -> Want:
        in_sequence = node.op in SEQUENCE_PARSERS
        found = (sequence_features_of if in_sequence else features_of)(self._flow, scope, node)
        features = []
        for feature, place in found:
            want = self._follow(scope, (node.name, place), _State(), length + 1)
            if want == Want() and feature.dtype == _FLOAT:
                want = normalised(self._flow, scope, (node.name, place))
            features.append(replace(feature, want=want))
        return Want(form=Form.SEQUENCE_EXAMPLE if in_sequence else Form.EXAMPLE, features=tuple(features))

    def _decoded(self, node: pb.NodeDef, op: str) -> Want:
        message = ""
        if op in {"DecodeRaw", "DecodePaddedRaw", "StringToNumber"}:
            message = dtype_name(node.attr["out_type"].type)
        elif op == "DecodeProtoV2":
            message = node.attr["message_type"].s.decode("utf-8", "replace")
        elif op == "DecodeCSV":
            message = ",".join(dtype_name(each) for each in node.attr["OUT_TYPE"].list.type)
        elif op == "DecodeCompressed":
            message = node.attr["compression_type"].s.decode("utf-8", "replace")
        return Want(form=_DECODERS[op], channels=node.attr["channels"].i, message=message)

    def _added(self, scope: Scope, node: pb.NodeDef, position: int, state: _State, length: int) -> Want:
        other = self._flow.value(scope, node.input[1 - position]) if len(node.input) > 1 else None
        if other is None or other.dtype.kind not in "iu" or other.size != 1:
            return Want()
        by = int(other.ravel()[0])
        if node.op == "Sub":
            if position == 1:
                return Want()
            by = -by
        return self._follow(scope, (node.name, 0), replace(state, added=state.added + by), length + 1)

    def _one_hot(
        self,
        scope: Scope,
        node: pb.NodeDef,
        position: int,
        state: _State,
        length: int,  # noqa: ARG002
    ) -> Want:
        depth = self._flow.value(scope, node.input[1]) if position == 0 and len(node.input) > 1 else None
        if depth is None or depth.size != 1:
            return Want()
        return _below(int(depth.ravel()[0]), state)

    def _counted(
        self,
        scope: Scope,
        node: pb.NodeDef,
        position: int,
        state: _State,
        length: int,  # noqa: ARG002
    ) -> Want:
        at = {"Bincount": 0, "DenseBincount": 0, "SparseBincount": 1}[node.op]
        size = self._flow.value(scope, node.input[at + 1]) if position == at else None
        return Want() if size is None or size.size != 1 else _below(int(size.ravel()[0]), state)

    def _bucketized(
        self,
        scope: Scope,
        node: pb.NodeDef,
        position: int,
        state: _State,
        length: int,  # noqa: ARG002
    ) -> Want:
        bounds = list(node.attr["boundaries"].list.f) if position == 0 else []
        if node.op == "BoostedTreesBucketize" and position < node.attr["num_features"].i:
            value = self._flow.value(scope, node.input[node.attr["num_features"].i + position])
            bounds = [] if value is None else value.ravel().tolist()
        if not bounds:
            return Want()
        span = (max(bounds) - min(bounds)) or abs(bounds[0]) or 1.0
        return Want(lowest=min(bounds) - span / 4 - state.added, highest=max(bounds) + span / 4 - state.added)

    def _found(
        self,
        scope: Scope,
        node: pb.NodeDef,
        position: int,
        state: _State,
        length: int,  # noqa: ARG002
    ) -> Want:
        if position != 1:
            return Want()
        words, numbers = self._vocabularies.keys(scope, node.input[0])
        return Want(words=words, numbers=tuple(each - state.added for each in numbers))

    def _matched(
        self,
        scope: Scope,
        node: pb.NodeDef,
        position: int,
        state: _State,  # noqa: ARG002 - the form of all of these
        length: int,  # noqa: ARG002
    ) -> Want:
        if position != 0:
            return Want()
        if node.op == "StaticRegexFullMatch":
            return Want(pattern=node.attr["pattern"].s)
        value = self._flow.value(scope, node.input[1]) if len(node.input) > 1 else None
        known = value is not None and value.size == 1 and value.dtype.kind == "O"
        return Want(pattern=value.ravel()[0]) if known and value is not None else Want()

    def _as_string(self, scope: Scope, node: pb.NodeDef, position: int, state: _State, length: int) -> Want:
        found = self._follow(scope, (node.name, 0), state, length + 1)
        numbers = tuple(int(word) for word in found.words if word.isascii() and word.isdigit())
        return Want(numbers=numbers) if position == 0 else Want()

    def _looked_up(self, scope: Scope, node: pb.NodeDef, table: int, state: _State) -> Want:
        shape = weight_shape(self._flow, scope, node.input[table]) if table < len(node.input) else None
        axis = 0
        if node.op == "GatherV2" and len(node.input) > 2:
            value = self._flow.value(scope, node.input[2])
            if value is None or value.size != 1:
                return Want()
            axis = int(value.ravel()[0])
        if shape is None or not -len(shape) <= axis < len(shape):
            return Want()
        size = shape[axis]
        if size is None:
            return Want()
        found = _below(size, state)
        # A loop may never come to it, and a mask may have replaced what is too large.
        certain = state.all and not scope.in_loop
        return replace(found, rejects=found.below) if certain else found

    _SPECIAL: dict[str, Callable[[WantsTrace, Scope, pb.NodeDef, int, _State, int], Want]] = {  # noqa: RUF012
        **dict.fromkeys(("Add", "AddV2", "Sub"), _added),
        "OneHot": _one_hot,
        **dict.fromkeys(("Bincount", "DenseBincount", "SparseBincount"), _counted),
        **dict.fromkeys(("Bucketize", "BoostedTreesBucketize"), _bucketized),
        **dict.fromkeys(_TABLES, _found),
        **dict.fromkeys(("StaticRegexFullMatch", "RegexFullMatch"), _matched),
        "AsString": _as_string,
    }


def _passed_as(op: str, position: int) -> int | None:
    """Return the output that has the values of an op's input; None if there is none."""
    if op in _ANY or (op in _FIRST and position == 0):
        return 0
    return position if op == "IdentityN" else _PASSED.get(op, {}).get(position)


def _below(size: int, state: _State) -> Want:
    bound = size - state.added
    return Want() if bound <= 0 else Want(below=bound, lowest=float(-state.added))


def _place(scope: Scope) -> str:
    """Return the calls through which a scope was entered."""
    parts = []
    each: Scope | None = scope
    while each is not None:
        parts.append(each.call)
        each = each.outer
    return "\0".join(parts)
