"""Contain a case's process, watch it, and end it: process groups, limits, and what its end means.

POSIX only; memory limits and dying with the parent work only on Linux. On Windows a case is a fresh process
with only a time limit.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time

LONGEST_PAUSE_S = 0.05
MEMBERS_EVERY = 10  # polls between two scans for new members of the group, which read all of /proc
LOG_LIMIT_BYTES = 16 << 20
IMPORT_LIMIT_S = 600
IMPORTING = "importing TensorFlow"
#: Signals that a person, a service manager or the kernel's out-of-memory killer sends.
STOPS = {
    getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGKILL", "SIGTERM") if hasattr(signal, name)
}

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent=None):
    """Ask Linux to kill this process when its parent dies; elsewhere nothing happens.

    ``parent`` is the parent's id, if known: the parent may have died before this call.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def contain(parent, new_session):
    """Set up this process for a case: dies with ``parent``, killed first if memory runs out, no core files.

    ``new_session`` starts a session and process group, unless the parent has done so.
    """
    if new_session:
        os.setsid()
    die_with_parent(parent)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # absent on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


class Forked:
    """A forked process with the subset of ``subprocess.Popen`` that ``Watch`` uses."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def poll(self):
        """Return the exit status, negative for a signal, or ``None`` while the process runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                signalled = os.WIFSIGNALED(status)
                self.returncode = -os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status)
        return self.returncode


def kill_group(process):
    """Kill the process's whole group, and wait until the process itself is gone."""
    if not hasattr(os, "killpg"):
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM where all are zombies
            os.killpg(process.pid, signal.SIGKILL)
    while process.poll() is None:
        time.sleep(0.001)


def members(group):
    """Return the ids of the processes in process group ``group``; none if there is no /proc."""
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError, IndexError), open("/proc/" + name + "/stat", "rb") as file:
                    # "pid (any name) state ppid pgrp ...": the name may contain spaces and brackets.
                    if int(file.read().rpartition(b")")[2].split()[2]) == group:
                        found.append(int(name))
    return found


def resident_bytes(pids):
    """Return the sum of the resident sizes of ``pids``; shared pages count for each."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError), open("/proc/{}/statm".format(pid), "rb") as file:
            pages += int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") if pages else 0


def watch(process, case, places):
    """Wait until ``process`` ends or exceeds a limit; return ``None`` or ``(outcome, reason)``.

    ``None`` means that it ended on its own; its status is ``process.returncode``. On return, no process of
    its group is left.
    """
    try:
        return _watch(process, case, places)
    finally:
        kill_group(process)


def _watch(process, case, places):
    begun = time.monotonic()
    importing = doing(places) == IMPORTING
    group, polls = [process.pid], 0
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
                group = members(process.pid)
            resident = resident_bytes(group)
            if resident > case["memory_limit_bytes"]:
                text = "memory limit of {} MiB exceeded (resident {} MiB), while {}"
                sizes = case["memory_limit_bytes"] >> 20, resident >> 20
                return "crashed", text.format(sizes[0], sizes[1], doing(places))
        with contextlib.suppress(OSError):
            if os.path.getsize(places.log) > LOG_LIMIT_BYTES:
                os.truncate(places.log, 0)  # a model that prints endlessly must not fill the disk
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
    if returncode >= 0:
        return "ended with exit status {} and no result, while {}".format(returncode, while_doing)
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = "signal"
    reason = "killed by signal {} ({}), while {}".format(name, -returncode, while_doing)
    if name == "SIGKILL":
        reason += "; not by the probe: it may have been the kernel's out-of-memory killer"
    return reason
