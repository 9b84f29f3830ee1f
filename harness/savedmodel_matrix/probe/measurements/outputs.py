"""What the model returns for every batch, run as often as the case asks."""


def run(job):
    """Load the model, run it on every batch, and record the outputs of the first run."""
    job.prepare()
    loaded = job.load()
    job.require_inputs()
    job.record(loaded)
