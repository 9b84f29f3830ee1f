"""What can be measured in this environment, one file per kind.

A file has a function ``run(job)``: it works with a ``run.Job`` (load the model, run it, store arrays) and
fills the job's part of the result. What it records in addition to outputs is ``job.part["measured"]``, a
JSON object. ``TEXTS`` lists its keys that hold text for people, which is scrubbed; without ``TEXTS`` every
text in it is scrubbed.

``case["measure"]["kind"]`` names a file of this folder; ``case["measure"]["program"]`` is the path of a
file elsewhere.
"""

import importlib
import importlib.util

from .. import texts
from ..failing import CaseError

KINDS = ("outputs", "noise_floor", "distribution", "stage", "check", "re_export", "outside", "command")


def find(measure):
    """Return the module for ``measure``. Raises ``CaseError`` if it cannot be loaded."""
    kind, path = measure["kind"], measure["program"]
    if path is not None:
        spec = importlib.util.spec_from_file_location(__name__ + "." + kind, path)
        module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            text = "the measurement {!r} could not be loaded: {}".format(kind, texts.one_line(error))
            raise CaseError("run-failed", text) from error
        return module
    if kind not in KINDS:
        text = "the measurement {!r} does not exist here; there are: {}"
        raise CaseError("run-failed", text.format(kind, ", ".join(KINDS)))
    return importlib.import_module(__name__ + "." + kind)


def preload():
    """Import every kind once, before children are forked."""
    for kind in KINDS:
        importlib.import_module(__name__ + "." + kind)
