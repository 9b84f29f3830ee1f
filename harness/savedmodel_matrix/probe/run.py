"""One case from model to output entries: apply the setting, load, run, store, compare further runs."""

import faulthandler
import importlib
import os
import random

import numpy as np

from . import checks, effective, files, floor, loaders, local, measure, re_export, tensors, texts
from .failing import CaseError, failing_as


def run_case(tf, request, case, report):
    """Load and run ``case``; return its part of the result, texts not yet scrubbed.

    ``report(text)`` is told what is being done, so that the parent can say what a dead child was at.
    """
    phases = measure.Phases()
    part = {"outcome": "recorded", "reason": None, "traceback": None, "outputs": [], "unstable": []}
    part["floor"] = part["check"] = None
    part["effective"] = {}
    try:
        _run(tf, request, case, report, phases, part)
    except CaseError as failure:
        part.update(outcome=failure.outcome, reason=failure.reason)
        cause = failure.__cause__
        part["traceback"] = texts.trimmed_traceback(cause) if cause is not None else None
    part["phases"] = phases.costs
    if part["outcome"] != "recorded":
        part.update(outputs=[], unstable=[], floor=None, check=None)
    return part


def _run(tf, request, case, report, phases, part):
    case, missing = files.with_batches(case)
    report("loading")
    loader = loaders.LOADERS.get(case["loader"])
    if loader is None:
        known = ", ".join(sorted(loaders.LOADERS))
        text = "loader {!r} is not known; there are: {}".format(case["loader"], known)
        raise CaseError("run-failed", text)
    with failing_as("run-failed"):
        apply_setting(tf, case["setting"])
        part["effective"] = dict(effective.of_run(tf), loader=case["loader"])
    with phases.timed("load"):
        bring_code(tf, case, report)
    if case["check"] is not None and case["check"]["name"] != files.FRESH_PROCESS:
        # Should it hang where no Python runs any more, the log has the stacks before the time is over.
        faulthandler.dump_traceback_later(max(1.0, 0.9 * case["time_limit_s"]))
        with failing_as("run-failed"):
            check = checks.CHECKS[case["check"]["name"]]
            part["check"] = check(checks.Session(tf, request, case, loader, phases, report))
        faulthandler.cancel_dump_traceback_later()
        return
    report("loading")
    with phases.timed("load"), failing_as("load-failed"):
        # Referenced to the end: up to 2.7 a signature whose object is collected loses its variables.
        loaded = loader.load(tf, case)
    if case["save_to"] is not None:
        with failing_as("run-failed", "it could not be saved again: "):
            re_export.save(tf, loaded, case)
        return
    if missing is not None:
        raise CaseError(*missing)
    if case["inputs_error"] is not None:
        raise CaseError("run-failed", "inputs could not be made: " + texts.first_line(case["inputs_error"]))
    _record(tf, request, case, report, phases, part, loader, loaded)


def _record(tf, request, case, report, phases, part, loader, loaded):
    """Run the loaded model on every batch as often as is asked, and record what it gave."""
    with failing_as("run-failed"):
        entry = loader.entry(tf, loaded, case)
    part["effective"]["initialisation"] = initialisation(tf, loader, loaded, case)
    first = []
    for run in range(case["runs"]):
        for number, batch in enumerate(case["batches"]):
            report("running batch {}".format(number) + (", run {}".format(run + 1) if run else ""))
            with failing_as("run-failed", "inputs could not be made: "):
                inputs = tensors.read_inputs(tf, request["objects"], batch)
            with phases.timed("further_runs" if run else "first_run"), failing_as("run-failed"):
                # The arrays too, because an op may still be running when its call has returned.
                leaves = tensors.flatten_arrays(entry(inputs))
            with failing_as("run-failed"):
                entries = tensors.store(request["objects"], number, leaves)
            if run:
                part["unstable"] += differing(part["outputs"], entries, number, run + 1)
            else:
                part["outputs"] += entries
                if case["floor"] is not None:
                    first.append(leaves)
    if not part["outputs"]:
        raise CaseError("run-failed", "it ran and returned no output: there is nothing to compare")
    if case["floor"] is not None:
        with phases.timed("floor"), failing_as("run-failed", "the noise floor could not be measured: "):
            variables = loader.variables(loaded, case)
            part["floor"] = floor.measure(tf, case, request["objects"], entry, variables, first, report)


def initialisation(tf, loader, loaded, case):
    """Return what the loader says of it; that it cannot be told is no failure of the case."""
    try:
        return loader.initialisation(tf, loaded, case)
    except Exception as error:
        return {"unknown": texts.one_line(error)}


def bring_code(tf, case, report):
    """Load the case's libraries of operations, then import what is installed, then its own modules."""
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
    """Apply what a setting switches other than variables.

    Raises ``texts.PlainError`` for a device that is not there.
    """
    if setting["intra_op_threads"] is not None:
        tf.config.threading.set_intra_op_parallelism_threads(setting["intra_op_threads"])
    if setting["inter_op_threads"] is not None:
        tf.config.threading.set_inter_op_parallelism_threads(setting["inter_op_threads"])
    if not setting["grappler"]:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if setting["jit_compile"]:
        # Auto-clustering rather than jit_compile=True around the signature: that fails as a whole on any op
        # XLA does not know (strings, v1 variables), and gives the same bits where it works (2.4 to 2.21).
        # set_jit alone leaves the CPU out. TensorFlow reads this variable at the first op, not at import.
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
            os.environ["TF_DETERMINISTIC_OPS"] = "1"  # before 2.8; read at the first op that asks


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
