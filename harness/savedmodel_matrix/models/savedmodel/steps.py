"""The steps that a model applies to an input before the learned part, recognised by their ops.

Each path from an input is followed as long as its ops are known. If the paths diverge, only their common
steps are reported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.expected_inputs import Step, StepKind
from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.models.savedmodel.flow import SAME, Flow, Scope, TangledError, Tensor, Values
from savedmodel_matrix.models.savedmodel.reader import dtype_name

if TYPE_CHECKING:
    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb

#: The longest chain of nodes that is followed; each node is one Python call.
_LONGEST = 200
_MOST_NAMES = 12

#: Ops that only reshape the tensor, or turn it into a list of tensors and back.
_RESHAPED = SAME | {
    "ExpandDims",
    "Squeeze",
    "TensorListFromTensor",
    "TensorListGetItem",
    "TensorListSetItem",
    "TensorListStack",
}
#: Ops that read the shape and not the values.
_SHAPES = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})
_RESIZES = {
    "ResizeBilinear": "bilinear",
    "ResizeNearestNeighbor": "nearest",
    "ResizeBicubic": "bicubic",
    "ResizeArea": "area",
}
#: ScaleAndTranslate's kernels, and tf.image.resize's names for them (ops/image_ops_impl.py).
_KERNELS = {"triangle": "bilinear", "keyscubic": "bicubic"}
_DECODERS = {
    "DecodeJpeg": "JPEG",
    "DecodePng": "PNG",
    "DecodeImage": "image",
    "DecodeBmp": "BMP",
    "DecodeGif": "GIF",
    "DecodeAndCropJpeg": "JPEG",
    "DecodeWav": "WAV",
    "DecodeBase64": "base64",
}
_TEXTS = {
    "StringLower": "changes text to lower case",
    "StringUpper": "changes text to upper case",
    "StaticRegexReplace": "replaces parts of text by a pattern",
    "RegexReplace": "replaces parts of text by a pattern",
}
#: Ops whose output is no longer the input; the path ends there.
_LAST = {
    "StringSplitV2": (StepKind.TEXT, "splits text into words"),
    "StringSplit": (StepKind.TEXT, "splits text into words"),
    "UnicodeDecodeWithOffsets": (StepKind.TEXT, "splits text into characters"),
    "UnicodeDecode": (StepKind.TEXT, "splits text into characters"),
    "LookupTableFindV2": (StepKind.LOOKUP, "looks it up in a vocabulary"),
    "LookupTableFind": (StepKind.LOOKUP, "looks it up in a vocabulary"),
    "StringToHashBucketFast": (StepKind.HASH, "hashes it into buckets"),
    "StringToHashBucketStrong": (StepKind.HASH, "hashes it into buckets"),
    "Bucketize": (StepKind.BUCKETS, "sorts it into buckets with fixed bounds"),
    "OneHot": (StepKind.ONE_HOT, "encodes whole numbers one-hot"),
    "DenseBincount": (StepKind.ONE_HOT, "counts whole numbers"),
    "AudioSpectrogram": (StepKind.SPECTRUM, "takes the spectrum"),
    "RFFT": (StepKind.SPECTRUM, "takes the spectrum"),
}
_PARSERS = frozenset({"ParseExample", "ParseExampleV2", "ParseSingleExample"})
#: The step of a node that changes nothing relevant.
UNCHANGED = Step(StepKind.CAST, "")
_ARITHMETIC = frozenset({"Add", "AddV2", "BiasAdd", "Sub", "Mul", "RealDiv", "Div"})


@dataclass(frozen=True)
class Path:
    """One path from an input: its steps, and the op that takes their result."""

    steps: tuple[Step, ...]
    end: str


def steps_of(
    flow: Flow, tensor: Tensor, scope: Scope | None = None
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Return the steps that all paths from a tensor of ``scope`` share, and the ops they lead to.

    ``scope`` is the graph itself if it is None. Both are empty if there are more paths than can be followed.
    """
    try:
        paths = _Trace(flow).paths(scope or flow.graph, tensor)
    except TangledError:
        return (), ()
    shared: list[Step] = []
    for same in zip(*(path.steps for path in paths), strict=False):
        if any(each != same[0] for each in same):
            break
        shared.append(same[0])
    return _merged(shared), tuple(sorted({path.end for path in paths if path.end}))


