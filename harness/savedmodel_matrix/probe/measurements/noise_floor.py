"""The noise floor of a case: how the smallest changes of its numbers affect its outputs.

Replicates of every batch are run with each float input (but for indices: see ``discrete``) and each float
variable moved by -1, 0 or +1 unit in the last place, at random from a seed, and by a copy of the model whose
operations round at random in their own precision (see ``rounding``). The resulting variation of the outputs
is noise that no comparison can resolve: other kernels, compilers and releases round as differently. Each
replicate is a separate run, not a row of one batch, because kernels change with the batch size.

Two more runs are cheap to add here: the batch in two parts, and each input rolled by one row, which must
change some output, or the case does not test that input.
"""

import os
import tempfile

import numpy as np

from .. import arrays, copies, discrete, loaders, power, rounding, signatures, tensors, texts
from ..failing import failing_as
from ..nudges import INFINITY, PARTS, Variables, perturb


class Spread:
    """The spread of one output's replicates, accumulated one by one in bounded memory."""

    def __init__(self, name, component, base, dtype, call=1):
        self.name, self.component, self.dtype, self.call = name, component, dtype, call
        self._base = self._numbers(base)
        self.count = 0
        self.lost = None
        self.rms = []
        if self._base is not None:
            width = 1 if self._base.dtype.kind != "c" else 2
            self._sum = np.zeros(self._base.shape, self._base.dtype)
            self._squares = np.zeros(self._base.shape)
            self._shape = base.shape
            self._has_rows = width == 1 and base.ndim > 1 and base.shape[-1] > 1
            shape = base.shape[:-1] if self._has_rows else ()
        else:
            self._exact = base
            shape = base.shape
        self._flipped = np.zeros(shape, bool)

    def _numbers(self, array):
        if self.dtype in PARTS:
            return np.asarray(array).reshape(-1).astype(np.complex128)
        if self.dtype in INFINITY:
            return tensors.numbers(array, self.dtype).reshape(-1)
        return None

    def add(self, array):
        """Add one replicate's array; a replicate with another shape is reported, not averaged."""
        array = np.asarray(array)
        self.count += 1
        if self._base is None:
            if array.shape != self._exact.shape:
                self.lost = "its shape changes when inputs move by one unit"
            else:
                self._flipped |= array != self._exact
            return
        if array.shape != self._shape:
            self.lost = "its shape changes when inputs move by one unit"
            return
        values = self._numbers(array)
        with np.errstate(invalid="ignore"):
            gap = values - self._base
        finite = np.isfinite(values) & np.isfinite(self._base)
        if (np.isfinite(values) != np.isfinite(self._base)).any():
            self.lost = "NaN or infinity appears or disappears when inputs move by one unit"
        gap = np.where(finite, gap, 0)
        size = np.abs(gap)
        self._sum += gap
        self._squares += size * size
        self.rms.append(float(np.sqrt(np.mean(size * size))) if size.size else 0.0)
        if self._has_rows:
            rows = values.reshape(self._shape), self._base.reshape(self._shape)
            self._flipped |= rows[0].argmax(-1) != rows[1].argmax(-1)

    def entry(self, objects, batch):
        """Store the accumulated arrays and return the output's part of the result (see ``__main__``)."""
        entry = {
            "batch": batch,
            "name": self.name,
            "component": self.component,
            "call": self.call,
            "dtype": self.dtype,
            "replicates": self.count,
            "lost": self.lost,
            "std": None,
            "rms": self.rms,
            "flipped": arrays.write_array(objects, self._flipped, "bool"),
        }
        if self._base is not None and self.count > 1:
            variance = self._squares - np.abs(self._sum) ** 2 / self.count
            std = np.sqrt(np.maximum(variance, 0) / (self.count - 1)).reshape(self._shape)
            entry["std"] = arrays.write_array(objects, std, "float64")
        return entry


