"""Checks whether a tensor that a pipeline passes to a model conflicts with what the model expects.

A false alarm is worse than silence here, so anything that may be right is not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.domain.expected_inputs import Confidence, Finding, InputExpectation, StepKind
from savedmodel_matrix.verdicts.judge.prepared import judge_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from savedmodel_matrix.domain.expected_inputs import Expectations
    from savedmodel_matrix.verdicts.judge.prepared import Array

#: Every finding, and what it means.
IDS = {
    "dtype": "the tensor's type differs from the one that the signature declares",
    "layout": "the order of the axes differs from the one that the signature declares",
    "shape": "the shape does not match the one that the signature declares",
    "fractions": "the model truncates fractions",
    "scaled-twice": "the model scales pixels itself, but gets scaled ones",
    "scaling-missing": "the model expects scaled values, but gets pixels",
    "normalised-twice": "the model normalises values itself, but gets normalised ones",
    "scaled-before-normalising": "the model normalises values itself, but gets values scaled to 0..1",
    "resized-twice": "the model resizes images itself, but they already have that size",
    "not-encoded": "the model decodes files itself, but the input is not a file of that kind",
}

#: Types that NumPy has under the same name; quantised and missing types are not reported.
_COMPARED = frozenset(
    {
        *("bool", "string", "float16", "float32", "float64", "complex64", "complex128"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    }
)
#: First bytes of files (from the formats' specifications). A BMP's are only two letters and prove little.
_MAGIC = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "WAV": (b"RIFF",),
}
#: TensorFlow's op for one image format decodes the others too (core/kernels/image/decode_image_op.cc).
_IMAGES = (*_MAGIC["JPEG"], *_MAGIC["PNG"], *_MAGIC["GIF"], b"BM", b"RIFF")


def check_expectations(expectations: Expectations, tensors: Mapping[str, Array]) -> list[Finding]:
    """Return what is wrong with the tensors passed to a model, in the order of the inputs.

    ``tensors`` maps the names of the signature's inputs to arrays; strings are arrays of objects, ``S`` or
    ``U``. Inputs that are missing, sparse or ragged are not checked. Nothing is changed.
    """
    found: list[Finding] = []
    for name, expected in expectations.inputs.items():
        if name in tensors and expected.dense:
            found += _check(expected, tensors[name])
    return found


def _check(expected: InputExpectation, tensor: Array) -> Iterator[Finding]:
    given = "string" if tensor.dtype.kind in "OSU" else tensor.dtype.name
    if given != expected.dtype and expected.dtype in _COMPARED:
        sentence = f"{expected.name}: the pipeline passes {given}, but the model declares {expected.dtype}"
        evidence = {"given": given, "declared": expected.dtype}
        yield Finding("dtype", expected.name, sentence, Confidence.CERTAIN, evidence)
    misshapen = _shape(expected, tensor)
    if misshapen is not None:
        yield misshapen
        return  # values by channel would be read from the wrong axis
    if given == "string":
        yield from _encoded(expected, tensor)
    elif tensor.dtype.kind in "fiu":
        yield from _resized(expected, tensor)
        yield from _numbers(expected, tensor)


def _shape(expected: InputExpectation, tensor: Array) -> Finding | None:
    shape = expected.shape
    if shape is None or _fits(tensor.shape, shape):
        return None
    given, declared = list(tensor.shape), str([None if each is None else each for each in shape])
    evidence: dict[str, float | str] = {"given": str(given), "declared": declared.replace("None", "?")}
    if len(shape) == 4 and tensor.ndim == 4 and expected.layout:
        axes, other = ((0, 2, 3, 1), "NCHW") if expected.layout == "NHWC" else ((0, 3, 1, 2), "NHWC")
        if _fits(tuple(tensor.shape[axis] for axis in axes), shape):
            sentence = f"{expected.name}: shape {given} is {other}, but the model declares {expected.layout}"
            return Finding("layout", expected.name, sentence, Confidence.CERTAIN, evidence)
    # Some declared scalars have a placeholder [?, 1], so a different rank is not reported.
    if len(shape) != tensor.ndim:
        return None
    sentence = f"{expected.name}: shape {given} does not match the declared {evidence['declared']}"
    return Finding("shape", expected.name, sentence, Confidence.LIKELY, evidence)


def _fits(given: tuple[int, ...], declared: tuple[int | None, ...]) -> bool:
    if len(given) != len(declared):
        return False
    return all(size is None or size == have for have, size in zip(given, declared, strict=True))


def _encoded(expected: InputExpectation, tensor: Array) -> Iterator[Finding]:
    first = expected.steps[0] if expected.steps else None
    if first is None or first.kind is not StepKind.DECODE or first.method == "base64":
        return
    known = _MAGIC["WAV"] if first.method == "WAV" else _IMAGES
    heads = [
        each[:8] if isinstance(each, bytes) else str(each)[:8].encode("utf-8", "replace")
        for each in tensor.ravel().tolist()
    ]
    wrong = [head for head in heads if not head.startswith(known)]
    if wrong:
        sentence = (
            f"{expected.name}: the model {first.said} itself, but {len(wrong)} of {len(heads)} values are "
            f"not such a file; the first one starts with {wrong[0]!r}"
        )
        evidence = {"wrong": float(len(wrong)), "of": float(len(heads))}
        yield Finding("not-encoded", expected.name, sentence, Confidence.CERTAIN, evidence)


def _resized(expected: InputExpectation, tensor: Array) -> Iterator[Finding]:
    resize = next((step for step in expected.steps if step.kind is StepKind.RESIZE), None)
    if resize is None or resize.size is None or tensor.ndim != 4 or expected.layout != "NHWC":
        return
    fixed = expected.shape is not None and expected.shape[1:3] == resize.size
    if not fixed and tensor.shape[1:3] == resize.size:
        height, width = resize.size
        sentence = (
            f"{expected.name}: the model {resize.said}, but the images already are {height} x {width}, "
            f"so the pipeline's own resizing decides"
        )
        evidence: dict[str, float | str] = {"height": height, "width": width, "method": resize.method}
        yield Finding("resized-twice", expected.name, sentence, Confidence.HINT, evidence)


def _numbers(expected: InputExpectation, tensor: Array) -> Iterator[Finding]:
    first = expected.steps[0] if expected.steps else None
    to_whole = first is not None and first.kind is StepKind.CAST and first.method.startswith(("int", "uint"))
    if first is None or not to_whole or tensor.dtype.kind != "f":
        found = judge_values(expected, tensor)
        if found is not None:
            yield found
        return
    share = float((tensor != np.round(tensor)).mean()) if tensor.size else 0.0
    if share:
        sentence = f"{expected.name}: the model {first.said}, but {share:.0%} of the values have fractions"
        yield Finding("fractions", expected.name, sentence, Confidence.LIKELY, {"share": share})
