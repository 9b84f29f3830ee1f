"""Predictions: what is asked, and the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Kind(StrEnum):
    """What is expected of a model in an environment."""

    LOADS = "loads"
    NEEDS = "needs"
    """It fails as things are, and would load with what is named."""
    FAILS = "fails"


class Stage(StrEnum):
    """When it fails."""

    LOAD = "load"
    RUN = "run"


class Confidence(StrEnum):
    """How sure a prediction is."""

    HIGH = "high"
    """A rule that has been seen at work, or a model no newer than its TensorFlow, which TensorFlow's
    promise of compatibility covers."""
    MEDIUM = "medium"
    """A rule read in the source and not seen, or a model newer than its TensorFlow, for which no rule
    speaks: nobody promises that."""
    LOW = "low"
    """A TensorFlow that the data does not cover."""


@dataclass(frozen=True)
class Target:
    """An environment and a way to load, as far as predictions depend on them.

    ``packages`` are the names of distributions that are installed besides TensorFlow. ``tags`` are those
    asked for, None for none. ``variables`` are environment variables. ``deterministic`` is op determinism.
    """

    tensorflow: str
    packages: frozenset[str] = frozenset()
    loader: Loader = Loader.SAVED_MODEL
    tags: frozenset[str] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    deterministic: bool = False

    def has(self, package: str) -> bool:
        """Whether a distribution is installed, however its name is spelled."""
        return normal(package) in {normal(each) for each in self.packages}


def normal(package: str) -> str:
    """Return the one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", package).lower()


@dataclass(frozen=True)
class Finding:
    """What one rule says against a model.

    ``needs`` is what would fix it: the name of a distribution if it is one, of TensorFlow's minor version for
    tf-keras. ``seen`` is whether it was watched in a real TensorFlow.
    """

    because: str
    needs: tuple[str, ...] = ()
    stage: Stage = Stage.LOAD
    seen: bool = True


@dataclass(frozen=True)
class Prediction:
    """What is expected, and why.

    ``stage`` is None for what loads. ``notes`` are worth knowing and change nothing, such as an input that
    this loader does not fill in.
    """

    kind: Kind
    stage: Stage | None
    because: tuple[str, ...]
    needs: tuple[str, ...]
    notes: tuple[str, ...]
    confidence: Confidence


def conclude(findings: Iterable[Finding], notes: Iterable[str], otherwise: Confidence) -> Prediction:
    """Return the prediction that findings amount to; without any, that it loads, with that confidence."""
    found = list(dict.fromkeys(findings))
    if not found:
        return Prediction(Kind.LOADS, None, (), (), tuple(notes), otherwise)
    needed = all(each.needs for each in found)
    at_load = any(each.stage is Stage.LOAD for each in found)
    confidence = Confidence.HIGH if any(each.seen for each in found) else Confidence.MEDIUM
    return Prediction(
        kind=Kind.NEEDS if needed else Kind.FAILS,
        stage=Stage.LOAD if at_load else Stage.RUN,
        because=tuple(each.because for each in found),
        needs=tuple(dict.fromkeys(name for each in found for name in each.needs)),
        notes=tuple(notes),
        confidence=Confidence.LOW if otherwise is Confidence.LOW else confidence,
    )
