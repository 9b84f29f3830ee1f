"""One loaded model, run repeatedly: which outputs and variables change from call to call."""

import hashlib

import numpy as np

from .. import tensors, texts
from . import state
from .session import Differences, paired, same


def check(session):
    """Run all batches in turn, ``runs`` times, and compare each call with the batch's first call.

    The batches alternate, so that state left behind by one input can affect another. If the model writes
    variables or tables, it is also loaded again and asked in another order; and if other signatures write
    what this one shares with them, it is loaded again and asked after each of them.
    """
    runs = session.parameters["runs"]
    loaded, entry = session.load()
    inputs = session.inputs()
    before = _digests(session, loaded)
    differences = Differences(session.objects)
    with session.timed("check"):
        first = last = session.first_of_all(entry, inputs)
        for run in range(2, runs + 1):
            last = []
            for number, each in enumerate(inputs):
                session.report("running batch {}, call {} of {}".format(number, run, runs))
                leaves = tensors.flatten_arrays(entry(each))
                last.append(leaves)
                differences.compare("call", run, number, first[number], leaves)
        after = _digests(session, loaded)
        others = state.writers(loaded, session.case)
        refused = {}
        if others or state.writes(loaded, session.case):
            first = _same_from_the_start(session, inputs, first)
            _in_another_order(session, inputs, _only(last, first), differences)
        for signature in others:
            refused[signature] = _after(session, signature, inputs, first, differences)
    changed = [name for name, digest in after if (name, digest) not in before]
    return differences.part(
        runs=runs,
        variables=len(after),
        changed_variables=changed,
        others=[{"signature": name, "problem": problem} for name, problem in refused.items()],
    )


def _same_from_the_start(session, inputs, first):
    """Return the first outputs without those in which a newly loaded model, asked the same, differs."""
    session.report("running a newly loaded model")
    loaded, entry = session.load()
    again = [tensors.flatten_arrays(entry(each)) for each in inputs]
    session.release(loaded)
    kept = []
    for reference, leaves in zip(first, again):
        alike = {key for key, one, other in paired(reference, leaves) if same(one, other)}
        kept.append([leaf for leaf in reference if leaf[:2] in alike])
    return kept


def _only(leaves, kept):
    """Return the outputs of each batch that are among those ``kept``."""
    names = [{leaf[:2] for leaf in each} for each in kept]
    return [[leaf for leaf in each if leaf[:2] in named] for each, named in zip(leaves, names)]


def _compare(differences, what, number, reference, leaves):
    differences.compare(what, None, number, reference, _only([leaves], [reference])[0])


def _in_another_order(session, inputs, last, differences):
    """Ask a newly loaded model with the last batch first, or after a request with the rows reordered.

    The second answers are compared with the ``last`` ones in order: a first call may warm up in any order.
    """
    session.report("running the batches in another order")
    loaded, entry = session.load()
    if len(inputs) == 1:
        entry(state.rolled(session, session.case["batches"][0], inputs[0]))
    turned = list(reversed(list(enumerate(inputs))))
    for _, each in turned:
        tensors.flatten_arrays(entry(each))
    for number, each in turned:
        _compare(differences, "in another order", number, last[number], tensors.flatten_arrays(entry(each)))
    session.release(loaded)


def _after(session, signature, inputs, first, differences):
    """Ask a newly loaded model after a call of another signature; return why that was refused, if it was."""
    session.report("running after signature {}".format(signature))
    loaded, entry = session.load()
    try:
        tensors.flatten_arrays(
            session.entry_of(loaded, signature)(state.inputs_of(session.tf, loaded, signature, inputs[0]))
        )
    except Exception as error:
        session.release(loaded)
        return texts.one_line(error)
    for number, each in enumerate(inputs):
        leaves = tensors.flatten_arrays(entry(each))
        _compare(differences, "after signature '{}'".format(signature), number, first[number], leaves)
    session.release(loaded)
    return None


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