class _Trace:
    def __init__(self, flow: Flow) -> None:
        self._flow = flow

    def paths(
        self, scope: Scope, tensor: Tensor, steps: tuple[Step, ...] = (), length: int = 0
    ) -> list[Path]:
        """Return all paths from a tensor. Raises TangledError."""
        found: list[Path] = []
        for inner, node, position in self._flow.uses(scope, tensor):
            if node.op in _SHAPES or (node.op in _RESIZES and position != 0):
                continue
            known = self._step(inner, node, position)
            if known is None or length > _LONGEST:
                found.append(Path(steps, node.op))
                continue
            taken = steps if known is UNCHANGED else (*steps, known)
            if node.op in _LAST or node.op in _PARSERS:
                found.append(Path(taken, node.op))
            else:
                found += self.paths(inner, (node.name, 0), taken, length + 1)
        return found

    def _step(self, scope: Scope, node: pb.NodeDef, position: int) -> Step | None:
        """Return what a node does to one of its inputs: UNCHANGED for nothing, None if unknown."""
        known = _plain(node)
        if known is not None:
            return known
        if node.op in _ARITHMETIC:
            return self._affine(scope, node, position)
        recognise = {
            **dict.fromkeys((*_RESIZES, "ScaleAndTranslate"), self._resize),
            **dict.fromkeys(_PARSERS, self._parsed),
            **dict.fromkeys(("Transpose", "ReverseV2"), self._moved),
            "StridedSlice": self._sliced,
        }.get(node.op)
        return recognise(scope, node) if recognise is not None and position == 0 else None

    def _operand(self, scope: Scope, node: pb.NodeDef, position: int) -> Values | None:
        """Return a node's input if it is constant numbers; None also if a damaged node lacks it."""
        value = self._flow.value(scope, node.input[position]) if position < len(node.input) else None
        return value if value is not None and value.dtype.kind in "fib" and np.isfinite(value).all() else None

    def _affine(self, scope: Scope, node: pb.NodeDef, position: int) -> Step | None:
        constant = self._operand(scope, node, 1 - position) if position < 2 else None
        values = _per_channel(constant)
        if values is None:
            return None
        zero: tuple[float, ...] = (0.0,)
        scale: tuple[float, ...] = (1.0,)
        offset = values
        if node.op == "Mul":
            scale, offset = values, zero
        elif node.op in {"RealDiv", "Div"}:
            if position == 1 or 0.0 in values:
                return None
            scale, offset = tuple(1 / each for each in values), zero
        elif node.op == "Sub" and position == 0:
            offset = tuple(-each for each in values)
        elif node.op == "Sub":
            scale = (-1.0,)
        return Step(StepKind.AFFINE, "scales", layer=_layer(node), scale=scale, offset=offset)

    def _resize(self, scope: Scope, node: pb.NodeDef) -> Step:
        size = self._operand(scope, node, 1)
        fixed = (int(size[0]), int(size[1])) if size is not None and size.shape == (2,) else None
        kernel = node.attr["kernel_type"].s.decode("utf-8", "replace")
        method = _RESIZES.get(node.op) or _KERNELS.get(kernel, kernel)
        smooth = node.op == "ScaleAndTranslate" and ("antialias" not in node.attr or node.attr["antialias"].b)
        said = f"resizes to {fixed[0]} x {fixed[1]}" if fixed else "resizes"
        said += f", {method}{', antialiased' if smooth else ''}"
        return Step(StepKind.RESIZE, said, layer=_layer(node), size=fixed, method=method)

    def _moved(self, scope: Scope, node: pb.NodeDef) -> Step | None:
        axes = self._operand(scope, node, 1)
        if axes is None:
            return None
        named = ", ".join(str(int(axis)) for axis in axes.ravel())
        if node.op == "Transpose":
            return Step(StepKind.TRANSPOSE, f"transposes to axes {named}", method=named)
        return Step(StepKind.REVERSE, f"reverses axis {named}", method=named)

    def _sliced(self, scope: Scope, node: pb.NodeDef) -> Step | None:
        strides = self._operand(scope, node, 3)
        if strides is None or not strides.size:
            return None
        by = [int(each) for each in strides.ravel()]
        only_ones = all(each == 1 for each in by)
        if only_ones and node.attr["new_axis_mask"].i | node.attr["ellipsis_mask"].i == (1 << len(by)) - 1:
            return UNCHANGED
        if by[-1] == -1 and all(each == 1 for each in by[:-1]):
            return Step(StepKind.REVERSE, "reverses the last axis", method="-1")
        if only_ones and len(by) in {3, 4} and node.attr["shrink_axis_mask"].i == 0:
            return Step(StepKind.CROP, "crops", layer=_layer(node))
        return None

    def _parsed(self, scope: Scope, node: pb.NodeDef) -> Step:
        inputs = node.input[2:] if node.op != "ParseSingleExample" else []
        if node.op == "ParseExampleV2":
            inputs = node.input[2:5]
        elif node.op == "ParseExample":
            inputs = node.input[2 : 2 + node.attr["Nsparse"].i + node.attr["Ndense"].i]
        keys = [self._flow.value(scope, each) for each in inputs]
        names = [
            str(key, "utf-8", "replace")
            for each in keys
            if each is not None
            for key in each.ravel()
            if isinstance(key, bytes)
        ]
        named = listed(sorted(names), _MOST_NAMES)
        return Step(StepKind.PARSE, f"parses tf.Example{': ' if named else ''}{named}")


