"""The outcome of one cell and case."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of one cell and case. Never merged with a verdict: only ``recorded`` has outputs."""

    RECORDED = "recorded"
    UNAVAILABLE = "unavailable"
    INSTALL_FAILED = "install-failed"
    IMPORT_FAILED = "import-failed"
    LOAD_FAILED = "load-failed"
    RUN_FAILED = "run-failed"
    CRASHED = "crashed"
    TIMED_OUT = "timed-out"
    SKIPPED = "skipped"


#: Outcomes that another attempt on the same machine would repeat. The others (a crash, a timeout) may be
#: a temporary condition of the machine, so they are shown, and the next run tries again.
SETTLED = frozenset({Outcome.RECORDED, Outcome.IMPORT_FAILED, Outcome.LOAD_FAILED, Outcome.RUN_FAILED})
