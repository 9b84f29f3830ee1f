"""The layout of ``results/`` and the recordings in it.

::

    objects/       arrays by content hash (``savedmodel_matrix.probe.arrays``)
    recordings/    one JSON file per recording, by content key; written by the probe itself
    runs/          one file for each round of a run: outcomes, verdicts, recording keys (``store.runs``)
    logs/          output of the sessions of the newest runs; may be deleted at any time
    latest/        the newest run's reports
    environments/  the state of each environment on each host
    cases/         prepared cases: the model's path, and its inputs as batches of array entries
    packages/      models from packages, by the archive's hash
    locks/         locks of environments that no definition names, such as those that fixes need
    re-exports/    models exported again for inference only
    cache/         digests of unchanged files; may be deleted at any time

Every name is a hash or one of our own ids, so copying two hosts' folders together merges them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.store.atomic import read_stored

if TYPE_CHECKING:
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
        """The newest run's reports."""
        return self.root / "latest"

    @property
    def packages(self) -> Path:
        """Models from packages."""
        return self.root / "packages"

    @property
    def locks(self) -> Path:
        """Locks of environments that no definition names."""
        return self.root / "locks"

    @property
    def re_exports(self) -> Path:
        """Models exported again."""
        return self.root / "re-exports"

    @property
    def file_digests(self) -> Path:
        """Digests of files that have not changed since they were hashed."""
        return self.root / "cache" / "file-digests.json"

    def array(self, entry: ArrayEntry) -> Array:
        """Return a stored array; a numeric array is a memory map.

        Raises:
            OSError: if an object is missing.
            ValueError: if an object does not match the entry.
        """
        # Importing NumPy takes longer than a run in which nothing changed.
        from savedmodel_matrix.probe.arrays import read_array  # noqa: PLC0415

        array: Array = read_array(str(self.objects), entry.to_json(), mmap=True)
        return array

    def recording_path(self, key: str) -> Path:
        """Return the path of the recording with this content key, whether or not it exists."""
        return self.root / "recordings" / key[:2] / f"{key}.json"

    def case_path(self, digest: str) -> Path:
        """Return the path of the file that describes the prepared case of a definition with this digest."""
        return self.root / "cases" / f"{digest}.json"

    def environment_path(self, host: str, environment: str) -> Path:
        """Return the path of the file with an environment's state on a host."""
        return self.root / "environments" / host / f"{environment}.json"

    @property
    def logs(self) -> Path:
        """Logs and progress of the sessions of runs."""
        return self.root / "logs"

    def recording(self, key: str) -> Recording | None:
        """Return a complete recording, or None if it is absent, damaged, or has objects missing.

        Raises:
            StoreError: if another version of this program wrote it.
        """
        recording = read_stored(self.recording_path(key), Recording)
        if recording is None or recording.key != key or not all(map(self.has_array, recording.arrays())):
            return None
        return recording

    def has_array(self, entry: ArrayEntry) -> bool:
        """Whether an array entry's objects exist with a plausible size (a power cut can truncate files)."""
        payloads = [entry.nbytes]
        if entry.dtype == "string":
            payloads.append(8 * (math.prod(entry.shape) + 1))  # offsets: one more than the number of strings
        for digest, payload in zip(entry.objects, payloads, strict=True):
            try:
                size = (self.objects / digest[:2] / f"{digest}.npy").stat().st_size
            except OSError:
                return False
            # The header before the payload is a multiple of 64 bytes long, and at least 128 bytes.
            if size - payload < 128 or (size - payload) % 64:
                return False
        return True
