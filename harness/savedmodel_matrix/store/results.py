"""The layout of ``results/`` and the recordings in it.

::

    objects/       arrays by content hash (``savedmodel_matrix.probe.arrays``)
    recordings/    one JSON file per recording, by content key; written by the probe itself
    runs/          one file for each round of a run: outcomes, verdicts, recording keys (``store.runs``)
    logs/          what the sessions of the newest runs printed; may be deleted at any time
    latest/        the newest run's reports
    environments/  what became of each environment on each host
    cases/         cases made ready: where the model lies, its inputs as batches of array entries
    packages/      models out of packages, by the archive's hash
    locks/         of environments that are no part of a definition, such as remedies need
    re-exports/    models saved again, for inference alone
    cache/         digests of unchanged files; may be deleted at any time

Every name is a hash or an id of our own, so copying two hosts' folders together merges them.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import DamagedError
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.store.atomic import DAMAGED, read_stored

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.verdicts.compare.elements import Array


@dataclass(frozen=True)
class Results:
    """The folder ``results/`` of a project."""

    root: Path

    @property
    def objects(self) -> Path:
        """Arrays by content hash."""
        return self.root / "objects"

    @property
    def latest(self) -> Path:
        """Reports of the newest run."""
        return self.root / "latest"

    @property
    def packages(self) -> Path:
        """Models out of packages."""
        return self.root / "packages"

    @property
    def locks(self) -> Path:
        """Locks of environments that are no part of a definition."""
        return self.root / "locks"

    @property
    def re_exports(self) -> Path:
        """Models saved again."""
        return self.root / "re-exports"

    @property
    def file_digests(self) -> Path:
        """Digests of files that have not changed since they were hashed."""
        return self.root / "cache" / "file-digests.json"

    def array(self, entry: ArrayEntry) -> Array:
        """Return a stored array, a numeric one as a memory map.

        Raises:
            DamagedError: if its bytes are not what its name says; the file is set aside.
            OSError: if an object is missing.
            ValueError: if it is not what the entry says.
        """
        # NumPy takes longer to import than a run in which nothing changed.
        from savedmodel_matrix.probe import arrays  # noqa: PLC0415

        try:
            array: Array = arrays.read_array(str(self.objects), entry.to_json(), mmap=True)
        except arrays.DamagedError as error:
            self._set_aside(error.digest)
            raise DamagedError(f"{error}; it was set aside, run again to record what it held") from None
        return array

    def verify(self, entries: Iterable[ArrayEntry]) -> int:
        """Hash every stored array and set the damaged ones aside; return how many were."""
        from savedmodel_matrix.probe import arrays  # noqa: PLC0415 - as above

        damaged = 0
        for digest in dict.fromkeys(name for entry in entries for name in entry.objects):
            try:
                arrays.verify(str(self.objects), digest)
            except arrays.DamagedError:
                self._set_aside(digest)
                damaged += 1
            except OSError:
                continue  # missing: what names it is not whole, and is recorded again
        return damaged

    def _set_aside(self, digest: str) -> None:
        path = self.objects / digest[:2] / f"{digest}.npy"
        with suppress(OSError):
            path.replace(path.with_suffix(DAMAGED))

    def recording_path(self, key: str) -> Path:
        """Return where the recording with this content key lies, or would lie."""
        return self.root / "recordings" / key[:2] / f"{key}.json"

    def case_path(self, digest: str) -> Path:
        """Return where the case made ready from a definition with this digest is described."""
        return self.root / "cases" / f"{digest}.json"

    def environment_path(self, host: str, environment: str) -> Path:
        """Return where it is written what became of an environment on a host."""
        return self.root / "environments" / host / f"{environment}.json"

    @property
    def logs(self) -> Path:
        """What the sessions of runs printed, and how far they came."""
        return self.root / "logs"

    def recording(self, key: str) -> Recording | None:
        """Return a whole recording, or None: absent, damaged, or with objects missing.

        Raises:
            StoreError: if another version of this program wrote it.
        """
        recording = read_stored(self.recording_path(key), Recording)
        if recording is None or recording.key != key or not all(map(self.has_array, recording.arrays())):
            return None
        return recording

    def has_array(self, entry: ArrayEntry) -> bool:
        """Whether an array entry's objects exist with a plausible size (a power cut can truncate them)."""
        payloads = [entry.nbytes]
        if entry.dtype == "string":
            payloads.append(8 * (math.prod(entry.shape) + 1))  # offsets, one more than there are strings
        for digest, payload in zip(entry.objects, payloads, strict=True):
            try:
                size = (self.objects / digest[:2] / f"{digest}.npy").stat().st_size
            except OSError:
                return False
            # A header, padded to a multiple of 64 bytes and never as short as one of them, comes first.
            if size - payload < 128 or (size - payload) % 64:
                return False
        return True
