"""Run SavedModels in this environment and record each outcome: ``python probe REQUEST.json``.

**Request** (JSON, UTF-8)::

    {"format": 2,
     "objects": folder that arrays are read from and written to (see ``arrays``),
     "imported": path written once TensorFlow is imported: {"format", "effective", "phases"},
     "owner": null | "PROCESS@PLACE",    that half-written files are named after, see ``unfinished``
     "isolation": "auto" | "fork" | "process",
     "tensorflow": bool,    whether it is imported; without it, all cases are stages
     "scrub": [[path, label], ...], "secrets": [value, ...],   removed from every recorded text
     "variables": {name: value},    the setting's: already set by the launcher, listed for the record
     "cases": [{"result": path, "key": str, "identity": anything,
                "measure": {"kind": str, "program": null | path, ...},    what is measured, see below
                "after": null | path of a result whose failure becomes this case's outcome,
                "fresh_process": bool,    whether it imports TensorFlow itself, in its own process
                "model": null | folder,
                "setting": {"device": null | "cpu" | "gpu:N", "intra_op_threads": null | int,
                            "inter_op_threads": null | int, "jit_compile": bool, "grappler": bool,
                            "seed": null | int, "deterministic": bool},
                "loader": null | "saved_model" | "v1-session" | "keras" | "tf-keras" | "tfsm-layer",
                "imports": [module, ...], "modules": [path, ...], "libraries": [path, ...],
                "tags": null | [str], "signature": null | str, "function": null | str,
                "endpoint": null | str,
                "feed": {tensor: value}, "one_row": bool, "reload": bool, "carry_on": bool,
                "call": null | {"names": [str, ...], "positional": [argument, ...],
                                "keywords": {str: argument}},    the function's arguments, see below
                "batches": null | [[input, ...], ...] | {"name": str, "outputs_of": path of a result},
                "inputs_error": null | str, "runs": int, "time_limit_s": number,
                "memory_limit_bytes": null | int,
                "sources": [{"path", "size", "mtime_ns", "ctime_ns", "inode"}, ...],
                "links": {path in the working folder: path of a file}}]}    as below

An input is ``{"name", "component", "array"}``. ``function`` is an attribute path on the loaded object
that is called instead of a signature; its input named "" is passed by position. Without either,
the signature is ``serving_default``. ``endpoint`` is what the loader tfsm-layer calls for the signature.
``feed`` are values of placeholders that are no inputs; ``one_row`` calls the model for each row of a batch,
and ``reload`` loads it for each call (see ``calling``). Unless ``carry_on``, each batch begins with a newly
loaded model if its graph carries anything from call to call.
``runs`` includes the first run.

With a ``call``, a function gets its arguments as that says. An argument is ``{"kind", "value", "keys",
"items"}``: an "input" (its name is the value), a "value", a "dtype" (a type's name), a "list", a "tuple", a
"dict" with these keys, or a "namedtuple" of this name and these fields. Inputs that are not those of the call
are passed by name.

Batches that are the outputs of another case come from its result, which must exist when this case runs:
from an earlier case of this request, or from an earlier request. If that case failed, this case gets its
outcome.

``measure`` names a module of ``measurements``, or the file ``program``, and its parameters::

    outputs        none
    noise_floor    "replicates": int, "seed": int, "power_seconds": null | float
    distribution   "runs": int, "seconds": float    of each batch, and when no further run begins
    check          "name", and the parameters of the check (see ``checks``)
    re_export      "save_to": folder that the loaded model is saved to; it is not run, and "recorded" means
                   that it was saved
    outside        "what": "hidden" (run as where these files are missing) or "self-contained" (run with the
                   files among the model's assets, and save that model), "save_to": null | folder,
                   "paths": [{"path": str, "constants": [constant (see ``copies``), ...]}, ...]
    stage          a Python callable, {name: array} in and out; the keys from "model" to "function" are null:
                   "name": str, "file": null | path, "module": null | str,    one of the two has the function
                   "function": dotted name, "modules": [path, ...],
                   "reads": [path, ...],    files that it declares to open
                   "root": null | folder below which other opened files are reported,
                   "expects": null | {input: {"dtype": null | str, "shape": null | [null | size, ...],
                                              "optional": bool}}

``loader`` is a way to load the model (see ``loaders``). Keras loaders call the model itself and ignore tags.
``libraries`` (of custom operations) are loaded and then ``modules`` imported before the model, in the case's
own process. A module that is a folder is only added to sys.path. A module that is a file is imported by its
stem, or by its dotted name within a listed folder that contains it. A failure there is ``load-failed``.

Paths in a request are absolute. The working folder of a case, its home folder and its folder for temporary
files are its own: empty at its start, removed at its end. ``variables`` may name other ones. In the working
folder of a stage are links to what it lists ("file", "modules", "reads"), each at its path from "root". On
Linux no process that a case has started is left after it.

**Result**, one file per case at its ``result``, written atomically::

    {"format": 2, "key", "identity",
     "outcome": "recorded" | "import-failed" | "load-failed" | "run-failed" | "crashed" | "timed-out",
     "reason": null | one line, "traceback": null | str,
     "log_tail": what its process printed; of much output, the beginning and the end,
     "outputs": [{"batch", "name", "component", "array"}],             of the first run
     "unstable": [{"batch", "name", "component", "run", "array"}],     of later runs, where any bit differs
     "measured": null | {...},     what the measurement records in addition to outputs, see below
     "effective": {...} (see ``effective``; also has "loader"),
     "phases": {"import" | "load" | "first_run" | "further_runs" | "floor" | "draws" | "check":
                {"wall_s", "cpu_s", "peak_rss_bytes"}},
     "started", "ended": ISO 8601, UTC}

A stage::

    {"wrote": [{"batch", "name"}],    inputs that the stage wrote to
     "remarks": [str],
     "libraries": {module: version}, "brought": {module: version},    named by its code, or imported by those
     "parts": [{"way", "batch", "samples", "outputs"}],    of parts of a batch, where "parts" asks for it
     "in_another_folder": [{"batch", "name", "component", "array"}],    where that makes something else
     "decoded": [{"batch", "name", "decoder", "file", "array"}]}    JPEG inputs, by each decoder it has loaded

A noise floor (K replicates with floats moved by one unit in the last place)::

    {"replicates": K, "seed",
     "moved": {"inputs", "variables", "operations"},    numbers of moved values, and of operations that round
                                                        at random (see ``rounding``)
     "not_rounded": null | why no operation does,
     "anew": bool,    whether each replicate loaded the model, since its outputs change from run to run
     "outputs": [{"batch", "name", "component", "call", "dtype", "replicates",
                  "lost": null | why the replicates of this output cannot be used,
                  "std": null | float64 array of the output's shape: the standard deviation over replicates,
                  "rms": [root mean square of each replicate's distance from the first run, ...],
                  "flipped": bool array: where a replicate had another argmax over the last axis (floats
                             of rank 2 and more), or another value (integers, booleans, strings)}],
     "split": [{"batch", "name", "component", "array"}],    outputs of the batch run in two parts; not if anew
     "unreached": [input name, ...],    inputs whose elements can be reordered without changing any output
     "no_power": null | why not every kind of weight could be changed,
     "power": {"seconds": how long weights were changed at most,
               "weights": number of float weights, "left_out": number of other variables, and of zero ones,
               "unused": number of variables that no output depends on (see ``used``),
               "tried": [{"weight": name, "size", "level": change relative to its root mean square,
                          "outputs": [{"batch", "name", "component", "array"}],    those that changed
                          "lost": whether it then failed or returned other outputs}, ...]}}

A distribution, in place of the plain runs::

    {"runs": number of runs, "anew": bool,    whether each loaded the model, which writes variables or tables
     "samples": [{"batch", "name", "component", "dtype", "runs",
                  "shape": null | [size, ...],    null if it changes from run to run
                  "varies": bool,    whether any two runs differ in any bit; if none do, one is stored
                  "positions": int64 array: the flat positions of the elements that are kept,
                  "values": null | array, runs x kept elements; null without a shape,
                  "whole": float64 array, runs x 7 numbers (see ``measurements.distribution.about``)}]}

A check, in place of the plain runs::

    {"problem": null | why there is nothing to compare,
     "compared": number of outputs compared, "different": how many of them were not bit-equal,
     "differences": [{"what", "position", "batch", "name", "component",
                      "reference", "array": array, null if that side did not return it}],
                    at most ``session.MOST_KEPT`` for each output
     "unsettled": [{"batch", "name", "component"}],    outputs that change on their own from call to call
     repeat:     "runs", "variables": number of variables read, "changed_variables": [name, ...];
                 "position" is the number of the call, from 2
     concurrent: "threads", "inputs", "calls", "wrong": calls whose answer differs from the single
                 thread's, "of_another": of these, how many got the answer to another input, "failed": how
                 many raised, "errors": [text, ...], "waiting": how many threads never returned,
                 "stacks": null | the stacks of all threads at that time; "what" is the input, or
                 "afterwards" for a single thread's answer when the others are done
     reload:     "cycles", "descriptors": [int | null, ...], "threads": [...] after each;
                 "what" is "load", "side by side" or "when the other is released"
     leak:       "loads": [bytes after each], "calls": [bytes after every "calls_each" calls]
     batch:      "whole": [outputs that do not have one row for each row of the input],
                 "refusals": [batch sizes that the model does not accept, and why]}

``sources`` are the files that the key of the case stands for; "size" is null for one that was missing. If one
of them has changed before or after the case ran, or if the case that it takes its inputs from has no result,
there is no result: instead, a file with ".unfiled" behind its name holds ``{"key", "reason"}``.

An output's name is its path in the returned structure ("a/0/b"), "output" for a bare tensor. ``array``
of an unstable output is null where that run did not return it.

Either TensorFlow is imported once and every case runs in a forked child ("fork"), or every case is a fresh
process that imports it ("process": the default if there is no fork, and on macOS, where forking after
such an import is unsafe). With "process", each case has its own phase "import"; with "fork", all share one.

On Linux a child of the process that is started does all of this, and may be ended by what it imports or runs
(see ``guard``). An import that ends it is an outcome, except by a signal that may have come from outside.

**Exit status**: 0 every result is written, whatever the outcomes; 2 the request is invalid; 4 the system
refuses something, such as room on a disk, and the last line of stderr says what; 5 a fault of the probe;
128 + N asked to end by signal N. Any other end is that of the child, and leaves results unwritten; it is 1 in
place of a status that has a meaning here.

stdout and stderr belong to TensorFlow; a case's output ends up in its ``log_tail``.
"""

import importlib
import importlib.util
import os
import sys

PACKAGE = "savedmodel_matrix_probe"


def load_package():
    """Import this folder under a private name, so that model code cannot import any of our modules."""
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
