"""What a model expects of its inputs, and where a tensor does not meet that."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class StepKind(StrEnum):
    """What a model does to an input before anything that was learned."""

    CAST = "cast"
    AFFINE = "affine"
    RESIZE = "resize"
    CROP = "crop"
    DECODE = "decode"
    PARSE = "parse"
    TRANSPOSE = "transpose"
    REVERSE = "reverse"
    LOOKUP = "lookup"
    TEXT = "text"
    BUCKETS = "buckets"
    HASH = "hash"
    ONE_HOT = "one-hot"
    SPECTRUM = "spectrum"


@dataclass(frozen=True)
class Step:
    """One thing that a model does to an input itself.

    ``said`` is one line for a person, ``layer`` the layer of Keras it belongs to where that is known.
    An affine step is ``x * scale + offset``, one number or one for each entry of the last axis; a resize
    has the ``size`` (height, width) it makes, where that is fixed, and its ``method``.
    """

    kind: StepKind
    said: str
    layer: str = ""
    scale: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()
    size: tuple[int, int] | None = None
    method: str = ""


@dataclass(frozen=True)
class InputExpectation:
    """What one input of a signature is to be.

    ``dtype`` is TensorFlow's name, ``shape`` has None for an unknown dimension and is None for an unknown
    rank. ``dense`` is False for sparse and ragged inputs. ``layout`` is "NHWC", "NCHW" or "", read off the
    number of channels. ``steps`` are what the model does to it first, in their order; none are stated where
    branches of the model do different things to it. ``leads_to`` are the ops that take what comes out.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None
    dense: bool = True
    layout: str = ""
    steps: tuple[Step, ...] = ()
    leads_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class PreprocessingLayer:
    """A layer of Keras that prepares data, as Keras described it in the model (Keras 2 only)."""

    class_name: str
    name: str
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Expectations:
    """What a model says about the inputs of one signature.

    ``transformed`` are the features that a graph of TensorFlow Transform makes, in the order of their names.
    """

    signature: str
    inputs: Mapping[str, InputExpectation]
    layers: tuple[PreprocessingLayer, ...] = ()
    transformed: tuple[str, ...] = ()


class Confidence(StrEnum):
    """How sure a finding is; a hint may be exactly what was wanted."""

    CERTAIN = "certain"
    LIKELY = "likely"
    HINT = "hint"


@dataclass(frozen=True)
class Finding:
    """A tensor that does not meet what the model expects of it.

    ``id`` is one of ``savedmodel_matrix.verdicts.judge.input_findings.IDS``; ``evidence`` holds the numbers
    that it was judged by.
    """

    id: str
    input: str
    sentence: str
    confidence: Confidence
    evidence: Mapping[str, float | str] = field(default_factory=dict)
