"""The probe's side of ``weights.py``: runs inside the environment, on Python 3.6 and later."""


def run(job):
    job.prepare()
    loaded = job.load()
    found = len(job.loader.variables(loaded, job.case))
    assert found >= job.case["measure"]["at_least"]
    job.part["measured"] = {"variables": found}
