"""One exception per kind of failure, each with the exit status it ends the program with.

Messages say where the fault is and what to do next; they reach the user without a traceback. The table of
``docs/exit-status.md`` lists every class of this module with its status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.domain.wording import first_lines, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A message fits on a screen or two, whatever a model or a definition holds. What uv says of one conflict may
#: take a screen; a problem of a definition takes a few lines.
_LONGEST_LINE = 4000
_LONGEST_PROBLEM = 500
_MOST_PROBLEMS = 40


class HarnessError(Exception):
    """A fault of the harness itself: please report it.

    Takes the lines of its message. Line breaks inside a line, and what could control a terminal, are escaped:
    they come from names and texts of models, definitions and other programs.
    """

    #: A fault of ours, unless a class says that the user or the machine is the one to act.
    exit_status: ExitStatus = ExitStatus.HARNESS_FAULT

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(shortened(visible(line), _LONGEST_LINE) for line in lines))


class DefinitionError(HarnessError):
    """A matrix definition is wrong. Carries every problem found, not just the first.

    Its message has the first ones.
    """

    exit_status = ExitStatus.WRONG_DEFINITION

    def __init__(self, problems: Sequence[str]) -> None:
        shown = [shortened(visible(problem), _LONGEST_PROBLEM) for problem in problems[:_MOST_PROBLEMS]]
        super().__init__(*first_lines([*shown, *problems[_MOST_PROBLEMS:]], _MOST_PROBLEMS))
        self.problems = problems


class UsageError(HarnessError):
    """The command line asks for something that does not exist, or that would overwrite a file."""

    exit_status = ExitStatus.WRONG_DEFINITION


class NothingSelectedError(HarnessError):
    """The selection leaves no cell to run, or names something that does not exist."""

    exit_status = ExitStatus.NOTHING_SELECTED


class UnreadableModelError(HarnessError):
    """A SavedModel's files cannot be read as what they claim to be."""

    exit_status = ExitStatus.WRONG_DEFINITION


class NoModelError(UnreadableModelError):
    """There is no SavedModel, or it is damaged: TensorFlow does not load it either."""


class NoSignatureError(HarnessError):
    """A SavedModel has no signature to run, so no case can be written for it."""

    exit_status = ExitStatus.WRONG_DEFINITION


class InputsError(HarnessError):
    """A case's inputs cannot be made from what its definition names."""

    exit_status = ExitStatus.WRONG_DEFINITION


class PlatformError(HarnessError):
    """TensorFlow has no wheels for this operating system and processor."""

    exit_status = ExitStatus.INCOMPLETE


class PackageError(HarnessError):
    """A package that holds a model cannot be downloaded or opened."""

    exit_status = ExitStatus.INCOMPLETE


class LockError(HarnessError):
    """An environment cannot be resolved, or its lock no longer matches its definition."""

    exit_status = ExitStatus.INCOMPLETE


class StoreError(HarnessError):
    """A file in ``results/`` was written by another version of this program, so no cell can use it."""

    exit_status = ExitStatus.INCOMPLETE


class DamagedError(HarnessError):
    """Files in ``results/`` are damaged. They have been set aside; run again to record what they held."""

    exit_status = ExitStatus.INCOMPLETE


class MachineError(HarnessError):
    """The operating system refuses something: a full disk, a read-only folder, too little memory."""

    exit_status = ExitStatus.INCOMPLETE


class InstallError(HarnessError):
    """A lock cannot be installed into its environment."""

    exit_status = ExitStatus.INCOMPLETE


class ProbeError(HarnessError):
    """The probe fails, not what it was asked to run: a fault of the harness, please report it."""
