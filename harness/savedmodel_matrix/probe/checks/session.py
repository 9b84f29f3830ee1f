"""What every check uses: loading, calling, and finding outputs that are not bit-equal."""

import contextlib
import gc

import numpy as np

from .. import arrays, calling, tensors
from ..failing import CaseError, failing_as

#: How many differences of one output are kept; the others are only counted.
MOST_KEPT = 32


class Session:
    """One case in its own process, with its model and its batches."""

    def __init__(self, job):
        self.tf, self.case, self.report = job.tf, job.case, job.report
        self.parameters = job.case["measure"]
        self.objects = job.request["objects"]
        self._loader, self._phases, self._timed = job.loader, job.phases, False
        job.require_inputs()

    def load(self):
        """Return the loaded model and the function that runs it; keep the model referenced."""
        with self.timed("load"), failing_as("load-failed"):
            loaded = self._loader.load(self.tf, self.case)
        with failing_as("run-failed"):
            return loaded, calling.entry(self.tf, self._loader, loaded, self.case)

    def entry_of(self, loaded, signature):
        """Return the function that runs another signature of a loaded model."""
        return self._loader.entry(self.tf, loaded, dict(self.case, signature=signature))

    def variables(self, loaded):
        """Return the variables that the entry reads."""
        return self._loader.variables(loaded, self.case)

    def release(self, loaded):
        """Release what the loader holds; the caller must drop its own references."""
        self._loader.release(loaded)

    @contextlib.contextmanager
    def timed(self, name):
        """Add the block's cost to a phase of the result, unless an outer block already does."""
        if self._timed:
            yield
            return
        self._timed = True
        try:
            with self._phases.timed(name):
                yield
        finally:
            self._timed = False

    def inputs(self):
        """Return the inputs of every batch, as tensors."""
        return [tensors.read_inputs(self.tf, self.objects, batch) for batch in self.case["batches"]]

    def first_of_all(self, entry, inputs):
        """Return the outputs of each batch, run one after the other.

        Raises ``CaseError`` if there are no outputs, so nothing can be checked.
        """
        leaves = [tensors.flatten_arrays(entry(each)) for each in inputs]
        if not any(leaves):
            raise CaseError("run-failed", "it ran and returned no output: there is nothing to compare")
        return leaves


def collected():
    """Collect garbage until none is left: TensorFlow objects reference each other in cycles."""
    while gc.collect():
        pass


class Differences:
    """What was compared, and which outputs were not bit-equal."""

    def __init__(self, objects):
        self._objects = objects
        self._kept = []
        self._counts = {}
        self.compared = 0
        self._unsettled = {}

    def compare(self, what, position, batch, reference, leaves):
        """Compare the outputs of one call with the reference; return how many are not bit-equal.

        ``what`` is the kind of call, ``position`` its number.
        """
        found = 0
        for key, one, other in paired(reference, leaves):
            self.compared += 1
            if same(one, other):
                continue
            found += 1
            count = self._counts[batch, key] = self._counts.get((batch, key), 0) + 1
            if count <= MOST_KEPT:
                self._kept.append(
                    {
                        "what": what,
                        "position": position,
                        "batch": batch,
                        "name": key[0],
                        "component": key[1],
                        "reference": self._stored(one),
                        "array": self._stored(other),
                    }
                )
        return found

    def control(self, batch, reference, leaves):
        """Add a control call that should give the same outputs: any that differ change on their own."""
        for key, one, other in paired(reference, leaves):
            if not same(one, other):
                self._unsettled[batch, key] = None

    def part(self, **own):
        """Return the check's part of the result."""
        unsettled = [{"batch": batch, "name": key[0], "component": key[1]} for batch, key in self._unsettled]
        found = sum(self._counts.values())
        part = {"problem": None, "compared": self.compared, "different": found}
        part.update(differences=self._kept, unsettled=unsettled, **own)
        return part

    def _stored(self, leaf):
        return None if leaf is None else arrays.write_array(self._objects, leaf[0], leaf[1])


def nothing_to_compare(problem):
    """Return the part of a check without a result, for the reason ``problem``."""
    part = {"problem": problem, "compared": 0, "different": 0}
    part.update(differences=[], unsettled=[])
    return part


def paired(reference, leaves):
    """Yield ``((name, component), leaf, leaf)`` for every output of either side; ``None`` if missing."""
    one = {(name, part): (array, dtype) for name, part, array, dtype in reference}
    other = {(name, part): (array, dtype) for name, part, array, dtype in leaves}
    for key in list(one) + [each for each in other if each not in one]:
        yield key, one.get(key), other.get(key)


def same(one, other):
    """Whether two leaves, each ``(array, type name)``, are bit-equal."""
    if one is None or other is None or one[1] != other[1] or np.shape(one[0]) != np.shape(other[0]):
        return False
    if one[1] == arrays.STRING:
        return np.asarray(one[0], object).tolist() == np.asarray(other[0], object).tolist()
    return np.ascontiguousarray(one[0]).tobytes() == np.ascontiguousarray(other[0]).tobytes()
