"""The exit statuses of a run: the number, its name and its meaning, each defined here and nowhere else."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What a run, or a command, ends with."""

    OK = 0
    DIVERGED = 1
    WRONG_DEFINITION = 2
    NOTHING_SELECTED = 3
    INCOMPLETE = 4
    HARNESS_FAULT = 5
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One sentence for the user, without a full stop."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitStatus.OK: "every required cell ran, and everything matches the baseline within noise",
    ExitStatus.DIVERGED: (
        "something differs beyond noise, from the baseline or from training, or a check fails"
    ),
    ExitStatus.WRONG_DEFINITION: "the matrix definition, the model, the inputs or the command line is wrong",
    ExitStatus.NOTHING_SELECTED: "nothing is selected",
    ExitStatus.INCOMPLETE: (
        "some required cells, checks or comparisons did not run or prove little; nothing differs beyond noise"
    ),
    ExitStatus.HARNESS_FAULT: "the harness itself failed",
    ExitStatus.INTERRUPTED: "interrupted",
}
