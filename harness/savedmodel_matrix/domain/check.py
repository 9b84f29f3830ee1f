"""The checks of session behaviour that a case can turn on, and what one of them comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

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

    A check of which the probe knows nothing (``parameters`` is None) is a second recording of the cell.
    """

    time_factor: int
    parameters: Mapping[str, Any] | None = None


RECIPES: Mapping[Check, Recipe] = {
    Check.REPEAT: Recipe(4, {"runs": 8}),
    Check.FRESH_PROCESS: Recipe(1, {}),
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
