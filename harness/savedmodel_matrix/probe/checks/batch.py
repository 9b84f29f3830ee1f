"""Rows alone, together, and in another order: does a row's result depend on its neighbours?"""

import numpy as np

from .. import arrays, calling, tensors, texts
from ..measurements import noise_floor
from . import state
from .session import Differences, nothing_to_compare

#: A batch with more rows is split into this many pieces; a model that writes is loaded for each of them.
MOST_PIECES, _MOST_LOADS = 64, 8


def check(session):
    """Compare each batch with its rows one by one, and with its rows reordered and put back.

    Compatible batches of one row are run as one batch instead. Only outputs with one row for each row of the
    input can be compared; ``whole`` lists the others.
    """
    batches = [_Batch(session, number) for number in range(len(session.case["batches"]))]
    loaded, entry = session.load()
    writes = state.writes(loaded, session.case) and not state.draws(loaded, session.case)
    if writes:
        entry = calling.loading_each_time(session.load, session.release)
    several = [each for each in batches if (each.rows or 0) > 1]
    singles = [each for each in batches if each.rows == 1]
    differences, whole, refusals = Differences(session.objects), {}, []
    with session.timed("check"):
        for each in several:
            _take_apart(
                session, entry, each, differences, whole, refusals, _MOST_LOADS if writes else MOST_PIECES
            )
        if len(singles) > 1 and len({each.kind for each in singles}) == 1:
            _put_together(session, entry, singles, differences, whole, refusals)
        elif not several:
            return nothing_to_compare(
                "no batch of dense inputs has two or more rows, and no two batches have one row each"
            )
    del loaded
    part = differences.part(whole=sorted(whole), refusals=refusals)
    if not part["compared"]:
        part["problem"] = refusals[0] if refusals else "no output has one row for each row of the input"
    return part


class _Batch:
    """One batch of dense inputs, to be split into rows; ``rows`` is ``None`` if inputs differ in rows."""

    def __init__(self, session, number):
        self._tf, self.number = session.tf, number
        items = session.case["batches"][number]
        self.rows = noise_floor.rows_of(items)
        self.kind = tuple((i["name"], i["array"]["dtype"], tuple(i["array"]["shape"][1:])) for i in items)
        self.items = [
            (item["name"] or "", arrays.read_array(session.objects, item["array"]), item["array"]["dtype"])
            for item in (items if self.rows is not None else ())
        ]

    def inputs(self, order):
        """Return the rows selected by ``order`` (a slice or an array of numbers) as a batch."""
        return given(self._tf, [(name, array[order], dtype) for name, array, dtype in self.items])


def given(tf, items):
    """Return inputs, given as ``(name, array, type name)``, in the form that an entry accepts."""
    return {name: {None: tensors.to_tensor(tf, array, dtype)} for name, array, dtype in items}


def _take_apart(session, entry, batch, differences, whole, refusals, most):
    number, rows = batch.number, batch.rows
    session.report("running batch {}".format(number))
    entry(batch.inputs(slice(None)))  # the effect of a first call is covered by the check repeat
    reference = tensors.flatten_arrays(entry(batch.inputs(slice(None))))
    per_row = [leaf for leaf in reference if np.ndim(leaf[2]) and np.shape(leaf[2])[0] == rows]
    whole.update((name, None) for name, _, array, _ in reference if np.shape(array)[:1] != (rows,))
    pieces = np.array_split(np.arange(rows), min(rows, most))
    shuffled = np.random.RandomState(session.parameters["seed"]).permutation(rows)
    if (shuffled == np.arange(rows)).all():
        shuffled = shuffled[::-1]
    back = np.argsort(shuffled)
    for what, orders in (("row by row", pieces), ("in another order", [shuffled])):
        session.report("running batch {} {}".format(number, what))
        try:
            parts = [tensors.flatten_arrays(entry(batch.inputs(order))) for order in orders]
        except Exception as error:
            refusals.append("batch {} {}: {}".format(number, what, texts.one_line(error)))
            continue
        joined = []
        for name, component, _, dtype in per_row:
            values = [_named(part, name, component) for part in parts]
            fits = all(np.shape(each)[:1] == (len(order),) for each, order in zip(values, orders))
            if not fits or len({np.shape(each)[1:] for each in values}) > 1:
                joined.append((name, component, np.zeros(0), dtype))  # differs from any reference
                continue
            together = np.concatenate([np.asarray(each) for each in values])
            joined.append((name, component, together[back] if len(orders) == 1 else together, dtype))
        differences.compare(what, None, number, per_row, joined)
    again = tensors.flatten_arrays(entry(batch.inputs(slice(None))))
    differences.control(number, reference, again)


def _named(leaves, name, component):
    return next((array for found, part, array, _ in leaves if (found, part) == (name, component)), None)


def _put_together(session, entry, batches, differences, whole, refusals):
    session.report("running batches together")
    for batch in batches:
        entry(batch.inputs(slice(None)))  # as above
    alone = [tensors.flatten_arrays(entry(batch.inputs(slice(None)))) for batch in batches]
    columns = zip(*(batch.items for batch in batches))
    items = [(column[0][0], np.concatenate([each[1] for each in column]), column[0][2]) for column in columns]
    try:
        together = tensors.flatten_arrays(entry(given(session.tf, items)))
    except Exception as error:
        refusals.append("{} batches of one row, together: {}".format(len(batches), texts.one_line(error)))
        return
    for row, batch in enumerate(batches):
        reference = [leaf for leaf in alone[row] if np.shape(leaf[2])[:1] == (1,)]
        own = [
            (name, part, np.asarray(array)[row : row + 1], dtype)
            for name, part, array, dtype in together
            if np.shape(array)[:1] == (len(batches),)
        ]
        names = {leaf[:2] for leaf in reference} & {leaf[:2] for leaf in own}
        whole.update((leaf[0], None) for leaf in alone[row] if leaf[:2] not in names)
        kept = [[leaf for leaf in leaves if leaf[:2] in names] for leaves in (reference, own)]
        differences.compare("batched with the others", None, batch.number, *kept)
        again = tensors.flatten_arrays(entry(batch.inputs(slice(None))))
        differences.control(batch.number, alone[row], again)
