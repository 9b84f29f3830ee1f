"""Float inputs that a model takes as whole numbers, such as indices of an embedding.

One unit in the last place below 3.0 the model sees a 2: that is another input, and no rounding. One unit
above, it sees the same 3.
"""

import numpy as np

from . import arrays, tensors


def inputs(job, entry, first):
    """Return the names of float inputs of whole numbers of which the next larger ones change no output.

    ``first`` is the run of each batch, as ``tensors.flatten_arrays`` returns it.
    """
    names = {item["name"] for batch in job.case["batches"] for item in batch}
    return {name for name in sorted(names) if _is_discrete(job, entry, first, name)}


def _is_discrete(job, entry, first, name):
    for batch, before in zip(job.case["batches"], first):
        given, moved = {}, False
        for item in batch:
            array, dtype = arrays.read_array(job.request["objects"], item["array"]), item["array"]["dtype"]
            if item["name"] == name and dtype in ("float32", "float64"):
                array = np.asarray(array)
                if not np.array_equal(array, np.trunc(array)):
                    return False
                # What replicates would not move is not moved here either: zeros and infinities.
                larger = np.nextafter(array, np.copysign(np.inf, array)).astype(array.dtype)
                array, moved = np.where(array == 0, array, larger), True
            given.setdefault(item["name"] or "", {})[item["component"]] = tensors.to_tensor(
                job.tf, array, dtype
            )
        if not moved:
            return False
        job.report("running with larger {}".format(name))
        if _bytes(tensors.flatten_arrays(entry(given))) != _bytes(before):
            return False
    return True


def _bytes(leaves):
    return {(name, part): np.asarray(array).tobytes() for name, part, array, _ in leaves}
