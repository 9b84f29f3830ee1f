"""Diagnoses from recomputing both sides from their input."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis
from savedmodel_matrix.verdicts.diagnose.pair import is_numeric, numbers
from savedmodel_matrix.verdicts.diagnose.prove import distance
from savedmodel_matrix.verdicts.diagnose.recipes import image, signals, sound, table

if TYPE_CHECKING:
    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair
    from savedmodel_matrix.verdicts.diagnose.prove import Distance
    from savedmodel_matrix.verdicts.diagnose.recipes.recipe import Recipe

#: On both sides, a recipe must leave less than this share of the difference that it explains.
_LEFT = 0.25
#: A smaller relative difference is rounding, even if one way of rounding happens to fit it.
_BEYOND_ROUNDING = 1e-5
_BY_ELIMINATION: dict[str, Any] = {
    "proof": "one side is what libjpeg's accurate decoder makes of the files, within a level; the other has "
    "the same size, part, resizing and range, and is off by a few levels in the colours and not in the light",
    "ties": ("the photos were encoded again at a high quality",),
    "experiment": "decode one file with each side's library and compare the pixels before resizing",
}
#: A difference in more steps than this is not an explanation.
_MOST_STEPS = 3


def remake(pair: Pair) -> Diagnosis | None:
    """Return the difference between the recipes that make the two sides from ``raw``, or None."""
    if not (is_numeric(pair.train) and is_numeric(pair.serve)):
        return None
    for name, raw in pair.raw.items():
        for recipes in (
            table.recipes,
            partial(signals.recipes, check=pair.check_time),
            partial(image.recipes, decoded=pair.decoded.get(name, {}), check=pair.check_time),
            partial(sound.recipes, check=pair.check_time),
        ):
            pair.check_time("tables from the raw input")
            # If serving's recipe is unknown, there is no need to look for training's.
            with np.errstate(all="ignore"):
                of_serve = recipes(pair.serve, raw)
                of_train = recipes(pair.train, raw) if of_serve else []
            found = _nearest(pair, of_train, of_serve)
            if found is not None:
                return found
    return None


def _nearest(pair: Pair, of_train: list[Recipe], of_serve: list[Recipe]) -> Diagnosis | None:
    pairs = sorted(
        ((one, other) for one in of_train for other in of_serve if _steps(one, other)),
        key=lambda both: (len(_steps(*both)), both[0].cost + both[1].cost),
    )
    before = distance(pair.train, pair.serve)
    if before.relative < _BEYOND_ROUNDING:
        return None
    for train, serve in pairs:
        left = [_left(pair.train, train), _left(pair.serve, serve)]
        if _steps(train, serve) == [image.DECODER] and image.OTHER in (
            train.parts[image.DECODER],
            serve.parts[image.DECODER],
        ):
            # What the other decoder makes is known only as what this one does not: nothing undoes it.
            return replace(_diagnosis(train, serve, before, before), **_BY_ELIMINATION)
        # Decoders differ by little more than libraries round when they resize 8-bit images. Each was told
        # from all others by what it leaves, and nothing was fitted to do so.
        are_told = _steps(train, serve) == [image.DECODER] and None not in (train.beaten, serve.beaten)
        if len(_steps(train, serve)) <= _MOST_STEPS and (
            are_told or all(each.relative <= _LEFT * before.relative for each in left)
        ):
            return _diagnosis(train, serve, before, max(left))
    return None


def _left(side: Array, recipe: Recipe) -> Distance:
    said = ~np.isnan(recipe.made) | np.isnan(numbers(side))
    return distance(np.where(said, numbers(side), 0.0), np.where(said, recipe.made, 0.0))


def _steps(train: Recipe, serve: Recipe) -> list[str]:
    return [name for name, words in train.parts.items() if serve.parts.get(name, words) != words]


def _diagnosis(train: Recipe, serve: Recipe, before: Distance, after: Distance) -> Diagnosis:
    different = _steps(train, serve)
    steps = tuple(_named(name, train.parts[name], serve.parts[name]) for name in different)
    return Diagnosis(
        id="+".join(steps),
        title="; ".join(
            f"{train.parts[name]} in training, {serve.parts[name]} in serving" for name in different
        ),
        train=", ".join(train.parts.values()),
        serve=", ".join(serve.parts.values()),
        mends="in serving, use "
        + ", and ".join(f"{train.parts[name]} instead of {serve.parts[name]}" for name in different),
        before=before.relative,
        residual=after.relative,
        max_abs_before=before.largest,
        max_abs_after=after.largest,
        steps=steps,
        proof=_proof(train, serve, before, after),
    )


def _proof(train: Recipe, serve: Recipe, before: Distance, after: Distance) -> str:
    """Return what the recipes leave and what the next best ones leave; "" if recipes were not compared so."""
    if not (train.beaten and serve.beaten):
        return ""
    times = min(
        (each.beaten / each.left for each in (train, serve) if each.beaten and each.left), default=None
    )
    much = "something" if times is None else f"at least {times:.{0 if times >= 10 else 1}f} times as much"
    return (
        f"both sides are made again from the raw input, which leaves {after.relative:.1e} of "
        f"{before.relative:.2g}; the next best recipes leave {much}"
    )


def _named(name: str, train: str, serve: str) -> str:
    """Return the id: resizing may differ in antialiasing only, or in the pixel positions."""
    if name == "value-range" and any("mean" in words for words in (train, serve)):
        return "image-normalisation"
    if name != "resize-method" or train.split(",", maxsplit=1)[0] != serve.split(",", maxsplit=1)[0]:
        return name
    return "antialias" if ("antialiased" in train) != ("antialiased" in serve) else "align-corners"
