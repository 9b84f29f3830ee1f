"""The input and the result of a prediction, as types."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.wording import first_lines, listed, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from savedmodel_matrix.models.savedmodel.reader import TensorSpec

#: Reasons, needs and notes of a prediction, and the characters of each.
_MOST = 50
_LONGEST = 1000
#: Names in one of these, and the characters of each.
_MOST_NAMED = 8
_LONGEST_NAME = 50


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
    """A TensorFlow that the data does not cover, or ops that only the case's own code can register."""


@dataclass(frozen=True)
class Target:
    """An environment and a way to load, as far as predictions depend on them.

    ``packages`` are the distributions installed alongside TensorFlow with their versions, "" for any.
    ``tags`` are the requested tags, or None. ``variables`` are environment variables. ``deterministic`` is op
    determinism. ``platform`` is that of the wheels. ``files`` are the existing paths outside the model.
    """

    tensorflow: str
    packages: Mapping[str, str] = field(default_factory=dict)
    loader: Loader = Loader.SAVED_MODEL
    tags: frozenset[str] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    deterministic: bool = False
    platform: str = "linux-x86_64"
    imports: frozenset[str] | None = None
    """Modules imported before the model is loaded; None if every package's are assumed to be."""
    brings: tuple[str, ...] = ()
    """Code loaded before the model that may register ops which are not known here."""
    files: frozenset[str] = frozenset()
    signature: str | None = None
    """What is called; None if that is not known."""
    function: str | None = None
    """An attribute that is called instead of the signature."""
    arguments: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    """The Python values that the function is given, by parameter."""
    batches: tuple[Mapping[str, TensorSpec], ...] = ()
    """What the function's inputs are, by name, in each batch; empty if they are not made yet."""
    endpoint: str | None = None
    """What a layer calls for the signature."""
    cpu_flags: frozenset[str] = frozenset()
    """As in /proc/cpuinfo; empty if unknown."""
    grappler: bool = True
    """Whether TensorFlow's graph optimizer is on."""
    misfit: str | None = None
    """Why what is called fails with the inputs of the case; None if nothing known is against them."""
    computes_elsewhere: bool = False
    """Whether ops may run on a GPU or be compiled by XLA, whose kernels are others."""

    def has(self, package: str) -> bool:
        """Whether a distribution is installed, however its name is spelled."""
        return canonicalize_name(package) in {canonicalize_name(each) for each in self.packages}


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
        return Prediction(Kind.LOADS, None, (), (), _bounded(notes), otherwise)
    needed = all(each.needs for each in found)
    at_load = any(each.stage is Stage.LOAD for each in found)
    confidence = Confidence.HIGH if any(each.seen for each in found) else Confidence.MEDIUM
    return Prediction(
        kind=Kind.NEEDS if needed else Kind.FAILS,
        stage=Stage.LOAD if at_load else Stage.RUN,
        because=_bounded(each.because for each in found),
        needs=_bounded(dict.fromkeys(name for each in found for name in each.needs)),
        notes=_bounded(notes),
        confidence=Confidence.LOW if otherwise is Confidence.LOW else confidence,
    )


def some(names: Sequence[str]) -> str:
    """Return the first names as a list in a sentence."""
    return listed([shortened(name, _LONGEST_NAME) for name in names], _MOST_NAMED)


def _bounded(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the first texts, none of them long: a hostile model has thousands of names of a megabyte."""
    return tuple(first_lines([shortened(each, _LONGEST) for each in texts], _MOST))
