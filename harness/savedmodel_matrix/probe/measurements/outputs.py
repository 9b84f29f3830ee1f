"""The model's outputs for every batch, run as often as the case says."""


def run(job):
    """Load the model, run it on every batch, and record the outputs of the first run."""
    job.prepare()
    loaded = job.load()
    job.require_inputs()
    job.record(loaded)
