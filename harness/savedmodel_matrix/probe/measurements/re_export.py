"""Export a loaded SavedModel again for inference: its signatures and what they read, and nothing else.

Other releases often fail on training leftovers in the file (optimizers and their slots, losses, layers as
Keras objects); the functions behind the signatures need none of it.
"""

import os
import shutil

from .. import sums
from ..failing import failing_as
from ..unfinished import whole


def run(job):
    """Load the model and save it to ``measure["save_to"]``; "recorded" means that it was saved."""
    job.prepare()
    loaded = job.load()
    with failing_as("run-failed", "it could not be saved again: "):
        save(job.tf, loaded, job.case)


def save(tf, loaded, case):
    """Save ``loaded`` (from the loader ``saved_model``) to ``case["measure"]["save_to"]``, atomically.

    The checksums of its files are written beside it, first.

    Warm-up requests and other extra assets are copied. TensorFlow's exceptions pass through: for example, a
    signature that reads a table cannot be saved without the object that owns the table.
    """
    target = case["measure"]["save_to"]
    bare = tf.Module()
    signatures = dict(loaded.signatures)
    distinct = {id(variable): variable for each in signatures.values() for variable in each.variables}
    bare.kept = list(distinct.values())
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with whole(target) as half_written:
        tf.saved_model.save(bare, half_written, signatures=signatures)
        extra = os.path.join(case["model"], "assets.extra")
        if os.path.isdir(extra):
            shutil.copytree(extra, os.path.join(half_written, "assets.extra"))
        sums.write(sums.path_of(target), sums.of_folder(half_written))
