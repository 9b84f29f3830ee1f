"""Processes: what dies with what, and how all that a process has started is ended.

POSIX only. Dying with the parent, and finding processes that have left their session, work only on Linux.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time

#: How long a killed process may take to go: one that hangs in a driver may never do so.
LONGEST_END_S = 10


def _known(*names):
    return {getattr(signal, name) for name in names if hasattr(signal, name)}


#: Signals by which a person or a service manager asks a process to end.
ASKED_TO_END = _known("SIGHUP", "SIGINT", "SIGTERM")
#: Those, and the one that the kernel's out-of-memory killer sends.
STOPS = ASKED_TO_END | _known("SIGKILL")

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36
LINUX = sys.platform.startswith("linux")


class StopError(BaseException):
    """A signal asked the probe to end. The only argument is its number; failure handlers do not catch it."""


def default_signals():
    """Let a signal that asks this process to end do so, without running any of its code."""
    for number in ASKED_TO_END:
        signal.signal(number, signal.SIG_DFL)


def die_with_parent(parent=None, number=None):
    """Ask Linux to send this process SIGKILL, or signal ``number``, when its parent dies.

    Elsewhere nothing happens. ``parent`` is the parent's id, if known: it may have died before this call.
    """
    if not LINUX:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number or signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def adopt_orphans():
    """Make this process the parent of every descendant whose own parent dies; Linux only."""
    if LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def no_core_files():
    """Let no process from here on leave a core file."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # absent on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def contain(parent, new_session):
    """Set up this process for a case: dies with ``parent``, killed first if memory runs out, no core files.

    ``new_session`` starts a session and process group, unless the parent has done so.
    """
    if new_session:
        os.setsid()
    default_signals()
    die_with_parent(parent)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    no_core_files()


class Forked:
    """A forked process with the subset of ``subprocess.Popen`` that the probe uses."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def poll(self):
        """Return the exit status, negative for a signal, or ``None`` while the process runs."""
        if self.returncode is None:
            self._note(*os.waitpid(self.pid, os.WNOHANG))
        return self.returncode

    def wait(self):
        """Wait until the process ends, and return its exit status. If it is stopped, it is killed."""
        while self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                os.kill(pid, signal.SIGKILL)
            else:
                self._note(pid, status)
        return self.returncode

    def _note(self, pid, status):
        if pid:
            signalled = os.WIFSIGNALED(status)
            self.returncode = -os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status)


def kill_group(process):
    """Kill the process's whole group, and wait until the process itself is gone."""
    if not hasattr(os, "killpg"):
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM where all are zombies
            os.killpg(process.pid, signal.SIGKILL)
    while process.poll() is None:
        time.sleep(0.001)


def descendants(root):
    """Return the ids of the processes below process ``root``, zombies included; none if there is no /proc."""
    children = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError, IndexError), open("/proc/" + name + "/stat", "rb") as file:
                    # "pid (any name) state ppid ...": the name may contain spaces and brackets.
                    parent = int(file.read().rpartition(b")")[2].split()[1])
                    children.setdefault(parent, []).append(int(name))
    found, waiting = set(), [root]
    while waiting:
        new = children.get(waiting.pop(), [])
        found.update(new)
        waiting += new
    return found


def end_descendants(kept=frozenset()):
    """Kill every process below this one, except those in ``kept``, and wait until they are gone.

    Nothing escapes by leaving its session, if this process adopts orphans.
    """
    deadline = time.monotonic() + LONGEST_END_S
    while time.monotonic() < deadline:
        stopped = set()
        while True:
            # Stopped first, until no new one appears: between the look and the kill one may start another.
            new = descendants(os.getpid()) - stopped - kept
            if not new:
                break
            _send(new, signal.SIGSTOP)
            stopped |= new
        if not stopped:
            return
        _send(stopped, signal.SIGKILL)
        for pid in stopped:
            with contextlib.suppress(OSError):  # not a child of this process, yet
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.002)


def _send(pids, number):
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def resident_bytes(pids):
    """Return the sum of the resident sizes of ``pids``; shared pages count for each."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError, IndexError), open("/proc/{}/statm".format(pid), "rb") as file:
            pages += int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") if pages else 0


def ended(returncode):
    """Return how a process ended, from its exit status, which is negative for a signal."""
    if returncode >= 0:
        return "exit status {}".format(returncode)
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = "number"
    return "signal {} ({})".format(name, -returncode)


def end_like(returncode):
    """End this process by the signal that ended another, or return that one's exit status."""
    if returncode < 0:
        no_core_files()
        with contextlib.suppress(OSError, ValueError):  # SIGKILL has no handler
            signal.signal(-returncode, signal.SIG_DFL)
        os.kill(os.getpid(), -returncode)
    return returncode


def hold_standard_descriptors():
    """Open those of the three standard descriptors that are closed.

    Otherwise the next file gets the number of one, and whatever a library prints ends up in that file.
    """
    fd = -1
    while fd <= 2:
        fd = os.open(os.devnull, os.O_RDWR)
    os.close(fd)
