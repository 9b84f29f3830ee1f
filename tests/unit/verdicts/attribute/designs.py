"""Matrices by construction, for the tests beside this file."""

from __future__ import annotations

from itertools import product


def cells(**factors):
    """Every combination of the factors' values: cell named by its values -> its factors."""
    names = [name.replace("_", " ") for name in factors]
    return {"/".join(values): dict(zip(names, values, strict=True)) for values in product(*factors.values())}


def groups(factors, label):
    """The group of each cell, by a function of its factors."""
    return {cell: label(values) for cell, values in factors.items()}


def following(factors, name, of, values):
    """``factors`` with one more that depends on another one's value alone."""
    return {cell: {**found, name: values[found[of]]} for cell, found in factors.items()}


VERSIONS = ("2.4.4", "2.7.4", "2.9.3", "2.12.1")
PYTHONS = {"2.4.4": "3.8", "2.7.4": "3.9", "2.9.3": "3.10", "2.12.1": "3.11"}
SWITCH = ("on", "off")


def since_2_9(values):
    return values["TensorFlow"] in ("2.9.3", "2.12.1")


#: 4 releases, each with its own Python, with oneDNN on and off.
ALIASED = following(cells(TensorFlow=VERSIONS, oneDNN=SWITCH), "Python", "TensorFlow", PYTHONS)
#: Two releases with XLA on and off, and two numbers of threads, so that cells share TensorFlow and XLA.
COMPILED = {
    cell: {**found, "intra-op threads": found["threads"]}
    for cell, found in cells(TensorFlow=("2.15.1", "2.21.0"), XLA=SWITCH, threads=("1", "2")).items()
}
