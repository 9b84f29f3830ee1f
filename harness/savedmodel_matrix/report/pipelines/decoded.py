"""JPEG inputs as the decoders of both stages' environments make them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.evidence.collected import StageRecord
    from savedmodel_matrix.verdicts.compare.elements import Array


def decoded_by(
    batch: int, home: StageRecord, other: StageRecord, read: Callable[[ArrayEntry], Array]
) -> dict[str, dict[str, list[Array]]]:
    """Return the JPEG files of one batch: by input, by decoder, the first files in their order.

    A decoder that makes other pixels in the two environments is there twice, with the stage beside its name.
    """
    train, serve = (_of(batch, record, read) for record in (home, other))
    found: dict[str, dict[str, list[Array]]] = {}
    for side, rest, where in ((train, serve, "training"), (serve, train, "serving")):
        for (name, decoder), files in side.items():
            again = rest.get((name, decoder), files)
            is_one = len(files) == len(again) and all(map(np.array_equal, files, again))
            found.setdefault(name, {})[decoder if is_one else f"{decoder} in {where}"] = files
    return found


def _of(
    batch: int, record: StageRecord, read: Callable[[ArrayEntry], Array]
) -> dict[tuple[str, str], list[Array]]:
    found: dict[tuple[str, str], list[Array]] = {}
    for each in sorted(record.part.decoded, key=lambda each: each.file):
        if each.batch == batch:
            found.setdefault((each.name, each.decoder), []).append(read(each.array))
    return found
