"""One exception per kind of failure, each with the exit status it ends the program with.

Messages say where the fault is and what to do next; they reach the user without a traceback.
"""

from __future__ import annotations


class HarnessError(Exception):
    """A failure the user can act on. ``exit_status`` is the contract's number for its kind."""

    exit_status = 5


class DefinitionError(HarnessError):
    """A matrix definition is wrong. Carries every problem found, not just the first."""

    exit_status = 2

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NothingSelectedError(HarnessError):
    """A selector left no cell to run."""

    exit_status = 3


class UnreadableModelError(HarnessError):
    """A SavedModel's files cannot be read as what they claim to be."""

    exit_status = 2


class InputsError(HarnessError):
    """A case's inputs cannot be made from what its definition names."""

    exit_status = 2


class PackageError(HarnessError):
    """A package of the language's index could not be fetched or opened."""

    exit_status = 4


class LockError(HarnessError):
    """An environment could not be resolved, or its lock no longer matches its definition."""

    exit_status = 4


class StoreError(HarnessError):
    """Something stored in ``results/`` is of another format version, or damaged."""

    exit_status = 5


class InstallError(HarnessError):
    """A lock could not be installed into its environment."""

    exit_status = 4


class ProbeError(HarnessError):
    """The probe failed, not what it was asked to run."""
