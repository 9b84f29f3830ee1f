"""The held-out models: kinds that none of the first models is.

The thresholds, and how noise and power are measured, were fixed before any of these was judged. What is real
among their changes is not said here but follows from a rule that was fixed as well (``verdicts.truth``),
except for the kernel behind dropout, where it is said by construction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.planted.batches import drawn
from benchmarks.planted.change import Change, Model
from benchmarks.planted.changes import ULP, column, row, scaled, swapped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.planted.batches import Batches


def _held_out(name: str, batches: Callable[[Path], Batches], *changes: Change) -> Model:
    open_ones = [replace(each, real=None) if each.real else each for each in changes]
    return Model(name, {"path": f"made/{name}"}, batches, [*open_ones, ULP])


def _weights(name: str, change: str, variable: str, says: str, **parameters: Any) -> Change:  # noqa: ANN401
    return Change("weights", name, change, {"tensors": [f"{variable}/*"], **parameters}, says)


def _graph(name: str, change: str, node: str, says: str, **parameters: Any) -> Change:  # noqa: ANN401
    return Change("graph", name, change, {"nodes": [node], **parameters}, says)


def _quantised(variable: str) -> Change:
    return _weights(f"8-bit-{variable.partition('/')[0]}", "quantise", variable, "Stored in 8 bits.")


_LATE = Change("inputs", "off-by-one", "shift", {"axis": 1}, "Sequences begin one step late.")
_BGR = Change("inputs", "bgr", "reverse-channels", {}, "The last axis in the opposite order.")


def _calls(_: Path) -> Batches:
    random = np.random.RandomState(2)
    return [{"x": random.standard_normal((4, 12, 6)).astype("f4")} for _ in range(2)]


def _sequences(_: Path) -> Batches:
    lengths = np.array([7, 2, 12, 5, 9], "i4")
    values = np.random.RandomState(2).standard_normal((lengths.sum(), 8)).astype("f4")
    return [{"values": values, "lengths": lengths}]


def _tokens(_: Path) -> Batches:
    return [{"tokens": np.random.RandomState(2).randint(0, 50, (4, 16)).astype("i4")}]


def _choices(_: Path) -> Batches:
    random = np.random.RandomState(2)
    users = np.array([f"user-{number}".encode() for number in random.permutation(32)[:8]])
    return [{"user": users, "items": random.randint(0, 200, (8, 12))}]


def _images(_: Path) -> Batches:
    random = np.random.RandomState(2)
    coarse = random.uniform(0, 255, (5, 4, 4, 3)).repeat(4, 1).repeat(4, 2)
    return [{"image": np.clip(np.rint(coarse + random.normal(0, 12, coarse.shape)), 0, 255).astype("f4")}]


def _series(_: Path) -> Batches:
    random = np.random.RandomState(2)
    steps = np.cumsum(random.standard_normal((6, 24, 3)), axis=1) / 4
    return [{"x": (steps * [1e6, 1.0, 1e-3] + [2e6, 3.0, 4e-3]).astype("f4")}]


STATEFUL = _held_out(
    "stateful",
    _calls,
    scaled("head-1e-3", "head", 1.001),
    _quantised("lstm/variables/1"),
    swapped("lstm/variables/0", 3, 27, "swap-gates"),
    _weights("no-forget-bias", "scale", "lstm/variables/2", "The bias of the gates is zero.", factor=0.0),
    _LATE,
    row("one-item-1e-2", 2, 1.01),
)
#: By construction: what dropout leaves is multiplied by the kernel, so that its spread grows as much.
DROPOUT = Model(
    "dropout",
    {"path": "made/dropout"},
    drawn("x", 12, 20),
    [
        scaled("dropped-2", "two", 2.0),
        replace(scaled("plain-1e-3", "three", 1.001), real=None),
        replace(swapped("one", 3, 8), real=None),
        ULP,
    ],
)
COUNTS = _held_out(
    "counts",
    drawn("x", 16, 20),
    scaled("activations-2e-2", "one", 1.02),
    swapped("two", 5, 7),
    _quantised("two"),
    _weights("off-by-one-rows", "roll-rows", "two", "Every row stands where the next one stood."),
    _graph("bins-1e-2", "constant", "bins", "Bins a hundredth narrower.", factor=1.01),
    Change("inputs", "off-by-one", "shift", {"axis": 1}, "Columns one place too far."),
)
SUPPRESSION = _held_out(
    "suppression",
    drawn("x", 4, 40),
    scaled("boxes-1e-3", "box", 1.001),
    column("one-score-5e-2", "score", 31, 1.05),
    swapped("score", 0, 1),
    _graph("overlap-1e-1", "constant", "overlap", "Boxes may overlap a tenth less.", factor=0.9),
    _quantised("score"),
    row("one-item-1e-2", 1, 1.01),
)
TAGS = _held_out(
    "tags",
    drawn("x", 24, 32),
    scaled("logits-1e-2", "two", 1.01),
    column("one-tag-2e-2", "two", 7, 1.02),
    swapped("two", 3, 9),
    _graph("relu", "replace-op", "elu", "ReLU instead of ELU.", op="Relu"),
    row("one-item-1e-2", 5, 1.01),
    _quantised("two"),
)
DEAD = _held_out(
    "dead",
    drawn("x", 8, 16),
    scaled("first-5e-2", "one", 1.05),
    swapped("two", 1, 4),
    scaled("bias-1e-3", "bias", 1.001),
    swapped("bias", 1, 4, "swap-biases"),
    _graph("no-relu", "replace-op", "dead", "Without the activation.", op="Identity"),
)
RAGGED = _held_out(
    "ragged",
    _sequences,
    scaled("head-1e-3", "head", 1.001),
    _quantised("gru/variables/1"),
    swapped("gru/variables/0", 2, 18, "swap-gates"),
    _graph("no-tanh", "replace-op", "squashed", "The output without its tanh.", op="Identity"),
    row("one-step-1e-2", 3, 1.01),
)
TRANSFORMER = _held_out(
    "transformer",
    _tokens,
    _weights("off-by-one-vocabulary", "roll-rows", "words", "Every token has its neighbour's embedding."),
    scaled("query-1e-3", "query", 1.001),
    swapped("value", 4, 20, "swap-heads"),
    _graph("epsilon", "epsilon", "first_epsilon", "PyTorch's epsilon is 1e-5, here 1e-6.", value=1e-6),
    _graph("not-causal", "constant", "later", "Every token sees the later ones.", factor=0.0),
    _quantised("up"),
    _LATE,
)
RECOMMENDER = _held_out(
    "recommender",
    _choices,
    _weights("off-by-one-items", "roll-rows", "items", "Every item has its neighbour's embedding."),
    _graph("off-by-one-names", "constant", "names", "Every item has its neighbour's name.", rolled=1),
    scaled("stale-bias-1e-2", "bias", 1.01),
    swapped("items", 3, 7, "swap-dimensions"),
    _quantised("users"),
)
AUTOENCODER = _held_out(
    "autoencoder",
    _images,
    _BGR,
    scaled("encoder-1e-3", "one", 1.001),
    scaled("decoder-1e-2", "four", 1.01),
    swapped("three", 2, 5, "swap-channels"),
    _graph("pixel-256", "constant", "pixel", "Pixels divided by 256 instead of 255.", factor=255 / 256),
    _quantised("three"),
)
FORECAST = _held_out(
    "forecast",
    _series,
    column("stale-small-deviation-1e-2", "deviation", 2, 1.01),
    column("stale-large-mean-1e-3", "mean", 0, 1.001),
    column("stale-small-mean-1e-3", "mean", 2, 1.001),
    scaled("kernel-1e-3", "one", 1.001),
    _quantised("one"),
    _LATE,
    row("one-item-1e-3", 3, 1.001),
)
MIXED = _held_out(
    "mixed",
    drawn("photo", 4, 20, 20, 3),
    scaled("stale-variance-2e-1", "norm/moving_variance", 1.2),
    scaled("kernel-5e-2", "two/kernel", 1.05),
    swapped("head", 2, 5),
    _quantised("one/kernel"),
    _BGR,
    Change("inputs", "standardised", "standardise", {}, "Each photo standardised by itself."),
)
TREES = _held_out(
    "trees",
    drawn("x", 32, 10),
    scaled("leaves-1e-3", "leaves", 1.001),
    scaled("limits-1e-2", "limits", 1.01),
    _weights("off-by-one-trees", "roll-rows", "leaves", "Every tree has its neighbour's leaves."),
    _graph("wrong-columns", "constant", "which", "Splits look at their neighbours' columns.", rolled=1),
    Change("inputs", "8-bit", "through-integers", {"range": [-4, 4], "levels": 255}, "Columns in 8 bits."),
)
SKETCH = _held_out(
    "sketch",
    drawn("x", 8, 36),
    _graph("other-seed", "constant", "seed", "The two halves of the seed have changed places.", rolled=1),
    scaled("kernel-1e-3", "one", 1.001),
    swapped("one", 1, 4),
    row("one-item-1e-3", 2, 1.001),
)

HELD_OUT = (
    STATEFUL,
    DROPOUT,
    COUNTS,
    SUPPRESSION,
    TAGS,
    DEAD,
    RAGGED,
    TRANSFORMER,
    RECOMMENDER,
    AUTOENCODER,
    FORECAST,
    MIXED,
    TREES,
    SKETCH,
)
