"""A ``results/`` of an isolated probe's own: inputs are copied in, and what it records is checked and filed.

A model can write anything there, so nothing in it is believed: files are opened without following links,
arrays have to be what their names say, and the key and the identity of a recording are the request's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.probe_request import OutputsOf
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.probe import sums
from savedmodel_matrix.probe.exchange import RECORDING
from savedmodel_matrix.probe.sealed import unseal
from savedmodel_matrix.probe.unfinished import whole
from savedmodel_matrix.store.atomic import read_stored, write_stored
from savedmodel_matrix.store.results import Results

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.probe_request import CaseRequest

_BLOCK = 1 << 24
_NPY = b"\x93NUMPY"
#: Of a recording's file. An honest one has a few kilobytes for each output.
_MOST_BYTES = 64 << 20
_UNBELIEVED = "what the isolated probe left is not a recording"


class RefusedError(Exception):
    """What an isolated probe left is not a recording. The message is one line."""


class Staging:
    """The ``results/`` that one start of the probe sees; ``folder`` is where it really is."""

    def __init__(self, results: Path, folder: Path) -> None:
        self._results = Results(results)
        self.folder = folder

    def place(self, path: str | Path) -> Path:
        """Return where a file of ``results/`` really is when the probe writes it."""
        return self.folder / Path(path).relative_to(self._results.root)

    def bring(self, cases: Sequence[CaseRequest]) -> None:
        """Copy in what the cases read: their inputs, and the recordings of earlier starts."""
        self.place(self._results.objects).mkdir(parents=True)
        own = {case.result for case in cases}
        for case in cases:
            if isinstance(case.batches, OutputsOf):
                taken = case.batches.outputs_of
                found = None if taken in own else read_stored(Path(taken), Recording)
                if found is not None:
                    self._bring(Path(taken))
                    self._bring_arrays(each.array for each in found.outputs)
            else:
                self._bring_arrays(part.array for batch in case.batches or () for part in batch)
            if case.after is not None and case.after not in own:
                self._bring(Path(case.after))

    def _bring_arrays(self, entries: Iterable[ArrayEntry]) -> None:
        for digest in {digest for entry in entries for digest in entry.objects}:
            self._bring(self._object(digest))

    def _bring(self, path: Path) -> None:
        copy = self.place(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # the probe says what is missing
            shutil.copyfile(path, copy)

    def admit(self, case: CaseRequest) -> Recording:
        """File what the probe recorded of a case, its arrays first, and return it.

        Raises:
            RefusedError: if it is not a recording, or an array is not what its name says.
        """
        text = self._read(case.result)
        try:
            found = Recording.model_validate_json(unseal(text, RECORDING))
            recording = found.model_copy(update={"key": case.key, "identity": case.identity})
            entries = list(recording.arrays())
            for digest in {digest for entry in entries for digest in entry.objects}:
                self._file(self._object(digest), digest)
            for entry in entries:
                self._require(entry)
        except (TypeError, ValueError) as error:
            raise RefusedError(f"{_UNBELIEVED}: {str(error).splitlines()[0]}") from error
        saved = case.measure.parameters.get("save_to")
        if recording.is_recorded and isinstance(saved, str):
            self._file_folder(Path(saved))
        write_stored(Path(case.result), recording)
        return recording

    def why_unfiled(self, path: str) -> str:
        """Return the reason that the probe gives, in this file, for not recording a case."""
        try:
            return str(json.loads(unseal(self._read(path)))["reason"])
        except (RefusedError, KeyError, RecursionError, TypeError, ValueError):
            return _UNBELIEVED

    def _object(self, digest: str) -> Path:
        return self._results.objects / digest[:2] / f"{digest}.npy"

    def _file(self, target: Path, digest: str | None) -> None:
        """Copy a file to the store. It is hashed on the way, so that nothing can change it in between."""
        hasher = hashlib.sha256()
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as half_written:
            with self._opened(self.place(target)) as file, Path(half_written).open("wb") as out:
                left = os.fstat(file.fileno()).st_size
                while left > 0 and (block := file.read(min(left, _BLOCK))):
                    hasher.update(block)
                    out.write(block)
                    left -= len(block)
            if digest is not None and hasher.hexdigest() != digest:
                raise RefusedError(f"{_UNBELIEVED}: the array {digest} is not what its name says")

    def _require(self, entry: ArrayEntry) -> None:
        """Raise ValueError or TypeError if a filed array is not what its entry says."""
        from savedmodel_matrix.probe import arrays  # noqa: PLC0415 - brings NumPy

        for digest in entry.objects:
            with self._object(digest).open("rb") as file:
                if file.read(len(_NPY)) != _NPY:
                    raise ValueError(f"{digest} is not an array")
        if not self._results.has_array(entry):
            raise ValueError(f"an array is not of the size that its entry says: {entry.nbytes}")
        array = arrays.read_array(str(self._results.objects), entry.to_json(), mmap=True)
        if entry.dtype != arrays.STRING and array.dtype.str != arrays.stored_dtype(entry.dtype):
            raise ValueError(f"an array of type {array.dtype.str} is not one of type {entry.dtype}")

    def _file_folder(self, target: Path) -> None:
        """File a folder of files. What is neither a file nor a folder is refused."""
        place = self.place(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as half_written:
            for parent, folders, files in os.walk(place):
                relative = Path(parent).relative_to(place)
                if any((Path(parent) / name).is_symlink() for name in folders):
                    raise RefusedError(f"{_UNBELIEVED}: there is a link in the folder that it saved")
                (Path(half_written) / relative).mkdir(parents=True)
                for name in files:
                    copy = Path(half_written) / relative / name
                    with self._opened(Path(parent) / name) as file, copy.open("wb") as out:
                        shutil.copyfileobj(file, out)
            shutil.rmtree(target, ignore_errors=True)
            sums.write(sums.path_of(str(target)), sums.of_folder(half_written))

    def _read(self, path: str) -> bytes:
        with self._opened(self.place(path)) as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise RefusedError(f"{_UNBELIEVED}: its file is larger than {_MOST_BYTES >> 20} MiB")
        return text

    @contextmanager
    def _opened(self, path: Path) -> Iterator[BinaryIO]:
        """Open a file of the folder: a regular one, with no link anywhere on the way to it."""
        *parents, name = path.relative_to(self.folder).parts
        held = [os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)]
        try:
            try:
                for parent in parents:
                    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                    held.append(os.open(parent, flags, dir_fd=held[-1]))
                # A pipe would block without O_NONBLOCK.
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=held[-1])
                held.append(file)
            except OSError as error:
                raise RefusedError(f"{_UNBELIEVED}: {error.strerror}") from error
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise RefusedError(f"{_UNBELIEVED}: it is not a file")
            with os.fdopen(file, "rb", closefd=False) as opened:
                yield opened
        finally:
            for each in held:
                os.close(each)
