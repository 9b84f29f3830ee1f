"""Which recordings have appeared since a probe was started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.environments.isolation.staging import RefusedError
from savedmodel_matrix.probe.exchange import RECORDING, UNFILED
from savedmodel_matrix.probe.sealed import unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from savedmodel_matrix.domain.probe_request import CaseRequest
    from savedmodel_matrix.environments.isolation.staging import Staging


class Watch:
    """Tracks which recordings have appeared since the probe was started."""

    def __init__(
        self,
        cases: Sequence[CaseRequest],
        on_result: Callable[[Recording], None],
        on_unfiled: Callable[[str, str], None],
        staging: Staging | None,
    ) -> None:
        self.missing = list(cases)
        self._on_result, self._on_unfiled, self._staging = on_result, on_unfiled, staging
        for case in cases:
            self._place(case.result).parent.mkdir(parents=True, exist_ok=True)
            self._place(case.result + UNFILED).unlink(missing_ok=True)  # of a run that was killed
        # When a job runs again, its old recording stays until the new one replaces it: a kill loses none.
        self._before = {case.result: _identity(self._place(case.result)) for case in cases}

    def look(self) -> None:
        """Hand on what has appeared since the last look."""
        for case in list(self.missing):
            unfiled = self._place(case.result + UNFILED)
            if _identity(self._place(case.result)) != self._before[case.result]:
                self.missing.remove(case)
                try:
                    recording = self._read(case)
                except RefusedError as error:
                    self._on_unfiled(case.key, str(error))
                else:
                    self._on_result(recording)
            elif unfiled.exists():
                self.missing.remove(case)
                self._on_unfiled(case.key, self._why(case.result + UNFILED))

    def _place(self, path: str) -> Path:
        """Return where the probe's file really is."""
        return Path(path) if self._staging is None else self._staging.place(path)

    def _read(self, case: CaseRequest) -> Recording:
        if self._staging is not None:
            return self._staging.admit(case)
        return Recording.model_validate_json(unseal(Path(case.result).read_bytes(), RECORDING))

    def _why(self, path: str) -> str:
        if self._staging is not None:
            return self._staging.why_unfiled(path)
        reason = str(json.loads(unseal(Path(path).read_bytes()))["reason"])
        Path(path).unlink()
        return reason


def _identity(path: Path) -> tuple[int, int] | None:
    """Return a stamp that changes when the file is replaced, or None if there is no file."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
