"""The checks of session behaviour that a case can enable, and their results."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.arrays import ArrayEntry, Named
from savedmodel_matrix.domain.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Mapping


class Check(StrEnum):
    """A named question about a model that a single run in a fresh process cannot answer."""

    REPEAT = "repeat"
    """One session, run repeatedly: does state leak from call to call?"""
    FRESH_PROCESS = "fresh-process"
    """Do two independent processes agree?"""
    CONCURRENT = "concurrent"
    """Threads that share one loaded model, compared with a single thread."""
    RELOAD = "reload"
    """Load, run and release repeatedly, then two models at once: results, descriptors, threads."""
    LEAK = "leak"
    """Does memory grow with every load, or with every call?"""
    BATCH = "batch"
    """Row by row compared with batched, and rows in another order."""
    THREADS = "threads"
    """One thread compared with many, within an operation and between operations."""


@dataclass(frozen=True)
class Recipe:
    """How a check runs: the probe's parameters, and its time limit as a multiple of the case's.

    A check without parameters is a second recording of the cell.
    """

    time_factor: int
    parameters: Mapping[str, Any] = field(default_factory=dict)


RECIPES: Mapping[Check, Recipe] = {
    Check.REPEAT: Recipe(4, {"runs": 8}),
    Check.FRESH_PROCESS: Recipe(1),
    Check.CONCURRENT: Recipe(10, {"threads": 8, "calls": 16, "budget_s": 20.0, "patience_s": 30.0}),
    Check.RELOAD: Recipe(10, {"cycles": 12, "budget_s": 60.0}),
    Check.LEAK: Recipe(10, {"loads": 30, "readings": 20, "calls": 10, "budget_s": 120.0}),
    Check.BATCH: Recipe(4, {"seed": 1}),
    Check.THREADS: Recipe(1),
}


class CheckVerdict(StrEnum):
    """The verdict of a check."""

    PASSES = "pass"
    FLOAT_NOISE = "float-noise"
    """The bits differ, but only by rounding."""
    FAILS = "fails"
    NOT_RUN = "could not run"
    """No verdict: the check did not run, or there is nothing to compare its result with."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check in one cell: the verdict, one sentence, and a word for what was found (None: nothing).

    ``details`` holds what does not fit into a sentence, such as the stacks of deadlocked threads.
    """

    check: Check
    verdict: CheckVerdict
    says: str
    kind: str | None = None
    details: str | None = None


class Difference(Named):
    """One output of one call that is not bit-equal to the reference; None if that side did not return it.

    ``what`` is the kind of call, ``position`` its number.
    """

    what: str
    position: int | None
    reference: ArrayEntry | None
    array: ArrayEntry | None


class CheckPart(Stored):
    """What every check records: what was compared, and which outputs were not bit-equal."""

    problem: str | None = None
    """Why there is nothing to compare."""
    compared: int = 0
    different: int = 0
    differences: tuple[Difference, ...] = ()
    """At most ``probe.checks.session.MOST_KEPT`` for each output; ``different`` counts all."""
    unsettled: tuple[Named, ...] = ()
    """Outputs that change on their own from call to call."""


class OtherSignature(Stored):
    """Another signature that was called before this one; ``problem`` is why that was refused, if it was."""

    signature: str
    problem: str | None


class RepeatPart(CheckPart):
    """The check ``repeat``."""

    runs: int
    variables: int
    """How many variables the signature reads."""
    changed_variables: tuple[str, ...]
    others: tuple[OtherSignature, ...] = ()
    """The signatures that write what this one may read."""


class ConcurrentPart(CheckPart):
    """The check ``concurrent``."""

    threads: int
    inputs: int
    calls: int
    wrong: int
    """Calls whose answer is not the single thread's."""
    of_another: int
    """Wrong calls that got the answer to another input."""
    errors: tuple[str, ...]
    failed: int
    """Calls that raised."""
    waiting: int
    """Threads that never returned."""
    stacks: str | None
    """The stacks of all threads, if some never returned."""


class ReloadPart(CheckPart):
    """The check ``reload``: counts after each cycle, None if the system does not report them."""

    cycles: int
    descriptors: tuple[int | None, ...]
    threads: tuple[int | None, ...]


class LeakPart(CheckPart):
    """The check ``leak``: readings of anonymous memory in bytes."""

    loads: tuple[int, ...] = ()
    """After each load."""
    calls: tuple[int, ...] = ()
    """After every ``calls_each`` calls."""
    calls_each: int = 1


class BatchPart(CheckPart):
    """The check ``batch``."""

    whole: tuple[str, ...] = ()
    """Outputs that do not have one row for each row of the input."""
    refusals: tuple[str, ...] = ()
    """Batch sizes that the model does not accept, and why."""


#: What each check of the probe records. The other checks are plain runs.
PARTS: Mapping[Check, type[CheckPart]] = {
    Check.REPEAT: RepeatPart,
    Check.CONCURRENT: ConcurrentPart,
    Check.RELOAD: ReloadPart,
    Check.LEAK: LeakPart,
    Check.BATCH: BatchPart,
}
