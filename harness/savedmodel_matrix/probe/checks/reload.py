"""Load, run and release repeatedly: results, file descriptors, threads; and two models side by side."""

import os
import time

from .. import tensors
from .session import Differences, collected

_FEWEST_CYCLES = 6


def check(session):
    """Load and release the model ``cycles`` times, counting what stays open; then load it twice at once.

    Memory is covered by the check ``leak``.
    """
    parameters = session.parameters
    inputs = session.inputs()
    differences = Differences(session.objects)
    first, descriptors, threads = None, [], []
    with session.timed("check"):
        stop = time.monotonic() + parameters["budget_s"]
        for cycle in range(1, parameters["cycles"] + 1):
            if time.monotonic() > stop and cycle > _FEWEST_CYCLES:
                break
            session.report("load {} of {}".format(cycle, parameters["cycles"]))
            loaded, entry = session.load()
            leaves = session.first_of_all(entry, inputs)
            if first is None:
                first = leaves
                for number, each in enumerate(inputs):
                    differences.control(number, first[number], tensors.flatten_arrays(entry(each)))
            for number, each in enumerate(leaves):
                differences.compare("load", cycle, number, first[number], each)
            session.release(loaded)
            del loaded, entry, leaves
            collected()
            descriptors.append(_entries("/proc/self/fd"))
            threads.append(_entries("/proc/self/task"))
        _side_by_side(session, inputs, first, differences)
    return differences.part(cycles=len(threads), descriptors=descriptors, threads=threads)


def _side_by_side(session, inputs, first, differences):
    """Run two at once, each in the order of the first run; then run one after the other is released."""
    session.report("running two models side by side")
    loaded = [session.load() for _ in range(2)]
    for number, each in enumerate(inputs):
        for which, (_, entry) in enumerate(loaded, 1):
            leaves = tensors.flatten_arrays(entry(each))
            differences.compare("side by side", which, number, first[number], leaves)
    gone, left = loaded
    session.release(gone[0])
    del gone, loaded
    collected()
    for number, each in enumerate(inputs):
        leaves = tensors.flatten_arrays(left[1](each))
        differences.compare("when the other is released", None, number, first[number], leaves)


def _entries(folder):
    """Return the number of entries in a folder of /proc, or ``None`` if there is no such folder."""
    try:
        return len(os.listdir(folder))
    except OSError:
        return None
