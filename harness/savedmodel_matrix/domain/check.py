"""The checks of session behaviour that a case can turn on, and what one of them comes to."""

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
    """One session, run again and again: does state leak from call to call?"""
    FRESH_PROCESS = "fresh-process"
    """Do two processes that have nothing in common agree?"""
    CONCURRENT = "concurrent"
    """Threads that share one loaded model, against one thread."""
    RELOAD = "reload"
    """Loaded, run and released in turn in one process, and two at a time: results, descriptors, threads."""
    LEAK = "leak"
    """Does memory grow with every load, or with every call?"""
    BATCH = "batch"
    """Row by row against batched, and rows in another order."""
    THREADS = "threads"
    """One thread against many, within an operation and between operations."""


@dataclass(frozen=True)
class Recipe:
    """How a check is run: the probe's parameters, and how many times the case's time limit it may take.

    Checks without parameters are a second recording of the cell.
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
    """What a check comes to."""

    PASSES = "pass"
    FLOAT_NOISE = "float-noise"
    """Not the same bits, but nothing that is more than rounding."""
    FAILS = "fails"
    NOT_RUN = "could not run"
    """Nothing is known: it did not come to run, or there is nothing to hold its result against."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check in one cell: the verdict, one sentence, and a word for what was found (None: nothing).

    ``details`` holds what does not fit into a sentence, such as the stacks of threads that wait for
    each other.
    """

    check: Check
    verdict: CheckVerdict
    says: str
    kind: str | None = None
    details: str | None = None


class Difference(Named):
    """One output of one call that is not bit-equal to the reference; None: that side did not return it.

    ``what`` says what kind of call it was, ``position`` which of them.
    """

    what: str
    position: int | None
    reference: ArrayEntry | None
    array: ArrayEntry | None


class CheckPart(Stored):
    """What every check records: what was compared, and what was not bit-equal."""

    problem: str | None = None
    """Why there is nothing to compare."""
    compared: int = 0
    different: int = 0
    differences: tuple[Difference, ...] = ()
    """At most ``probe.checks.session.MOST_KEPT`` of each output; ``different`` counts all."""
    unsettled: tuple[Named, ...] = ()
    """Outputs that change by themselves, one call after the other."""


class RepeatPart(CheckPart):
    """The check ``repeat``."""

    runs: int
    variables: int
    """How many variables the signature reads."""
    changed_variables: tuple[str, ...]


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
    """The check ``reload``: counts after each cycle, None where the system does not tell."""

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
    """Outputs that have no row for each row of the input."""
    refusals: tuple[str, ...] = ()
    """Batch sizes that the model does not accept, and why."""


#: What each check that the probe knows records. The others are plain runs.
PARTS: Mapping[Check, type[CheckPart]] = {
    Check.REPEAT: RepeatPart,
    Check.CONCURRENT: ConcurrentPart,
    Check.RELOAD: ReloadPart,
    Check.LEAK: LeakPart,
    Check.BATCH: BatchPart,
}
