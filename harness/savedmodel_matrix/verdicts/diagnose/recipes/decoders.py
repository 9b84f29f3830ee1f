"""JPEG decoders told apart by what they leave of a side, given how it was resized."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from savedmodel_matrix.verdicts.diagnose.recipes.colours import NEAR, ORDERS, WEIGHTS
from savedmodel_matrix.verdicts.diagnose.recipes.fitting import MOST_IMAGES, made_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Decoded
    from savedmodel_matrix.verdicts.diagnose.recipes.colours import Named
    from savedmodel_matrix.verdicts.diagnose.recipes.fitting import Fitted
    from savedmodel_matrix.verdicts.diagnose.recipes.readings import Reading

#: Resizing in whole numbers rounds to levels of 0..255, in some libraries after each axis: two half levels,
#: and a little for the fit.
LEVEL = 1.05
#: This share of pixels must be within a level; libraries treat borders in different ways.
MOST = 0.98
#: Uniform rounding twice has a root mean square of 0.41 levels (1 / sqrt(12) each); this leaves room for
#: borders.
MOST_LEVELS_RMS = 0.75
#: JPEG decoders: how far apart they may be in levels, and what is left in the light and in all.
_DECODER_LEVELS, _DECODER_LIGHT, _DECODER_RMS = 8.0, 0.75, 3.0
#: How many times as much the next best decoder of the stages' own libraries has to leave.
_BEATS = 1.5


class _Told(NamedTuple):
    """The decoders of a side and what they make.

    ``left`` and ``beaten`` are the root mean squares, in levels, that they and the next best ones leave.
    """

    decoders: str
    made: Array
    left: float
    beaten: float | None


def told_by(target: Array, fitted: Fitted, named: Named, reading: Reading, decoded: Decoded) -> _Told | None:
    """Return which decoders make a side, given how it was resized; None if none does, or several do.

    Nothing is fitted to tell them apart.
    """
    levels = (target - named.line[3]) / named.level
    known = levels[np.isfinite(levels)]
    whole = (
        bool((np.abs(known - np.rint(known)) <= NEAR).mean() >= MOST) and named.channels in ORDERS.values()
    )
    rated = []
    for names, files in alike(decoded):
        images = [reading.turned(at, image.astype(np.float64)) for at, image in enumerate(files)]
        made = made_of(images, fitted, named, target.shape, whole=whole)
        if made is not None:
            gap = np.abs(made - target) / named.level
            rms = float(np.sqrt(np.nanmean(np.square(gap))))
            within = np.nanmean(gap <= LEVEL) >= MOST and rms <= MOST_LEVELS_RMS
            rated.append((rms, within, ", ".join(names), made))
    rated.sort(key=lambda each: each[0])
    if not rated or not rated[0][1]:
        return None
    left, _, together, made = rated[0]
    beaten = rated[1][0] if len(rated) > 1 else None
    if beaten is not None and beaten < _BEATS * left:
        return None
    return _Told(together, made, left, beaten)


def alike(decoded: Decoded) -> list[tuple[list[str], Sequence[Array]]]:
    """Return the decoders with what they make of the files; those that make the same bits are together."""
    found: list[tuple[list[str], Sequence[Array]]] = []
    for name, files in decoded.items():
        for names, others in found:
            if len(files) == len(others) and all(map(np.array_equal, files, others)):
                names.append(name)
                break
        else:
            found.append(([name], files))
    return found


def is_other_decoder(gap: Array, level: Array) -> bool:
    """Whether a recipe leaves what another JPEG decoder does: a few levels, in colours rather than in light.

    A decoder's inverse DCT and the way it enlarges the colour planes move colours by up to a handful of
    levels. Another way of resizing moves light as much, and by more at edges.
    """
    off = (gap / level)[:MOST_IMAGES].reshape(-1, gap.shape[-1])
    off = off[~np.isnan(off).any(axis=1)]
    if off.shape[-1] != 3 or np.abs(off).max(initial=0.0) > _DECODER_LEVELS:
        return False
    light = off @ np.array(WEIGHTS["grey by BT.601"])
    return bool(
        np.sqrt(np.square(light).mean()) <= _DECODER_LIGHT and np.sqrt(np.square(off).mean()) <= _DECODER_RMS
    )
