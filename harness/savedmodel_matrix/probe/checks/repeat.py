"""One loaded model, run repeatedly: which outputs and variables change from call to call."""

import hashlib

import numpy as np

from .. import tensors
from .session import Differences


def check(session):
    """Run all batches in turn, ``runs`` times, and compare each call with the batch's first call.

    The batches alternate, so that state left behind by one input can affect another.
    """
    runs = session.parameters["runs"]
    loaded, entry = session.load()
    inputs = session.inputs()
    before = _digests(session, loaded)
    differences = Differences(session.objects)
    with session.timed("check"):
        first = session.first_of_all(entry, inputs)
        for run in range(2, runs + 1):
            for number, each in enumerate(inputs):
                session.report("running batch {}, call {} of {}".format(number, run, runs))
                leaves = tensors.flatten_arrays(entry(each))
                differences.compare("call", run, number, first[number], leaves)
        after = _digests(session, loaded)
    changed = [name for name, digest in after if (name, digest) not in before]
    return differences.part(runs=runs, variables=len(after), changed_variables=changed)


def _digests(session, loaded):
    """Return ``[(name, digest)]`` of the variables that the entry reads."""
    found = []
    for number, variable in enumerate(session.variables(loaded)):
        value = np.asarray(variable.numpy())
        content = repr(value.tolist()).encode() if value.dtype == object else value.tobytes()
        name = str(getattr(variable, "name", None) or "variable {}".format(number))
        # After repeated saving, unnamed variables all have the same name.
        taken = sum(each[0].split(" #")[0] == name for each in found)
        name += " #{}".format(taken + 1) if taken else ""
        found.append((name, hashlib.sha256(content).hexdigest()))
    return found
