"""The exit statuses of a run, defined only here: number, name and meaning."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The status that a run or a command exits with."""

    #: The meaning as one sentence for the user, without a full stop.
    meaning: str

    OK = 0, "every required cell ran, and nothing differs from the baseline beyond noise"
    DIVERGED = (
        1,
        "something differs from the baseline, or serving from training, beyond noise; or a check failed",
    )
    WRONG_DEFINITION = 2, "the matrix definition, a model or its inputs are wrong"
    NOTHING_SELECTED = 3, "nothing was selected"
    INCOMPLETE = (
        4,
        "some required cells, checks or comparisons did not run; everything else is within noise",
    )
    HARNESS_FAULT = 5, "a fault of savedmodel-matrix itself"
    INTERRUPTED = 130, "interrupted"

    def __new__(cls, number: int, meaning: str) -> ExitStatus:
        """Create a member from its number and its meaning."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.meaning = meaning
        return member
