"""One case in its own process: apply the setting, load, run, store, compare further runs."""

import importlib
import os
import random

import numpy as np

from . import (
    arrays,
    before,
    calling,
    effective,
    exchange,
    loaders,
    local,
    measure,
    measurements,
    tensors,
    texts,
)
from .checks import state
from .failing import CaseError, failing_as


def run_case(tf, request, case, report):
    """Run ``case``; return its part of the result, with texts not yet scrubbed.

    ``report(text)`` is called with each activity, so that the parent can say what a dead child was doing.
    """
    job = Job(tf, request, case, report)
    part = job.part
    try:
        measurement = measurements.find(case["measure"])
        part["texts"] = getattr(measurement, "TEXTS", None)
        measurement.run(job)
    except arrays.DamagedError as damaged:
        part["unfiled"] = str(damaged)
    except arrays.UnavailableError as error:
        part["unfiled"] = "{}: {}".format(error.filename or "the store", error.strerror)
    except CaseError as failure:
        part.update(outcome=failure.outcome, reason=failure.reason, outputs=[], unstable=[], before=[])
        cause = failure.__cause__
        part["traceback"] = texts.trimmed_traceback(cause) if cause is not None else None
    part["phases"] = job.phases.costs
    return part


class Job:
    """One case in its own process: what a measurement works with, and the part of the result that it fills.

    ``missing`` is ``(outcome, reason)`` if there are no batches, otherwise ``None``. ``calls`` are the
    batches and runs in the order in which ``record`` runs them, and ``carries`` says whether they affect each
    other.
    """

    def __init__(self, tf, request, case, report):
        self.tf, self.request, self.report = tf, request, report
        self.case, self.missing = exchange.with_batches(case)
        self.loader = None
        self.watched = before.Watch()
        self.carries, self._apart, self.calls = False, False, []
        self.later = []  # leaves of later runs, where calls affect the next ones
        self.phases = measure.Phases()
        self.part = {
            "outcome": "recorded",
            "reason": None,
            "traceback": None,
            "outputs": [],
            "unstable": [],
            "before": [],
            "not_before": {},
            "measured": None,
            "effective": {},
        }

    def prepare(self):
        """Apply the setting and import the case's code: everything before the model is loaded."""
        tf, case = self.tf, self.case
        self.report("loading")
        self.loader = loaders.LOADERS.get(case["loader"])
        if self.loader is None:
            known = ", ".join(sorted(loaders.LOADERS))
            text = "loader {!r} is not known; there are: {}".format(case["loader"], known)
            raise CaseError("run-failed", text)
        with failing_as("run-failed"):
            apply_setting(tf, case["setting"])
            self.part["effective"] = dict(effective.of_run(tf), loader=case["loader"])
        with self.phases.timed("load"):
            bring_code(tf, case, self.report)

    def load(self):
        """Return the loaded model.

        Keep it referenced to the end: up to 2.7 a signature whose object is collected loses its variables.
        """
        self.report("loading")
        with self.phases.timed("load"), failing_as("load-failed"):
            return self.loader.load(self.tf, self.case)

    def require_inputs(self):
        """Raise ``CaseError`` if there are no batches to run."""
        if self.missing is not None:
            raise CaseError(*self.missing)
        if self.case["inputs_error"] is not None:
            problem = "inputs could not be made: " + texts.first_line(self.case["inputs_error"])
            raise CaseError("run-failed", problem)

    def record(self, loaded):
        """Run every batch as often as the case says, and record its outputs and what stands before them.

        Return a function that returns both, and the leaves of each batch's first run. ``loaded`` runs the
        first batch. If calls affect the next ones, another model is loaded for each other batch.
        """
        tf, request, case, part = self.tf, self.request, self.case, self.part
        with failing_as("run-failed"):
            entry = calling.entry(tf, self.loader, loaded, case)
        part["effective"]["initialisation"] = initialisation(tf, self.loader, loaded, case)
        self._plan_calls(loaded)
        first, called, other = [], entry, None
        for number, run in self.calls:
            batch = case["batches"][number]
            if self.begins_anew(number, run) and number:
                if other is not None:
                    self.loader.release(other)
                other = self.load()
                with failing_as("run-failed"):
                    called = calling.entry(tf, self.loader, other, case)
            self.report("running batch {}".format(number) + (", run {}".format(run + 1) if run else ""))
            with failing_as("run-failed", "inputs could not be made: "):
                inputs = tensors.read_inputs(tf, request["objects"], batch)
            phase = "further_runs" if run else "first_run"
            with self.phases.timed(phase), failing_as("run-failed"):
                # Include fetching the arrays, because an op may still be running after its call returned.
                leaves = tensors.flatten_arrays(called(inputs))
            with failing_as("run-failed"):
                entries = tensors.store(request["objects"], number, leaves)
            if run:
                part["unstable"] += differing(part["outputs"], entries, number, run + 1)
            else:
                part["outputs"] += entries
                first.append(leaves)
            if run and self.carries:
                self.later.append((number, run, leaves))
        if other is not None:
            self.loader.release(other)
        if not part["outputs"]:
            raise CaseError("run-failed", "it ran and returned no output: there is nothing to compare")
        with self.phases.timed("before"):
            self._record_before(loaded, first)
        return self.watched.entry(tf, self.loader, loaded, case, entry), first

    def _record_before(self, loaded, first):
        """Record what stands before saturated outputs; that comes after all runs, so it changes none."""
        own = [len(leaves) for leaves in first]
        self.report("looking before saturated outputs")
        self.watched = before.watch(self, loaded, first)
        self.part["not_before"] = self.watched.problems
        with failing_as("run-failed"):
            for number, (leaves, count) in enumerate(zip(first, own)):
                self.part["before"] += tensors.store(self.request["objects"], number, leaves[count:])

    def entry(self, loader, loaded, case):
        """Return the function of another load that returns what was recorded of the first."""
        return self.watched.entry(self.tf, loader, loaded, case, loader.entry(self.tf, loaded, case))

    def _plan_calls(self, loaded):
        batches, runs = range(len(self.case["batches"])), range(self.case["runs"])
        self.carries = state.carries(loaded, self.case)
        self._apart = self.carries and not self.case["carry_on"]
        if self._apart:
            self.calls = [(number, run) for number in batches for run in runs]
        else:
            self.calls = [(number, run) for run in runs for number in batches]

    def begins_anew(self, number, run):
        """Whether a batch's run is to find the model as it was loaded."""
        return run == 0 and (number == 0 or self._apart)


