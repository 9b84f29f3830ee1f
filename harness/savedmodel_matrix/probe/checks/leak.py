"""Memory that is not released: after every load, and after every few calls of one loaded model.

Each reading is the anonymous memory of the process, including what is swapped out. Mapped files do not count,
nor do pages that stop being shared with the parent. Before each reading, garbage is collected and the
allocator returns free memory. Other processes have no influence, but fragmentation and caches do, so a
single reading means nothing.
"""

import ctypes
import time

from .. import tensors
from .session import collected, nothing_to_compare

_FEWEST = 18
#: mallopt(3) of glibc: with few arenas, and large blocks from the system, freed memory is returned.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8


def check(session):
    """Load, run once and release ``loads`` times; then ``readings`` times ``calls`` calls of one model.

    Each half ends early when its ``budget_s`` (seconds) is used up, after at least 18 readings.
    """
    if anonymous_bytes() is None:
        return nothing_to_compare("this system does not report anonymous memory (no smaps_rollup)")
    trim = _still_allocator()
    parameters, inputs = session.parameters, session.inputs()
    loads, calls = [], []
    with session.timed("check"):
        stop = time.monotonic() + parameters["budget_s"]
        while len(loads) < parameters["loads"] and (time.monotonic() < stop or len(loads) < _FEWEST):
            session.report("load {} of {}".format(len(loads) + 1, parameters["loads"]))
            loaded, entry = session.load()
            session.first_of_all(entry, inputs[:1])
            session.release(loaded)
            del loaded, entry
            loads.append(_reading(trim))
        loaded, entry = session.load()
        stop = time.monotonic() + parameters["budget_s"]
        while len(calls) < parameters["readings"] and (time.monotonic() < stop or len(calls) < _FEWEST):
            session.report("reading {} of {}".format(len(calls) + 1, parameters["readings"]))
            for number in range(parameters["calls"]):
                tensors.flatten_arrays(entry(inputs[number % len(inputs)]))
            calls.append(_reading(trim))
    del loaded
    part = nothing_to_compare(None)
    part.update(loads=loads, calls=calls, calls_each=parameters["calls"])
    return part


def _still_allocator():
    """Configure the allocator to return memory; return a function that makes it do so now."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_MMAP_THRESHOLD, 1 << 16)
    return getattr(library, "malloc_trim", lambda _: None)


def _reading(trim):
    collected()
    trim(0)
    return anonymous_bytes()


def anonymous_bytes(path="/proc/self/smaps_rollup"):
    """Return this process's memory that is not backed by files, in bytes, or ``None`` if unknown."""
    found = {}
    try:
        with open(path) as lines:
            for line in lines:
                words = line.split()
                if words[0] in ("Anonymous:", "Swap:"):
                    found[words[0]] = int(words[1]) * 1024
    except (OSError, ValueError):
        return None
    return sum(found.values()) if "Anonymous:" in found else None
