"""What in a model's graph can make its answers depend on more than their inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class TraitKind(StrEnum):
    """What an op does that a check may see."""

    RANDOM = "random"
    SEEDED = "seeded"
    GENERATOR = "generator"
    WRITES = "writes"
    """Its own signature writes a variable or table."""
    WRITTEN_ELSEWHERE = "written elsewhere"
    """Another signature writes a variable or table that this one reads."""
    SWITCH = "switch"
    """A placeholder that no input of the signature feeds has a default value."""
    BATCH_NORM = "batch norm"
    """Batch normalisation uses the statistics of the batch."""
    STATISTIC = "statistic"
    """A reduction includes the rows of the batch."""
    PADDING = "padding"
    """Rows are padded to the longest of the batch, and nothing masks the padding."""
    PYTHON = "python"
    """Python code of the process is called."""
    OUTSIDE = "outside"


@dataclass(frozen=True, order=True)
class Trait:
    """One finding: an op, in which function it is (None: the graph itself), and what it works on.

    ``subject`` names a variable, table or placeholder; ``value`` is a placeholder's default; ``signature`` is
    the other signature that writes. ``read`` is whether the value of an output depends on it.
    """

    kind: TraitKind
    op: str
    node: str
    function: str | None = None
    subject: str = ""
    value: bool | int | float | None = None
    signature: str = ""
    read: bool = True

    @property
    def place(self) -> str:
        """The op and its function, as a person names them: ``Max in function score``."""
        name = None if self.function is None else re.sub(r"^__(inference|forward)_|_\d+$", "", self.function)
        return self.op if name is None else f"{self.op} in function {name}"
