"""Power: which weights could change without a change of the outputs that anyone would notice.

Each float weight in turn moves by a hundredth of its root mean square, and then by a thousandth, every
element up or down at random from a seed. The case's own batches run, and the outputs that changed are stored.
Whether a change is beyond the noise is for the judge to say. Weights are the variables that the entry reads
and the constants that its graph is computed from (a frozen graph has nothing else).

The largest weights come first, then the others in an order drawn from the seed, as far as the time reaches.
So what was tried of a model with thousands of weights is a sample of them.
"""

import os
import tempfile
import time

import numpy as np

from . import constants, copies, loaders, tensors, texts

#: Sizes of a change, relative to the root mean square of the weight. If the first changes no bit, the second
#: is taken to change none either, and is not run.
LEVELS = (1e-2, 1e-3)
#: Weights of which the largest come first; the others follow at random.
_LARGEST = 32
#: Stored bytes of changed outputs, after which no more weights are tried.
_MOST_BYTES = 128 << 20
#: By default as long as the case itself takes, but models that run in no time have this many seconds.
_LEAST_SECONDS = 1.0
_FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")


class Weight:
    """A weight of ``size`` elements that can move.

    ``runs(change)`` returns the leaves of each call with ``change(array)`` in place of its array, and
    ``None`` if the model then fails.
    """

    def __init__(self, name, size, runs):
        self.name, self.size, self.runs = name, size, runs


class Trial:
    """The trials of a case, within its time and space, and what they found."""

    def __init__(self, job, first):
        self._job = job
        leaves = dict(enumerate(first))
        later = {(number, run): each for number, run, each in job.later}
        self._before = [leaves[number] if run == 0 else later[number, run] for number, run in calls(job)]
        self._seconds = job.case["measure"]["power_seconds"]
        if self._seconds is None:
            own = ("load", "first_run", "further_runs")
            costs = job.phases.costs
            self._seconds = max(_LEAST_SECONDS, sum(costs[name]["wall_s"] for name in own if name in costs))
        self._spent, self._bytes, self._longest = 0.0, 0, 0.0
        self._still = set()
        self._empty = set()  # all zero in a newly loaded model: state that a call fills, and no weight
        self.found = {"seconds": self._seconds, "weights": 0, "left_out": 0, "unused": 0, "tried": []}

    @property
    def is_wanted(self):
        """Whether there is any time for it."""
        return self._seconds > 0

    def over(self, weights, left_out):
        """Try the weights, each a ``Weight``; ``left_out`` is how many of the entry's cannot move."""
        self.found["weights"] += len(weights)
        self.found["left_out"] += left_out
        self._longest = 0.0
        for level in LEVELS:
            for weight in in_order(weights, self._job.case["measure"]["seed"]):
                if self._spent + self._longest > self._seconds or self._bytes > _MOST_BYTES:
                    return
                if weight.name in self._empty:
                    continue
                if weight.name in self._still:
                    self._record(weight, level, [], lost=False)
                    continue
                start = time.perf_counter()
                self._try(weight, level)
                took = time.perf_counter() - start
                self._spent, self._longest = self._spent + took, max(self._longest, took)

    def _try(self, weight, level):
        self._job.report("running with {!r} changed by {:g}".format(weight.name, level))
        random, has_scale = _random(self._job.case["measure"]["seed"], weight.name), []

        def change(array):
            has_scale.append(scale(array) > 0)
            return moved(array, level, random)

        runs = weight.runs(change)
        if has_scale and not any(has_scale):
            self._empty.add(weight.name)
            self.found["weights"] -= 1
            self.found["left_out"] += 1
            return
        outputs, lost = [], runs is None
        for (batch, run), leaves, before in zip(calls(self._job), runs or (), self._before):
            known = {(name, part): array for name, part, array, _ in before}
            lost |= {leaf[:2] for leaf in leaves} != set(known)
            changed = [leaf for leaf in leaves if leaf[:2] in known and _differ(leaf[2], known[leaf[:2]])]
            stored = tensors.store(self._job.request["objects"], batch, changed)
            outputs += [dict(each, call=run + 1) for each in stored]
        self._bytes += sum(each["array"]["nbytes"] for each in outputs)
        if not outputs and not lost:
            self._still.add(weight.name)
        self._record(weight, level, outputs, lost=lost)

    def _record(self, weight, level, outputs, *, lost):
        self.found["tried"].append(
            {"weight": weight.name, "size": weight.size, "level": level, "outputs": outputs, "lost": lost}
        )


def _differ(one, other):
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape or one.dtype == object:
        return one.shape != other.shape or bool((one != other).any())
    return one.tobytes() != other.tobytes()


def in_order(weights, seed):
    """Return weights in the order in which they are tried."""
    by_size = sorted(weights, key=lambda weight: (-weight.size, weight.name))
    rest = by_size[_LARGEST:]
    np.random.RandomState(seed).shuffle(rest)
    return by_size[:_LARGEST] + rest


def _random(seed, name):
    """Return a generator for a weight that depends on its name and not on what was tried before it."""
    return np.random.RandomState([seed, *name.encode("utf-8", "replace")])


def scale(array):
    """Return the root mean square of an array's finite elements; 0.0 if there are none."""
    with np.errstate(all="ignore"):
        sizes = np.abs(np.asarray(array).astype(np.complex128 if _is_complex(array) else np.float64))
    sizes = sizes[np.isfinite(sizes)]
    return float(np.sqrt(np.mean(sizes * sizes))) if sizes.size else 0.0


