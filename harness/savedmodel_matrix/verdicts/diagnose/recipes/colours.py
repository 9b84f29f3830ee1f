"""Fitted lines from colours to channels, and their names: order, grey weights and range."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.corrections.encodings import ENCODINGS
from savedmodel_matrix.verdicts.diagnose.pair import short

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.diagnose.pair import Array

#: How close a fitted factor must be to a named one, relatively; rounding to 8 bits moves a fit by less.
NEAR = 0.01
#: How colours become one channel. ITU-R BT.601: Pillow, OpenCV, tf.image. ITU-R BT.709: scikit-image.
WEIGHTS = {
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "grey by BT.601": (0.299, 0.587, 0.114),
    "grey by BT.601 with red and blue swapped": (0.114, 0.587, 0.299),
    "grey by BT.709": (0.2126, 0.7152, 0.0722),
    "grey as the mean": (1 / 3, 1 / 3, 1 / 3),
}
ORDERS: dict[tuple[str, ...], str] = {("red", "green", "blue"): "RGB", ("blue", "green", "red"): "BGR"}


class Named(NamedTuple):
    """The name of a fitted line, and the line itself, exact if it has a name."""

    channels: str
    values: str
    line: Array
    level: Array  # the size of one level of 0..255 in each channel


def name_of(line: Array) -> Named | None:
    """Return the names of a fitted line; None if a channel is not a known mixture of colours."""
    level = line[:3].sum(axis=0)
    if (np.abs(level) < 1e-9).any():
        return None
    mixture = line[:3] / level
    colours = []
    for channel in mixture.T:
        name, weights = min(
            WEIGHTS.items(), key=lambda item: float(np.abs(np.array(item[1]) - channel).max())
        )
        if np.abs(np.array(weights) - channel).max() > 3 * NEAR:
            return None
        colours.append(name)
    order = ORDERS.get(tuple(colours), colours[0] if len(set(colours)) == 1 else ", ".join(colours))
    weights_of = np.array([WEIGHTS[name] for name in colours]).T
    factor, offset = level, line[3]
    values = f"{short(float(factor.mean()))} times the level, plus {short(float(offset.mean()))}"
    at = [("red", "green", "blue").index(name) if name in ("red", "green", "blue") else 1 for name in colours]
    for encoding in ENCODINGS:
        f, o = encoding.factor[at], encoding.offset[at]
        if np.allclose(factor, f, rtol=NEAR) and np.all(np.abs(offset - o) <= 2 * np.abs(f)):
            factor, offset, values = f, o, f"values {encoding.name}"
            break
    return Named(order, values, np.concatenate([weights_of * factor, offset[None]]), np.abs(factor))


def sparse(x: Array, y: Array, line: Array, left: Array) -> Array:
    """Return the line with one colour per channel if that fits as well: colours correlate."""
    colours, wanted = x - x.mean(axis=0), y - y.mean(axis=0)
    squares = np.maximum(np.square(colours).sum(axis=0), 1e-12)
    factors = colours.T @ wanted / squares[:, None]
    gaps = np.sqrt(np.maximum(np.square(wanted).sum(axis=0) - factors**2 * squares[:, None], 0) / len(x))
    out = line.copy()
    for channel in range(y.shape[1]):
        # The same or the reverse order first, then whichever is closest.
        for colour in (channel, 2 - channel, int(gaps[:, channel].argmin())) if y.shape[1] == 3 else ():
            factor = factors[colour, channel]
            if gaps[colour, channel] <= 1.1 * left[channel] + NEAR * abs(factor):
                out[:, channel] = 0
                out[colour, channel] = factor
                out[3, channel] = y[:, channel].mean() - factor * x[:, colour].mean()
                break
    return out
