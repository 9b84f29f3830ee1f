"""A stage of a case, as it is written in a matrix definition."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from savedmodel_matrix.domain.input_sources import InputSource
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.domain.toml_table import DOTTED, LocalPath, Table


def _callable(value: object) -> object:
    return {"call": value} if isinstance(value, str) else value


class StageDefinition(Table):
    """A Python callable on one side of the model: it takes and returns a dict of arrays by name.

    A file with a PEP 723 block of requirements runs in an environment of its own beside the cell's; any
    other stage in the cell's.
    """

    call: Annotated[str, Field(pattern=rf"^(.+\.py|{DOTTED}):{DOTTED}$")]
    """"path/to/file.py:function", or "module:function" of an installed module or one in ``modules``."""
    modules: list[LocalPath] = []
    """Local code that it imports: a .py within reach under its name, a folder put on the path."""
    reads: list[LocalPath] = []
    """Local files and folders that it opens, such as frozen statistics or a vocabulary."""
    inputs: list[InputSource] = []
    """Raw inputs of its own, instead of the case's."""

    @property
    def file(self) -> str | None:
        """The local file of the function; None for one in an installed module."""
        place = self.call.rpartition(":")[0]
        return place if place.endswith(".py") else None

    @property
    def module(self) -> str | None:
        """The module of the function; None for one in a file."""
        return None if self.file else self.call.rpartition(":")[0]

    @property
    def function(self) -> str:
        """The function's name in there."""
        return self.call.rpartition(":")[2]

    @property
    def code(self) -> list[str]:
        """Every local file and folder that it depends on."""
        return [*([self.file] if self.file else []), *self.modules, *self.reads]


Stage = Annotated[StageDefinition, BeforeValidator(_callable)]


class WroteTo(Stored):
    """An input that a stage wrote to."""

    batch: int
    name: str


class StagePart(Stored):
    """What the measurement of a stage records beside what the stage made."""

    wrote: tuple[WroteTo, ...] = ()
    remarks: tuple[str, ...] = ()
    libraries: dict[str, str] = {}
    """Version of every module that the stage's own code imports."""
    brought: dict[str, str] = {}
    """Version of every module that those import in turn."""