def moved(array, level, random):
    """Return a copy of a float array, each element moved up or down by ``level`` times the array's scale."""
    array = np.asarray(array)
    steps = (random.randint(0, 2, size=array.shape, dtype=np.int8) * 2 - 1) * (level * scale(array))
    wide = array.astype(np.complex128 if _is_complex(array) else np.float64)
    with np.errstate(all="ignore"):
        return (wide + steps).astype(array.dtype)


def _is_complex(array):
    return np.asarray(array).dtype.kind == "c"


def _of_variables(variables, used, runs_of):
    """Return the weights among ``variables``, and how many of them cannot move.

    ``used`` says which of them an output depends on. ``runs_of(index)`` returns the ``runs`` of the weight
    that is the variable of this index.
    """
    movable, left_out, names = [], 0, set()
    for index, variable in enumerate(variables):
        if not used[index]:
            continue
        try:
            value = variable.numpy()
        except Exception:  # never initialised, so no output depends on it
            continue
        if variable.dtype.base_dtype.name not in _FLOATS or not scale(value) > 0:
            left_out += 1
            continue
        name = _unique(variable.name.split(":")[0], names)
        movable.append(Weight(name, int(np.size(value)), runs_of(index)))
    return movable, left_out


def _with_variable(variable, change, run):
    """Return what ``run()`` returns while a variable has another value."""
    before = variable.numpy()
    try:
        variable.assign(change(before))
        return run()
    finally:
        variable.assign(before)


def _of_constants(tf, model, case, run_model):
    """Return the weights among the constants of a SavedModel's graph.

    ``run_model(folder)`` loads the SavedModel in ``folder`` and returns the leaves of each call.
    """
    message, names = copies.read(model), set()

    def weight(node):
        def runs(change):
            with tempfile.TemporaryDirectory(prefix="power-") as folder:
                target = os.path.join(folder, "model")
                copies.copy_rest(model, target, copies.linked)
                with constants.replaced(tf, node, change):
                    copies.write(message, target)
                return run_model(target)

        value = tf.make_ndarray(node.attr["value"].tensor)
        return (
            Weight(_unique(node.name + " (constant)", names), int(value.size), runs)
            if scale(value) > 0
            else None
        )

    return [each for each in map(weight, constants.floats(message, case)) if each is not None]


def _unique(name, taken):
    unique, count = name, 1
    while unique in taken:
        count += 1
        unique = "{} ({})".format(name, count)
    taken.add(unique)
    return unique


def try_variables(job, trial, loaded, entry, *, anew):
    """Change the model's variables one by one; return why that cannot be done, or ``None``."""

    def in_place(index):
        return lambda change: _with_variable(variables[index], change, lambda: _runs(job, entry, calls(job)))

    def loaded_anew(index):
        return lambda change: _run_model(job, job.case["model"], index, change)

    if not trial.is_wanted:
        return None
    try:
        variables = job.loader.variables(loaded, job.case)
        used = _used(job, loaded, variables)
        trial.found["unused"] += used.count(False)
        trial.over(*_of_variables(variables, used, loaded_anew if anew else in_place))
    except Exception as error:  # the noise floor is worth as much without it
        return texts.one_line(error)
    return None


def _used(job, loaded, variables):
    try:
        return job.loader.used(loaded, job.case, variables)
    except Exception:  # a graph that cannot be followed may use all of them
        return [True] * len(variables)


def try_constants(job, trial):
    """Change the constants of the model's file one by one; return why that cannot be done, or ``None``."""
    if not trial.is_wanted or job.case["loader"] in loaders.REBUILD:
        return None
    try:
        model = job.case["model"]
        weights = _of_constants(job.tf, model, job.case, lambda folder: _run_model(job, folder))
        trial.over(weights, 0)
    except Exception as error:  # as above
        return texts.one_line(error)
    return None


def _run_model(job, folder, index=None, change=None):
    """Return the leaves of every call of a SavedModel in which the variable ``index`` is changed."""
    case, value, found = dict(job.case, model=folder), None, []
    for together in from_the_start(job):
        loaded = job.loader.load(job.tf, case)
        try:
            if change is not None:
                variable = job.loader.variables(loaded, case)[index]
                value = change(variable.numpy()) if value is None else value
                variable.assign(value)
            runs = _runs(job, job.entry(job.loader, loaded, case), together)
        finally:
            job.loader.release(loaded)
        if runs is None:
            return None
        found += runs
    return found


def calls(job):
    """Return the batches and runs that changes are looked for in: first runs, unless runs affect the next."""
    return [call for call in job.calls if job.carries or call[1] == 0]


def from_the_start(job):
    """Yield the calls that follow each other on one loaded model."""
    together = []
    for number, run in calls(job):
        if together and job.begins_anew(number, run):
            yield together
            together = []
        together.append((number, run))
    yield together


def _runs(job, entry, asked):
    """Return the leaves of these calls, as the model is now; ``None`` if it fails."""
    try:
        return all_calls(job, entry, asked)
    except Exception:  # a change that makes a model fail is one that everyone notices
        return None


def all_calls(job, entry, asked):
    """Return the leaves of these calls, as the model is now."""
    batches = [tensors.read_inputs(job.tf, job.request["objects"], batch) for batch in job.case["batches"]]
    return [tensors.flatten_arrays(entry(batches[number])) for number, _ in asked]
