"""Recordings and what they hold, made by hand: what a test does not say has a value that says nothing."""

from __future__ import annotations

import datetime as dt

import numpy as np
from savedmodel_matrix.domain.arrays import ArrayEntry, Output, OutputId, Unstable
from savedmodel_matrix.domain.noise_floor import MeasuredFloor, NoiseFloorPart
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.domain.recording import RecordedOutputs, Recording
from savedmodel_matrix.probe.arrays import write_array

DTYPES = {"f": "float32", "i": "int64", "O": "string", "b": "bool"}
THEN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def as_entry(found):
    """Return what the probe says of an array as a type."""
    return ArrayEntry(found["dtype"], tuple(found["shape"]), tuple(found["objects"]), found["nbytes"])


def stored(objects, value, dtype=None):
    """Store an array and return its entry."""
    return as_entry(write_array(str(objects), np.asarray(value), dtype or DTYPES[value.dtype.kind]))


def entry(shape=(4,), dtype="float32", objects=("0" * 64,), nbytes=16):
    """Return an entry of an array that lies nowhere."""
    return ArrayEntry(dtype, shape, objects, nbytes)


def output(array, name="y", batch=0, component=None):
    return Output.of(OutputId(batch, name, component), array)


def unstable(name="y", array=None, batch=0, component=None, run=2):
    return Unstable(batch=batch, name=name, component=component, run=run, array=array)


def recording(**changes):
    """Return a recording; ``seconds`` is what loading took."""
    seconds = changes.pop("seconds", 1.0)
    outcome = changes.get("outcome", "recorded")
    fields = {
        "key": "0" * 64,
        "identity": {},
        "outcome": outcome,
        "reason": None if outcome == "recorded" else "because",
        "traceback": None,
        "log_tail": "",
        "outputs": (),
        "unstable": (),
        "measured": None,
        "effective": {},
        "phases": {"load": {"wall_s": seconds, "cpu_s": seconds, "peak_rss_bytes": 1}},
        "started": THEN,
        "ended": THEN,
    }
    return Recording.model_validate({**fields, **changes})


def measured_floor(
    outputs, spreads, *, inputs=1, variables=1, split=(), anew=False, not_rounded=None, power=None
):
    """Return a noise floor from outputs and what ``probe.measurements.noise_floor.Spread`` says of them."""
    part = NoiseFloorPart.model_validate(
        {
            "replicates": 16,
            "seed": 0,
            "moved": {"inputs": inputs, "variables": variables, "operations": 0},
            "outputs": spreads,
            "split": split,
            "unreached": (),
            "not_rounded": not_rounded,
            "anew": anew,
            "power": power or {"seconds": 0.0, "weights": 0, "left_out": 0, "unused": 0, "tried": ()},
            "no_power": None,
        }
    )
    return MeasuredFloor(RecordedOutputs(tuple(outputs)), part)


def ready_case(**changes):
    """Return a case that is ready, of a model without inputs."""
    fields = {
        "definition": "definition digest",
        "model": "model",
        "model_digest": "model digest",
        "batches": (),
        "inputs_digest": "inputs digest",
        "inputs_problem": None,
        "archive": None,
    }
    return ReadyCase(**{**fields, **changes})
