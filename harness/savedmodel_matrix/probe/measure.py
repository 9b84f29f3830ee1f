"""The cost of a phase: wall seconds, CPU seconds, and peak resident memory."""

import contextlib
import os
import sys
import time


class Phases:
    """Costs by phase name. A phase may be entered repeatedly: times add up, and the highest peak counts."""

    def __init__(self):
        self.costs = {}

    @contextlib.contextmanager
    def timed(self, name):
        """Add the cost of the block to phase ``name``, whether it succeeds or not."""
        _reset_peak()
        wall, cpu = time.perf_counter(), cpu_seconds()
        try:
            yield
        finally:
            cost = self.costs.setdefault(name, {"wall_s": 0.0, "cpu_s": 0.0, "peak_rss_bytes": None})
            cost["wall_s"] = round(cost["wall_s"] + time.perf_counter() - wall, 6)
            cost["cpu_s"] = round(cost["cpu_s"] + cpu_seconds() - cpu, 6)
            peak = peak_rss_bytes()
            if peak is not None:
                cost["peak_rss_bytes"] = max(peak, cost["peak_rss_bytes"] or 0)


def cpu_seconds():
    """CPU seconds of this process and its ended children, user and system."""
    times = os.times()
    return times[0] + times[1] + times[2] + times[3]


def _reset_peak():
    # Linux only (proc(5), clear_refs): without it a phase reports the highest peak so far.
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def peak_rss_bytes():
    """Return the peak resident size of this process, or ``None`` if the system does not report it."""
    try:
        with open("/proc/self/status") as lines:
            for line in lines:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource  # absent on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
