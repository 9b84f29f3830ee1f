"""A check of session behaviour (see ``checks``) in place of plain runs."""

import faulthandler

from .. import checks
from ..failing import failing_as

TEXTS = ("problem", "errors", "stacks", "refusals")


def run(job):
    """Run the check named by ``measure["name"]`` and record its part of the result."""
    job.prepare()
    measure = job.case["measure"]
    # If it hangs outside Python code, the log has the stacks before the time limit.
    faulthandler.dump_traceback_later(max(1.0, 0.9 * job.case["time_limit_s"]))
    with failing_as("run-failed"):
        job.part["measured"] = checks.CHECKS[measure["name"]](checks.Session(job))
    faulthandler.cancel_dump_traceback_later()
