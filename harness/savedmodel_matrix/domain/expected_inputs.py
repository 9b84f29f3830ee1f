"""What a model expects of its inputs, and how a tensor violates that."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class StepKind(StrEnum):
    """What a model does to an input before any learned operation."""

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
    """One step of preprocessing that the model itself applies to an input.

    ``said`` describes it in one line; ``layer`` is the Keras layer it belongs to, if known. An affine step
    is ``x * scale + offset``, with one number or one for each entry of the last axis. A resize has its
    target ``size`` (height, width) if that is fixed, and its ``method``.
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
    """What a signature expects of one input.

    ``dtype`` is TensorFlow's name; ``shape`` has None for an unknown dimension and is None for an unknown
    rank. ``dense`` is False for sparse and ragged inputs. ``layout`` is "NHWC", "NCHW" or "", inferred from
    the number of channels. ``steps`` are the model's first operations on it, in order; the list is empty if
    branches of the model treat it differently. ``leads_to`` are the ops that take the result.
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
    """A Keras preprocessing layer, as Keras described it in the model (Keras 2 only)."""

    class_name: str
    name: str
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Expectations:
    """What a model expects of the inputs of one signature.

    ``transformed`` are the features that a TensorFlow Transform graph produces, sorted by name.
    """

    signature: str
    inputs: Mapping[str, InputExpectation]
    layers: tuple[PreprocessingLayer, ...] = ()
    transformed: tuple[str, ...] = ()


class Confidence(StrEnum):
    """How certain a finding is; a hint may be intended."""

    CERTAIN = "certain"
    LIKELY = "likely"
    HINT = "hint"


@dataclass(frozen=True)
class Finding:
    """A tensor that violates what the model expects.

    ``id`` is one of ``savedmodel_matrix.verdicts.judge.input_findings.IDS``; ``evidence`` holds the numbers
    behind the finding.
    """

    id: str
    input: str
    sentence: str
    confidence: Confidence
    evidence: Mapping[str, float | str] = field(default_factory=dict)
