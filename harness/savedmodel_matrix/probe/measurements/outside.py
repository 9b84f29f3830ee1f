"""A model that reads files outside itself: run as where they are missing, and with them inside it.

``measure["what"]`` is "hidden" or "self-contained". Both run a changed copy of the model. Hiding the files
themselves would need rights that the user may not have (a mount namespace), or would touch the user's files;
a copy that names files that do not exist behaves the same on every system.
"""

import os
import shutil
import tempfile
import uuid

from .. import copies, sums
from ..failing import CaseError, failing_as

#: No file has a name with this ending.
_ENDING = ".missing-as-elsewhere"


def run(job):
    """Run the changed copy on every batch and record its outputs."""
    job.prepare()
    if job.case["measure"]["what"] == "hidden":
        _hidden(job)
    else:
        _self_contained(job)


def _hidden(job):
    """Run the model as where the files are missing; errors name the files by their own paths."""
    model = job.case["model"]
    with tempfile.TemporaryDirectory(prefix="outside-") as folder:
        copy = os.path.join(folder, "model")
        with failing_as("run-failed", "the files could not be hidden: "):
            message = copies.read(model)
            for each in job.case["measure"]["paths"]:
                copies.append(message, each["constants"], _ENDING)
            copies.copy_rest(model, copy, copies.linked)
            copies.write(message, copy)
        try:
            _record(job, copy)
        except CaseError as failure:
            raise CaseError(failure.outcome, failure.reason.replace(_ENDING, "")) from failure.__cause__


def _self_contained(job):
    """Save the model with the files among its assets to ``measure["save_to"]``, if that model can be run."""
    model, target = job.case["model"], job.case["measure"]["save_to"]
    unfinished = "{}.{}.tmp".format(target, uuid.uuid4().hex)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        with failing_as("run-failed", "it could not be made self-contained: "):
            message = copies.read(model)
            copies.copy_rest(model, unfinished)
            copies.take_in(message, job.case["measure"]["paths"], unfinished)
            copies.write(message, unfinished)
        _record(job, unfinished)
        sums.write(sums.path_of(target), sums.of_folder(unfinished))
        shutil.rmtree(target, ignore_errors=True)
        os.replace(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _record(job, model):
    job.case = dict(job.case, model=model)
    loaded = job.load()
    job.require_inputs()
    job.record(loaded)
