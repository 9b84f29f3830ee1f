"""A command of the user's, run with this environment's programs; its exit status is recorded."""

import os
import subprocess
import sys

from .. import texts
from ..failing import CaseError

#: Characters of what it prints that are kept, from the end.
_KEPT = 4000


def run(job):
    """Run ``measure["words"]`` in ``measure["root"]``, with the model's folder in a variable."""
    spec = job.case["measure"]
    environ = dict(os.environ, SAVEDMODEL_MATRIX_MODEL=job.case["model"])
    environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), environ.get("PATH", os.defpath)])
    job.report("running the command")
    try:
        with job.phases.timed("first_run"):
            process = subprocess.Popen(
                spec["words"],
                cwd=spec["root"],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            printed = process.communicate()[0]
    except OSError as error:
        text = "the command could not be started: {}".format(texts.one_line(error))
        raise CaseError("run-failed", text) from error
    output = printed.decode("utf-8", "replace")[-_KEPT:]
    job.part["measured"] = {"exit_status": process.returncode, "output": output}
