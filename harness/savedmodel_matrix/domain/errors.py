"""One exception per kind of failure, each with the exit status it ends the program with.

Messages say where the fault is and what to do next; they reach the user without a traceback. The table of
``docs/exit-status.md`` lists every class of this module with its status.
"""

from __future__ import annotations

from savedmodel_matrix.domain.exit_status import ExitStatus


class HarnessError(Exception):
    """A fault of the harness itself: please report it."""

    #: A fault of ours, unless a class says that the user or the machine is the one to act.
    exit_status: ExitStatus = ExitStatus.HARNESS_FAULT


class DefinitionError(HarnessError):
    """A matrix definition is wrong. Carries every problem found, not just the first."""

    exit_status = ExitStatus.WRONG_DEFINITION

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
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
