"""Many runs of a case, for its random outputs: a sample of what each run returns.

Each run is an independent draw. A model that writes variables or tables is loaded anew for each batch of each
run, because its runs depend on those before them.

Of each run a fixed choice of an output's elements is kept, and a few numbers on all of them, so that a sample
takes little space however large the output is.
"""

import time

import numpy as np

from .. import arrays, calling, tensors
from ..checks import state
from ..failing import failing_as

#: Elements of an output that are kept of each run.
_MOST_ELEMENTS = 256
_SEED = 1


def run(job):
    """Run the batches as often as asked for, as far as the time reaches, and record the samples."""
    job.prepare()
    loaded = job.load()
    job.require_inputs()
    with failing_as("run-failed"):
        entry = calling.entry(job.tf, job.loader, loaded, job.case)
        batches = [
            tensors.read_inputs(job.tf, job.request["objects"], batch) for batch in job.case["batches"]
        ]
        anew = state.writes(loaded, job.case)
    asked, samples, runs = job.case["measure"], {}, 0
    with job.phases.timed("draws"), failing_as("run-failed"):
        begun = time.perf_counter()
        while runs < asked["runs"] and (runs < 2 or time.perf_counter() - begun < asked["seconds"]):
            job.report("run {} of {}".format(runs + 1, asked["runs"]))
            for number, inputs in enumerate(batches):
                if anew and (runs or number):
                    job.loader.release(loaded)
                    loaded = job.loader.load(job.tf, job.case)
                    entry = calling.entry(job.tf, job.loader, loaded, job.case)
                for name, part, array, dtype in tensors.flatten_arrays(entry(inputs)):
                    if (number, name, part) not in samples:
                        samples[number, name, part] = _Sample(array, dtype)
                    samples[number, name, part].add(array)
            runs += 1
        job.part["measured"] = {
            "runs": runs,
            "anew": anew,
            "samples": [
                dict(sample.entry(job.request["objects"]), batch=batch, name=name, component=part)
                for (batch, name, part), sample in samples.items()
            ],
        }


class _Sample:
    """What is kept of the runs of one output."""

    def __init__(self, array, dtype):
        array = np.asarray(array)
        self._dtype, self._shape, self._content = dtype, array.shape, _content(array)
        self._positions = chosen(array.size)
        self._is_fixed, self.varies = True, False
        self._values, self._whole = [], []

    def add(self, array):
        array = np.asarray(array)
        self._is_fixed &= array.shape == self._shape
        self.varies |= not self._is_fixed or _content(array) != self._content
        if self._is_fixed:
            self._values.append(array.reshape(-1)[self._positions])
        self._whole.append(about(array, self._dtype))

    def entry(self, objects):
        """Store the sample; of an output that never varies, one run says all."""
        kept = slice(None) if self.varies else slice(1)
        values = np.stack(self._values[kept])
        return {
            "dtype": self._dtype,
            "shape": list(self._shape) if self._is_fixed else None,
            "runs": len(self._whole),
            "varies": self.varies,
            "positions": arrays.write_array(objects, self._positions, "int64"),
            "values": arrays.write_array(objects, values, self._dtype) if self._is_fixed else None,
            "whole": arrays.write_array(objects, np.array(self._whole[kept], np.float64), "float64"),
        }


def chosen(size):
    """Return the flat positions of the kept elements, the same for every output of this size."""
    if size <= _MOST_ELEMENTS:
        return np.arange(size, dtype=np.int64)
    drawn = np.random.RandomState(_SEED).randint(0, size, size=_MOST_ELEMENTS, dtype=np.int64)
    return np.unique(drawn)


def _content(array):
    return array.tolist() if array.dtype == object else array.tobytes()


def about(array, dtype):
    """Return numbers on all elements; all but the first are 0 where they mean nothing.

    They are: how many there are, the share of zeros and of finite ones, the mean, the standard deviation, the
    least and the largest.
    """
    found = [float(array.size)] + [0.0] * 6
    if dtype == arrays.STRING or array.dtype.names is not None or not array.size:
        return found
    numbers = np.abs(array) if array.dtype.kind == "c" else array
    with np.errstate(all="ignore"):
        numbers = numbers.astype(np.float64).reshape(-1)
    finite = numbers[np.isfinite(numbers)]
    found[1:3] = float(np.mean(numbers == 0)), finite.size / numbers.size
    if finite.size:
        with np.errstate(all="ignore"):
            found[3:] = float(finite.mean()), float(finite.std()), float(finite.min()), float(finite.max())
    return [each if np.isfinite(each) else 0.0 for each in found]
