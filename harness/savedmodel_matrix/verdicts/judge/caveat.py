"""Reasons why the agreement of an output proves less than it seems to."""

from __future__ import annotations

from enum import StrEnum


class Caveat(StrEnum):
    """A reason why agreement of an output proves less than it seems to."""

    NONDETERMINISTIC = "nondeterministic"
    ILL_CONDITIONED = "ill-conditioned"
    BATCH_DEPENDENT = "batch-dependent"
    THREAD_DEPENDENT = "thread-dependent"
    DEGENERATE = "degenerate"
    SATURATED = "saturated"