TEXTS = ("not_rounded", "no_power")
#: Between the seeds of two copies, further than a copy has operations.
_APART = 1000003


def run(job):
    """Run the model as for the plain outputs, then the replicates."""
    job.prepare()
    with tempfile.TemporaryDirectory(prefix="floor-") as folder:
        loaded = _load(job, os.path.join(folder, "model"))
        job.require_inputs()
        entry, first = job.record(loaded)
        with failing_as("run-failed", "the noise floor could not be measured: "):
            with job.phases.timed("floor"):
                # Each run of such a model has other random numbers or another state, which are no noise.
                anew = job.carries or bool(job.part["unstable"]) or _moves_on(job, entry, first)
                tf, case, objects = job.tf, job.case, job.request["objects"]
                measured = {
                    "replicates": case["measure"]["replicates"],
                    "seed": case["measure"]["seed"],
                    "anew": anew,
                    "split": [] if anew else _split(tf, case, objects, entry, first, job.report),
                    "unreached": _unreached(tf, case, objects, entry, first, job.report),
                }
                still = discrete.inputs(job, entry, first) - set(measured["unreached"])
            with job.phases.timed("power"):
                trial = power.Trial(job, first)
                problem = power.try_variables(job, trial, loaded, entry, anew=anew)
                # Two models at a time might be more than there is memory for.
                job.loader.release(loaded)
                del loaded, entry
                measured.update(power=trial.found, no_power=problem or power.try_constants(job, trial))
            with job.phases.timed("floor"):
                measured.update(_spread(job, first, anew and not _restarts(job, first), still))
            job.part["measured"] = measured


def _load(job, folder):
    """Return the loaded model, without what no signature runs where that can be left out.

    The job's model is then a copy in ``folder``. It loads faster, and the copies made of it do as well.
    """
    whole = job.case
    if whole["loader"] == "saved_model" and whole["function"] is None:
        try:
            with job.phases.timed("load"):
                message = copies.read(whole["model"])
                if signatures.keep(message):
                    copies.copy_rest(whole["model"], folder, copies.linked)
                    copies.write(message, folder)
                    job.case = dict(whole, model=folder)
            return job.load()
        except Exception:  # loaders differ between releases; all of it loads as for the plain outputs
            job.case = whole
    return job.load()


def _moves_on(job, entry, first):
    """Whether the next run of the batches differs from the first; ``unstable`` tells unless there was one."""
    if job.case["runs"] > 1:
        return False
    return any(
        _differ(leaves, before)
        for leaves, before in zip(power.all_calls(job, entry, power.calls(job)), first)
    )


def _restarts(job, first):
    """Whether a model whose runs go on from each other begins again once its variables are as it was loaded.

    Moving them does that for each replicate, so that none needs a load. Random numbers go on all the same.
    """
    loaded = job.loader.load(job.tf, job.case)
    try:
        entry = job.entry(job.loader, loaded, job.case)
        variables = Variables(job.loader.variables(loaded, job.case))
        if not variables.are_all:
            return False
        power.all_calls(job, entry, power.calls(job))
        expected = _leaves_of(job, first)
        for together in power.from_the_start(job):
            variables.restore()
            again = power.all_calls(job, entry, together)
            if any(_differ(leaves, expected[call]) for call, leaves in zip(together, again)):
                return False
    except Exception:  # a model that fails, or a loader without variables, says nothing
        return False
    else:
        return True
    finally:
        job.loader.release(loaded)


def _leaves_of(job, first):
    """Return the leaves of every recorded call by batch and run."""
    leaves_of = {(number, 0): leaves for number, leaves in enumerate(first)}
    leaves_of.update({(number, run): leaves for number, run, leaves in job.later})
    return leaves_of


