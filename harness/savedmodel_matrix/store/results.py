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
    cache/         what saves reading unchanged files again; may be deleted at any time

Every name is a hash or one of our own ids, so copying two hosts' folders together merges them.
"""

from __future__ import annotations

import math
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import DamagedError
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.store.atomic import DAMAGED, read_stored
from savedmodel_matrix.store.file_facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.store.file_facts import Facts
    from savedmodel_matrix.verdicts.compare.elements import Array

_RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}(?=-)")


@dataclass(frozen=True)
class Results:
    """The folder ``results/`` of a project."""

    root: Path

    def require_folders(self) -> None:
        """Make the folders that every run writes to.

        Raises:
            OSError: if one of them cannot be made; this way it is known before anything runs.
        """
        for folder in (self.objects, self.latest, self.root / "recordings", self.root / "runs", self.logs):
            folder.mkdir(parents=True, exist_ok=True)

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

    @property
    def reported(self) -> Path:
        """What the newest report was made from."""
        return self.root / "cache" / "reported.json"

    def array(self, entry: ArrayEntry) -> Array:
        """Return a stored array; a numeric array is a memory map.

        Raises:
            DamagedError: if its bytes are not what its name says; the file is set aside.
            OSError: if an object is missing.
            ValueError: if an object does not match the entry.
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
        """Hash these stored arrays and set the damaged ones aside; return how many were."""
        return self.verify_objects(name for entry in entries for name in entry.objects)

    def verify_all(self) -> int:
        """Hash every object in the store and set the damaged ones aside; return how many were."""
        return self.verify_objects(path.stem for path in sorted(self.objects.glob("*/*.npy")))

    def verify_objects(self, digests: Iterable[str]) -> int:
        """Hash the objects with these names and set the damaged ones aside; return how many were."""
        from savedmodel_matrix.probe import arrays  # noqa: PLC0415 - as above

        damaged = 0
        for digest in dict.fromkeys(digests):
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
        """Return the path of the recording with this content key, whether or not it exists."""
        return self.root / "recordings" / key[:2] / f"{key}.json"

    def recording_facts(self, key: str) -> Facts | None:
        """Return the facts of the file that ``recording_path`` names; None if there is no such file."""
        try:
            # Asked for every recording in every run: text takes a fraction of the time of a Path.
            return facts_of(os.stat(f"{self.root}/recordings/{key[:2]}/{key}.json"))  # noqa: PTH116
        except OSError:
            return None

    def case_path(self, digest: str) -> Path:
        """Return the path of the file that describes the prepared case of a definition with this digest."""
        return self.root.joinpath("cases", f"{digest}.json")

    def environment_path(self, host: str, environment: str) -> Path:
        """Return the path of the file with an environment's state on a host."""
        return self.root / "environments" / host / f"{environment}.json"

    @property
    def logs(self) -> Path:
        """Logs and progress of the sessions of runs."""
        return self.root / "logs"

    def newest_run(self) -> str | None:
        """Return the id of the newest run that left a file or a log, or None."""
        found = (path.name for part in (self.root / "runs", self.logs) for path in part.glob("*"))
        return max((match[0] for name in found if (match := _RUN.match(name))), default=None)

    def recording(self, key: str) -> Recording | None:
        """Return a complete recording, or None if it is absent, damaged, or has objects missing.

        Raises:
            StoreError: if another version of this program wrote it.
        """
        recording = read_stored(self.recording_path(key), Recording)
        if recording is None or recording.key != key or not all(map(self.has_array, recording.arrays())):
            return None
        return recording

    def object_size(self, digest: str) -> int | None:
        """Return the size of an object's file in bytes; None if there is no such file."""
        try:
            return os.stat(f"{self.root}/objects/{digest[:2]}/{digest}.npy").st_size  # noqa: PTH116 - as above
        except OSError:
            return None

    def has_array(self, entry: ArrayEntry, size_of: Callable[[str], int | None] | None = None) -> bool:
        """Whether an array entry's objects exist with a plausible size (a power cut can truncate files).

        ``size_of`` returns the size of an object, by default ``object_size``.
        """
        size_of = size_of or self.object_size
        payloads = [entry.nbytes]
        if entry.dtype == "string":
            payloads.append(8 * (math.prod(entry.shape) + 1))  # offsets: one more than the number of strings
        for digest, payload in zip(entry.objects, payloads, strict=True):
            size = size_of(digest)
            # The header before the payload is a multiple of 64 bytes long, and at least 128 bytes.
            if size is None or size - payload < 128 or (size - payload) % 64:
                return False
        return True