def _plain(node: pb.NodeDef) -> Step | None:
    """Return the step of an op that does the same everywhere."""
    op = node.op
    known: Step | None = None
    if op in _RESHAPED:
        known = UNCHANGED
    elif op == "Cast":
        to = dtype_name(node.attr["DstT"].type)
        known = Step(StepKind.CAST, f"casts to {to}", method=to)
    elif op in _LAST:
        kind, said = _LAST[op]
        known = Step(kind, said, layer=_layer(node))
    elif op in _TEXTS:
        known = Step(StepKind.TEXT, _TEXTS[op], layer=_layer(node))
    elif op in _DECODERS:
        known = Step(StepKind.DECODE, f"decodes {_DECODERS[op]}", method=_DECODERS[op])
    return known


def _per_channel(values: Values | None) -> tuple[float, ...] | None:
    """Return a constant as one number, or one for each entry of the last axis; None for anything else."""
    if values is None or values.dtype.kind not in "fi" or not values.size:
        return None
    if any(size != 1 for size in values.shape[:-1]) or not np.isfinite(values).all():
        return None
    numbers = tuple(float(each) for each in values.ravel())
    return numbers[:1] if len(set(numbers)) == 1 else numbers


def _merged(steps: list[Step]) -> tuple[Step, ...]:
    """Return the steps with runs of arithmetic merged, and casts between floats left out."""
    merged: list[Step] = []
    for step in steps:
        last = merged[-1] if merged else None
        if last is not None and last.kind is not StepKind.DECODE and step.method in {"float32", "float64"}:
            continue
        if step.kind is StepKind.AFFINE and last is not None and last.kind is StepKind.AFFINE:
            joined = _joined(last, step)
            if joined is not None:
                merged[-1] = joined
                continue
        merged.append(step)
    return tuple(
        replace(each, said=_affine_said(each)) if each.kind is StepKind.AFFINE else each
        for each in merged
        if each.kind is not StepKind.AFFINE or _changes(each)
    )


def _joined(first: Step, second: Step) -> Step | None:
    sizes = {len(each) for each in (first.scale, first.offset, second.scale, second.offset)} - {1}
    if len(sizes) > 1:
        return None
    with np.errstate(all="ignore"):
        scale = np.multiply(first.scale, second.scale)
        offset = np.multiply(first.offset, second.scale) + second.offset
    layers = dict.fromkeys(name for name in (*first.layer.split(", "), second.layer) if name)
    return replace(first, layer=", ".join(layers), scale=tuple(scale.tolist()), offset=tuple(offset.tolist()))


def _changes(step: Step) -> bool:
    """Whether arithmetic has an effect: a Normalization that has seen no data divides by one."""
    return not (np.allclose(step.scale, 1, rtol=1e-6) and np.allclose(step.offset, 0, atol=1e-6))


def _affine_said(step: Step) -> str:
    if len(step.scale) == len(step.offset) == 1:
        scale, offset = step.scale[0], step.offset[0]
        divided = f"x / {1 / scale:.6g}" if 0 < abs(scale) < 1 else f"x * {scale:.6g}"
        text = "x" if scale == 1 else divided
        return text if offset == 0 else f"{text} {'+' if offset > 0 else '-'} {abs(offset):.6g}"
    deviations = [1 / each if each else float("inf") for each in step.scale]
    pairs = np.broadcast_arrays(step.offset, step.scale)
    means = [-offset / scale if scale else float("nan") for offset, scale in zip(*pairs, strict=True)]
    centred = f"x - {_listed(means)}"
    return centred if all(each == 1 for each in deviations) else f"({centred}) / {_listed(deviations)}"


def _listed(values: list[float]) -> str:
    shown = ", ".join(f"{each:.4g}" for each in values[:_MOST_NAMES])
    return f"[{shown}{', ...' if len(values) > _MOST_NAMES else ''}]" if len(values) > 1 else shown


def _layer(node: pb.NodeDef) -> str:
    """Return the scope in which a node was created; Keras names it after the layer."""
    parts = node.name.split("/")
    return parts[-2] if len(parts) > 1 else ""