def _spread(job, first, anew, still):
    """Return what replicates say: of the copy that rounds at random or, for what that loses, of the model.

    ``first`` is the unperturbed run of each batch, as ``tensors.flatten_arrays`` returns it. With ``anew``,
    each replicate loads the model, so that its runs are the first ones as well. Inputs named ``still`` do not
    move.
    """
    moved, outputs, why, counts = None, [], None, []
    with tempfile.TemporaryDirectory(prefix="rounding-") as folder:

        def copy(replicate):
            # What is loaded anew draws the same numbers again, unless it has another seed.
            target = os.path.join(folder, str(replicate))
            counts.append(_write_copy(job, target, job.case["measure"]["seed"] + _APART * replicate))
            return target

        try:
            moved, outputs = _replicates(job, _runs_file(job), copy, first, anew, still)
            moved["operations"] = counts[0]
        except Exception as error:  # what cannot be copied has at least the noise of its inputs and weights
            why = texts.one_line(error)
    kept = [each for each in outputs if not each["lost"]]
    if moved is None or len(kept) < len(outputs):
        plain, again = _replicates(job, job.loader, lambda _: job.case["model"], first, anew, still)
        moved = moved or dict(plain, operations=0)
        known = set(map(_place, kept))
        kept += [each for each in again if _place(each) not in known]
    return {"moved": moved, "outputs": kept, "not_rounded": why}


def _place(entry):
    return entry["batch"], entry["name"], entry["component"], entry["call"]


def _write_copy(job, folder, seed):
    """Write the copy of the model that rounds at random and return how many operations do."""
    message = copies.read(job.case["model"])
    if job.case["function"] is None and job.case["endpoint"] is None:
        signatures.keep(message)
    count = rounding.round_at_random(job.tf, message, seed)
    copies.copy_rest(job.case["model"], folder, copies.linked)
    copies.write(message, folder)
    return count


def _runs_file(job):
    """Return the case's loader, or for one that builds a graph of its own the one that runs the file's."""
    return loaders.LOADERS["saved_model"] if job.case["loader"] in loaders.REBUILD else job.loader


