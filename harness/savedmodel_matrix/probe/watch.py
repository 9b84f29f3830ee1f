"""Watch a case's process until it ends or exceeds a limit, and say what its end means.

Memory limits work only on Linux. On Windows a case is a fresh process with only a time limit.
"""

import contextlib
import os
import time

from . import processes

LONGEST_PAUSE_S = 0.05
MEMBERS_EVERY = 10  # polls between two looks for new processes, which read all of /proc
IMPORT_LIMIT_S = 600
IMPORTING = "importing TensorFlow"


def watch(process, case, places, helpers):
    """Wait until ``process`` ends or exceeds a limit; return ``None`` or ``(outcome, reason)``.

    ``None`` means that it ended on its own; its status is ``process.returncode``. On return, none of the
    processes that the case has started is left; ``helpers`` are those that were there before.
    """
    try:
        return _watch(process, case, places, helpers)
    finally:
        processes.kill_group(process)
        processes.end_descendants(helpers)


def _watch(process, case, places, helpers):
    begun = time.monotonic()
    importing = doing(places) == IMPORTING
    members, polls = {process.pid}, 0
    while process.poll() is None:
        now = time.monotonic()
        if importing and doing(places) != IMPORTING:
            importing, begun = False, now  # the import does not count towards a case's time limit
        limit = IMPORT_LIMIT_S if importing else case["time_limit_s"]
        if now - begun > limit:
            text = "no result within {:g} s, while {}"
            return "timed-out", text.format(limit, doing(places))
        if case["memory_limit_bytes"] is not None:
            polls += 1
            if polls % MEMBERS_EVERY == 0:
                members = processes.descendants(os.getpid()) - helpers
            resident = processes.resident_bytes(members)
            if resident > case["memory_limit_bytes"]:
                text = "memory limit of {} MiB exceeded (resident {} MiB), while {}"
                sizes = case["memory_limit_bytes"] >> 20, resident >> 20
                return "crashed", text.format(sizes[0], sizes[1], doing(places))
        # The end of a short case is noticed at once; watching a long one costs almost nothing.
        time.sleep(min(LONGEST_PAUSE_S, max(0.002, 0.05 * (now - begun))))
    return None


def doing(places):
    """Return the last activity that the process reported."""
    with contextlib.suppress(OSError), open(places.doing, encoding="utf-8") as file:
        return file.read() or "starting"
    return "starting"


def died(returncode, while_doing):
    """Return the reason for a process that ended on its own without a result."""
    ended = processes.ended(returncode)
    if returncode >= 0:
        return "ended with {} and no result, while {}".format(ended, while_doing)
    reason = "killed by {}, while {}".format(ended, while_doing)
    if "SIGKILL" in ended:
        reason += "; not by the probe: it may have been the kernel's out-of-memory killer"
    return reason
