"""What a person asks when looking for the version at which an answer changes."""

from __future__ import annotations

from enum import StrEnum

from savedmodel_matrix.domain.stored import Stored

TENSORFLOW = "tensorflow"


class Predicate(StrEnum):
    """What is asked of every version; the answer in the first version is the good one."""

    OUTCOME = "outcome"
    """Whether it runs, and if not, why."""
    VERDICT = "verdict"
    """Whether it also agrees with the good version."""
    BITS = "bits"
    """Whether its outputs are bit for bit those of the good version."""
    DECISION = "decision"
    """Whether an argmax, an integer, a boolean or a string changed."""
    NOISE = "noise"
    """Whether it differs by more than a multiple of the noise."""
    COMMAND = "command"
    """What a command of the user's exits with: 0 is good, 125 is unknown, anything else is bad."""


class Bisect(Stored):
    """A package and two of its versions, and the predicate whose answer differs between them."""

    target: str
    """As in ``Upgrade``."""
    package: str = TENSORFLOW
    good: str
    bad: str
    predicate: Predicate = Predicate.VERDICT
    over: float = 3.0
    """The multiple of the noise, for ``NOISE``."""
    command: str | None = None
    """The command line, for ``COMMAND``; it runs without a shell, with the environment's programs."""
    tensorflow: str | None = None
    """The TensorFlow that stays, if the package is another one."""
    python: str | None = None
    """The Python that stays; None for one that runs both ends, if there is one."""
    case: str | None = None
    """The case to look at; None for all of the target's."""
    versions: tuple[str, ...] = ()
    """Every version between the two ends, oldest first; filled in before the first round."""
    pins: tuple[str, ...] = ()
    """The other packages of the good end, if the package is not TensorFlow: they stay as they are."""
