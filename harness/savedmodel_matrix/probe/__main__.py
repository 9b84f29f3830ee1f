"""Run SavedModels in this environment and record what became of each: ``python probe REQUEST.json``.

**Request** (JSON, UTF-8)::

    {"format": 2,
     "objects": folder that arrays are read from and written to (see ``arrays``),
     "imported": path written once TensorFlow is imported: {"format", "effective", "phases"},
     "isolation": "auto" | "fork" | "process",
     "tensorflow": bool,    whether it is imported; without it, all cases are stages
     "scrub": [[path, label], ...], "secrets": [value, ...],   taken out of every recorded text
     "variables": {name: value},    those of the setting: set by the launcher already, here for the record
     "cases": [{"result": path, "key": str, "identity": anything,
                "measure": {"kind": str, "program": null | path, ...},    what is measured, as below
                "after": null | path of a result whose failure is this case's too,
                "fresh_process": bool,    whether it imports TensorFlow itself, in a process of its own
                "model": null | folder,
                "setting": {"device": null | "cpu" | "gpu:N", "intra_op_threads": null | int,
                            "inter_op_threads": null | int, "jit_compile": bool, "grappler": bool,
                            "seed": null | int, "deterministic": bool},
                "loader": null | "saved_model" | "v1-session" | "keras" | "tf-keras" | "tfsm-layer",
                "imports": [module, ...], "modules": [path, ...], "libraries": [path, ...],
                "tags": null | [str], "signature": null | str, "function": null | str,
                "batches": null | [[input, ...], ...] | {"name": str, "outputs_of": path of a result},
                "inputs_error": null | str, "runs": int, "time_limit_s": number,
                "memory_limit_bytes": null | int,
                "sources": [{"path", "size", "mtime_ns", "ctime_ns", "inode"}, ...]}]}    as below

An input is ``{"name", "component", "array"}``. ``function`` is an attribute path on the loaded object
that is called instead of a signature; there an input named "" is passed by position. Without either,
the signature is ``serving_default``. ``runs`` counts the first run too.

Batches that are the outputs of another case come from its result, which must exist when this case runs:
an earlier case of this request, or of an earlier request. If that case failed, this one has its outcome.

``measure`` names a file of ``measurements``, or of the folder that ``program`` is in, and its parameters::

    outputs        none
    noise_floor    "replicates": int, "seed": int
    check          "name", and the parameters of the check (see ``checks``)
    re_export      "save_to": folder that the loaded model is saved to; it is not run, and "recorded" says
                   that it was saved
    stage          a Python callable, {name: array} in and out; the keys from "model" to "function" are null:
                   "name": str, "file": null | path, "module": null | str,    one of the two has the function
                   "function": dotted name, "modules": [path, ...],
                   "reads": [path, ...],    files that it opens, listed
                   "root": null | folder below which an opened file that is not listed is reported,
                   "expects": null | {input: {"dtype": null | str, "shape": null | [null | size, ...],
                                              "optional": bool}}

``loader`` is a way to load the model (see ``loaders``); those of Keras call the model itself, and know no
tags. ``libraries`` (of custom operations) are loaded and then ``modules`` imported before the model, in the
case's own process. A module that is a folder is only put on the path; one that is a file is imported under
its stem, or under its dotted name in a listed folder that it lies in. What fails there is ``load-failed``.

**Result**, one file per case at its ``result``, written whole or not at all::

    {"format": 2, "key", "identity",
     "outcome": "recorded" | "import-failed" | "load-failed" | "run-failed" | "crashed" | "timed-out",
     "reason": null | one line, "traceback": null | str, "log_tail": str,
     "outputs": [{"batch", "name", "component", "array"}],             of the first run
     "unstable": [{"batch", "name", "component", "run", "array"}],     further runs that differ in a bit
     "measured": null | {...},     what the measurement records beside outputs, as below
     "effective": {...} (see ``effective``; and "loader"),
     "phases": {"import" | "load" | "first_run" | "further_runs" | "floor" | "check":
                {"wall_s", "cpu_s", "peak_rss_bytes"}},
     "started", "ended": ISO 8601, UTC}

A stage::

    {"wrote": [{"batch", "name"}],    inputs that the stage wrote to
     "remarks": [str],
     "libraries": {module: version}, "brought": {module: version}}    named by its code, or imported by those

A noise floor (K replicates with floats moved by one unit in the last place)::

    {"replicates": K, "seed", "moved": {"inputs", "variables"},    how many numbers were moved
     "outputs": [{"batch", "name", "component", "dtype", "replicates",
                  "lost": null | why the replicates of this output cannot be used,
                  "std": null | float64 array of the output's shape: the standard deviation over replicates,
                  "rms": [root mean square of each replicate's distance from the first run, ...],
                  "flipped": bool array: where a replicate had another argmax over the last axis (floats
                             of rank 2 and more), or another value (integers, booleans, strings)}],
     "split": [{"batch", "name", "component", "array"}],    outputs of the batch run in two parts
     "unreached": [input name, ...]}    of which another order of elements changed no output

A check, in place of the plain runs::

    {"problem": null | why there is nothing to compare,
     "compared": how many outputs were compared, "different": how many of them were not bit-equal,
     "differences": [{"what", "position", "batch", "name", "component",
                      "reference", "array": array, null where that side did not return it}],
                    at most ``session.MOST_KEPT`` of each output
     "unsettled": [{"batch", "name", "component"}],    change by themselves, one call after the other
     repeat:     "runs", "variables": how many are read, "changed_variables": [name, ...];
                 "position" is the number of the call, from 2
     concurrent: "threads", "inputs", "calls", "wrong": calls with an answer that is not the single
                 thread's, "of_another": of these, how many got the answer to another input, "failed": how
                 many raised, "errors": [text, ...], "waiting": how many threads never came back,
                 "stacks": null | those of all threads then; "what" is the input, or "afterwards" for what
                 a single thread gets when the others are done
     reload:     "cycles", "descriptors": [int | null, ...], "threads": [...] after each;
                 "what" is "load", "side by side" or "when the other is released"
     leak:       "loads": [bytes after each], "calls": [bytes after every "calls_each" calls]
     batch:      "whole": [outputs that have no row for each row of the input],
                 "refusals": [sizes of batch that the model does not take, and why]}

``sources`` are the files that the key of the case stands for. If one of them has changed before or after the
case ran, or if the case that it takes its inputs from has no result, there is no result: instead, a file
with ".unfiled" behind its name holds ``{"key", "reason"}``.

An output's name is its path in the returned structure ("a/0/b"), "output" for a bare tensor. ``array``
of an unstable output is null where that run did not return it.

TensorFlow is imported once and every case runs in a forked child ("fork"), or every case is a fresh
process that imports it ("process": the default where there is no fork, and on macOS, where forking after
such an import is unsafe). Then the phase "import" is each case's own; otherwise all cases share it.

**Exit status**: 0 every result is written, whatever the outcomes; 2 the request is wrong; 5 a fault of
the probe; 128 + N ended by signal N. Any other end leaves results unwritten: where the file ``imported``
is missing too, importing TensorFlow killed the process.

stdout and stderr belong to TensorFlow; what a case prints ends up in its ``log_tail``.
"""

import importlib
import importlib.util
import os
import sys

PACKAGE = "savedmodel_matrix_probe"


def load_package():
    """Import this folder under a name of its own, so that model code can import nothing of ours."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != here]
    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(here, "__init__.py"), submodule_search_locations=[here]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    load_package()
    sys.exit(importlib.import_module(PACKAGE + ".supervise").main(sys.argv))
