"""What the newest report was made from, so that a run that changes nothing need not read it all again.

It lies in ``results/cache``: it only saves time. Without it, or if it is damaged, everything is read.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from savedmodel_matrix.domain.errors import StoreError
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.store.atomic import json_digest, read_stored, write_stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from savedmodel_matrix.store.file_facts import Facts
    from savedmodel_matrix.store.results import Results


class Reported(Stored):
    """One report, and the names of all files that it depends on. ``state`` is the digest of their facts."""

    format: Literal[1] = 1
    run: str
    """Name of the file in ``results/runs`` with the outcomes."""
    remedies_done: bool
    recordings: tuple[str, ...]
    """Every key that was looked up."""
    objects: tuple[str, ...]
    """Every array that a recording names."""
    state: str


def read_reported(results: Results) -> Reported | None:
    """Return what the newest report was made from; None if it is not known."""
    try:
        return read_stored(results.reported, Reported)
    except StoreError:  # of another version: replaced once everything was read
        return None


def write_reported(results: Results, reported: Reported) -> None:
    """Save what the newest report was made from."""
    write_stored(results.reported, reported)


def state_digest(
    premises: str,
    run: str,
    *,
    remedies_done: bool,
    recordings: Mapping[str, Facts | None],
    objects: Mapping[str, int | None],
    texts: Iterable[Path],
) -> str:
    """Return the digest of what a report depends on: premises, facts of recordings, sizes of objects.

    ``texts`` are the checksums of the report and its run's file, which are read whole. Raises ``OSError`` if
    one of them cannot be.
    """
    digests = []
    for path in texts:
        with path.open("rb") as file:
            digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return json_digest(
        [premises, run, remedies_done, sorted(recordings.items()), sorted(objects.items()), digests]
    )
