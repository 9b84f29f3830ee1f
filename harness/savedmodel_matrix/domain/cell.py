"""A cell of the matrix: one environment and one setting."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, order=True)
class CellId:
    """One environment × setting."""

    environment: str
    setting: str

    def __str__(self) -> str:
        return f"{self.environment}/{self.setting}"

    def matches(self, pattern: str) -> bool:
        """Whether a glob selects this cell: by environment id, or if it contains ``/`` by the full id."""
        return fnmatchcase(str(self) if "/" in pattern else self.environment, pattern)