def initialisation(tf, loader, loaded, case):
    """Return the loader's findings; failing to determine them is not a failure of the case."""
    try:
        return loader.initialisation(tf, loaded, case)
    except Exception as error:
        return {"unknown": texts.one_line(error)}


def bring_code(tf, case, report):
    """Load the case's operation libraries, then import installed modules, then its own modules."""
    for path in case["libraries"]:
        name = os.path.basename(path)
        report("loading library {}".format(name))
        with failing_as("load-failed", "library {} could not be loaded: ".format(name)):
            tf.load_op_library(path)
    for name in case["imports"]:
        report("importing {}".format(name))
        with failing_as("load-failed", "{} could not be imported: ".format(name)):
            importlib.import_module(name)
    if case["modules"]:
        local.reach(case["modules"])
    for path in case["modules"]:
        name = os.path.basename(path)
        report("importing module {}".format(name))
        with failing_as("load-failed", "module {} could not be imported: ".format(name)):
            local.bring(path, case["modules"])


def apply_setting(tf, setting):
    """Apply the parts of a setting other than variables.

    Raises ``texts.PlainError`` for a device that does not exist.
    """
    if setting["intra_op_threads"] is not None:
        tf.config.threading.set_intra_op_parallelism_threads(setting["intra_op_threads"])
    if setting["inter_op_threads"] is not None:
        tf.config.threading.set_inter_op_parallelism_threads(setting["inter_op_threads"])
    if not setting["grappler"]:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if setting["jit_compile"]:
        # Auto-clustering instead of jit_compile=True around the signature: the latter fails completely on
        # any op that XLA does not know (strings, v1 variables), and gives the same bits if it works (2.4 to
        # 2.21).
        # set_jit alone skips the CPU. TensorFlow reads this variable at the first op, not at import.
        flags = os.environ.get("TF_XLA_FLAGS", "")
        os.environ["TF_XLA_FLAGS"] = (flags + " --tf_xla_cpu_global_jit").strip()
        tf.config.optimizer.set_jit(True)
    if setting["device"] is not None:
        gpus = tf.config.list_physical_devices("GPU")
        kind, _, number = setting["device"].partition(":")
        if kind == "gpu" and int(number or 0) >= len(gpus):
            text = "device {!r} does not exist here; there are {} GPUs"
            raise texts.PlainError(text.format(setting["device"], len(gpus)))
        tf.config.set_visible_devices(gpus[int(number or 0) :][:1] if kind == "gpu" else [], "GPU")
    if setting["seed"] is not None:
        random.seed(setting["seed"])
        np.random.seed(setting["seed"])
        tf.random.set_seed(setting["seed"])
    if setting["deterministic"]:
        if hasattr(tf.config.experimental, "enable_op_determinism"):
            tf.config.experimental.enable_op_determinism()
        else:
            os.environ["TF_DETERMINISTIC_OPS"] = "1"  # before 2.8; read at the first op that needs it


def differing(first, further, batch, run):
    """Return the entries of ``further`` that are not bit-equal to those of ``first`` for the same batch.

    An output that only the first run returned is listed with ``array`` ``None``.
    """

    def keyed(entries):
        return {(e["name"], e["component"]): e["array"] for e in entries if e["batch"] == batch}

    before, now = keyed(first), keyed(further)
    names = list(now) + [key for key in before if key not in now]
    return [
        {
            "batch": batch,
            "name": name,
            "component": component,
            "run": run,
            "array": now.get((name, component)),
        }
        for name, component in names
        if now.get((name, component)) != before.get((name, component))
    ]
