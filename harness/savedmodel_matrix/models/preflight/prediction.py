"""The input and the result of a prediction, as types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Kind(StrEnum):
    """The predicted outcome of a model in an environment."""

    LOADS = "loads"
    NEEDS = "needs"
    """It fails as things are, and would load with the additions in ``needs``."""
    FAILS = "fails"


class Stage(StrEnum):
    """When it fails."""

    LOAD = "load"
    RUN = "run"


class Confidence(StrEnum):
    """How sure a prediction is."""

    HIGH = "high"
    """A rule whose failure has been seen, or a model no newer than the TensorFlow that loads it, which
    TensorFlow's promise of compatibility covers."""
    MEDIUM = "medium"
    """A rule read from the source but not seen, or a model newer than the TensorFlow that loads it, in which
    no rule finds a problem: nobody promises that."""
    LOW = "low"
    """A TensorFlow that the data does not cover."""


@dataclass(frozen=True)
class Target:
    """An environment and a way to load, as far as predictions depend on them.

    ``packages`` are the names of the distributions installed alongside TensorFlow. ``tags`` are the requested
    tags, or None. ``variables`` are environment variables. ``deterministic`` is op determinism.
    ``files`` are the paths outside the model that exist there.
    """

    tensorflow: str
    packages: frozenset[str] = frozenset()
    loader: Loader = Loader.SAVED_MODEL
    tags: frozenset[str] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    deterministic: bool = False
    files: frozenset[str] = frozenset()

    def has(self, package: str) -> bool:
        """Whether a distribution is installed, however its name is spelled."""
        return normal(package) in {normal(each) for each in self.packages}


def normal(package: str) -> str:
    """Return the normalised name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", package).lower()


@dataclass(frozen=True)
class Finding:
    """One reason why a model fails, from one rule.

    ``needs`` is what would fix it: the name of a distribution if one is missing (tf-keras in the version of
    TensorFlow's minor). ``seen`` is whether the failure was reproduced in a real TensorFlow.
    """

    because: str
    needs: tuple[str, ...] = ()
    stage: Stage = Stage.LOAD
    seen: bool = True


@dataclass(frozen=True)
class Prediction:
    """The predicted outcome, and why.

    ``stage`` is None for a model that loads. ``notes`` are worth knowing but do not change the prediction,
    such as an input that this loader does not fill in by itself.
    """

    kind: Kind
    stage: Stage | None
    because: tuple[str, ...]
    needs: tuple[str, ...]
    notes: tuple[str, ...]
    confidence: Confidence


def conclude(findings: Iterable[Finding], notes: Iterable[str], otherwise: Confidence) -> Prediction:
    """Return the prediction from the findings; without any, ``loads`` with confidence ``otherwise``."""
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