def _replicates(job, loader, model_of, first, anew, still):
    """Return how many numbers move, and each output's entry, from replicates.

    ``model_of`` returns the SavedModel of a replicate: that of the first is run in all, unless ``anew``.
    """
    spec, objects = job.case["measure"], job.request["objects"]
    spreads = {
        (number, run): [Spread(name, part, array, dtype, run + 1) for name, part, array, dtype in leaves]
        for (number, run), leaves in _leaves_of(job, first).items()
    }
    calls = [call for call in job.calls if call in spreads]
    loaded, numbers = None, 0
    for replicate in range(spec["replicates"]):
        random, folder, moved_inputs = np.random.RandomState([spec["seed"], replicate]), None, {}
        for number, run in calls:
            begins = job.begins_anew(number, run)
            if loaded is None or (anew and begins):
                job.report("loading for replicate {}".format(replicate + 1))
                if loaded is not None:
                    loader.release(loaded)
                folder = folder or model_of(replicate)
                case = dict(job.case, model=folder)
                loaded = loader.load(job.tf, case)
                entry = job.entry(loader, loaded, case)
                variables = Variables(loader.variables(loaded, case))
            if begins:
                job.report("running replicate {} of {}".format(replicate + 1, spec["replicates"]))
                variables.move(random)
            if number not in moved_inputs:
                moved_inputs[number], count = _moved_inputs(
                    job.tf, objects, job.case["batches"][number], random, still
                )
                numbers += count
            _take(spreads[number, run], tensors.flatten_arrays(entry(moved_inputs[number])))
    loader.release(loaded)
    moved = {"inputs": numbers // spec["replicates"], "variables": variables.elements}
    return moved, [spread.entry(objects, number) for number, run in calls for spread in spreads[number, run]]


def _take(gathered, leaves):
    found = {(name, part): array for name, part, array, _ in leaves}
    for spread in gathered:
        if (spread.name, spread.component) in found:
            spread.add(found[spread.name, spread.component])
        else:
            spread.lost = "some replicates do not return it"


def _moved_inputs(tf, objects, batch, random, still):
    """Return the inputs of ``batch`` as tensors, with floats moved but in ``still``, and how many moved."""
    inputs, count = {}, 0
    for item in batch:
        array, dtype = arrays.read_array(objects, item["array"]), item["array"]["dtype"]
        changed = None if item["name"] in still else perturb(array, dtype, random)
        if changed is not None:
            array, count = changed, count + changed.size
        inputs.setdefault(item["name"] or "", {})[item["component"]] = tensors.to_tensor(tf, array, dtype)
    return inputs, count


def _split(tf, case, objects, entry, first, report):
    """Return output entries of each batch run in two parts, for outputs with one row for each of its rows.

    There are none for a model that rejects other batch sizes.
    """
    stored = []
    for number, batch in enumerate(case["batches"]):
        rows = rows_of(batch)
        whole = {(name, part): np.shape(array) for name, part, array, _ in first[number]}
        if rows is None or rows < 2:
            continue
        report("running batch {} in two parts".format(number))
        try:
            halves = [
                tensors.flatten_arrays(entry(_sliced(tf, objects, batch, part)))
                for part in (slice(0, rows // 2), slice(rows // 2, rows))
            ]
        except Exception:  # not every model accepts every batch size, which is not a fault
            continue
        second = {(name, part): np.asarray(array) for name, part, array, _ in halves[1]}
        joined = []
        for name, part, array, dtype in halves[0]:
            other = second.get((name, part))
            if other is None or np.shape(array)[1:] != other.shape[1:] or not other.ndim:
                continue
            together = np.concatenate([np.asarray(array), other])
            if together.shape == whole.get((name, part)):
                joined.append((name, part, together, dtype))
        stored += tensors.store(objects, number, joined)
    return stored


def rows_of(batch):
    """Return the number of rows that all inputs of ``batch`` have, or ``None`` if they differ."""
    if not batch or any(item["component"] is not None for item in batch):
        return None
    rows = {item["array"]["shape"][0] if item["array"]["shape"] else None for item in batch}
    return rows.pop() if len(rows) == 1 else None


def _sliced(tf, objects, batch, part):
    inputs = {}
    for item in batch:
        array = arrays.read_array(objects, item["array"])[part]
        inputs.setdefault(item["name"] or "", {})[None] = tensors.to_tensor(tf, array, item["array"]["dtype"])
    return inputs


def _unreached(tf, case, objects, entry, first, report):
    """Return the names of inputs that affect no output of any batch, as far as one roll of each shows."""
    reached, tried = set(), set()
    for number, batch in enumerate(case["batches"]):
        for item in batch:
            name = item["name"] or ""
            if name in reached or item["component"] is not None:
                continue
            array = arrays.read_array(objects, item["array"])
            rolled = another_order(array)
            if rolled is None:
                continue
            report("running batch {} with input {!r} rolled".format(number, name))
            inputs = tensors.read_inputs(tf, objects, batch)
            inputs[name][None] = tensors.to_tensor(tf, rolled, item["array"]["dtype"])
            try:
                leaves = tensors.flatten_arrays(entry(inputs))
            except Exception:  # an error shows that the model depends on the input
                reached.add(name)
                continue
            tried.add(name)
            if _differ(leaves, first[number]):
                reached.add(name)
    return sorted(tried - reached)


def another_order(array):
    """Return ``array`` with its elements in another order, or ``None`` if that changes nothing."""
    for axis in range(array.ndim):
        rolled = np.roll(array, 1, axis)
        if rolled.tobytes() != array.tobytes() if array.dtype != object else (rolled != array).any():
            return rolled
    return None


def _differ(one, other):
    if [leaf[:2] for leaf in one] != [leaf[:2] for leaf in other]:
        return True
    return any(
        np.shape(a[2]) != np.shape(b[2]) or not np.array_equal(np.asarray(a[2]), np.asarray(b[2]))
        for a, b in zip(one, other)
    )
