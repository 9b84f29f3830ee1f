"""What became of one cell and case."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of one cell and case. Never merged with a verdict: only ``recorded`` has outputs."""

    RECORDED = "recorded"
    UNAVAILABLE = "unavailable"
    INSTALL_FAILED = "install-failed"
    IMPORT_FAILED = "import-failed"
    LOAD_FAILED = "load-failed"
    RUN_FAILED = "run-failed"
    CRASHED = "crashed"
    TIMED_OUT = "timed-out"
    SKIPPED = "skipped"


#: Outcomes that another attempt on the same machine would repeat. The others (a crash, a time limit)
#: may be the machine's doing that day, so they are shown but tried again by the next run.
SETTLED = frozenset({Outcome.RECORDED, Outcome.IMPORT_FAILED, Outcome.LOAD_FAILED, Outcome.RUN_FAILED})
