"""A stage of a case, as written in a matrix definition."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from savedmodel_matrix.domain.arrays import ArrayEntry, Output
from savedmodel_matrix.domain.input_sources import InputSource
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.domain.toml_table import DOTTED, LocalPath, Table


def _callable(value: object) -> object:
    return {"call": value} if isinstance(value, str) else value


class StageDefinition(Table):
    """A Python callable that runs before or after the model: it takes and returns a dict of arrays by name.

    A file with a PEP 723 block of requirements runs in its own separate environment; any other stage runs in
    the cell's environment.
    """

    call: Annotated[str, Field(pattern=rf"^(.+\.py|{DOTTED}):{DOTTED}$")]
    """"path/to/file.py:function", or "module:function" for an installed module or one in ``modules``."""
    modules: list[LocalPath] = []
    """Local code that it imports: a .py file becomes importable by name; a folder is added to sys.path."""
    reads: list[LocalPath] = []
    """Local files and folders that it opens, such as saved statistics or a vocabulary."""
    inputs: list[InputSource] = []
    """Its own raw inputs, instead of the case's."""

    @property
    def file(self) -> str | None:
        """The local file with the function; None if it is in an installed module."""
        place = self.call.rpartition(":")[0]
        return place if place.endswith(".py") else None

    @property
    def module(self) -> str | None:
        """The module with the function; None if it is in a file."""
        return None if self.file else self.call.rpartition(":")[0]

    @property
    def function(self) -> str:
        """The function's name in the file or module."""
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


class StageParts(Stored):
    """What a stage made of parts of one batch, put together in the order of the batch's samples."""

    way: Literal["reversed", "halves", "alone"]
    """The batch in reverse, in two halves, or one sample at a time."""
    batch: int
    samples: int
    """How many of the first samples this covers."""
    outputs: tuple[Output, ...]


class Decoded(Stored):
    """One JPEG file of a stage's input, as one decoder of its environment decodes it."""

    batch: int
    name: str
    """Of the input."""
    decoder: str
    file: int
    array: ArrayEntry
    """uint8 [height, width, 3]: red, green and blue, not turned by EXIF."""


class StagePart(Stored):
    """What the measurement of a stage records in addition to the stage's outputs."""

    wrote: tuple[WroteTo, ...] = ()
    remarks: tuple[str, ...] = ()
    libraries: dict[str, str] = {}
    """Version of every module that the stage's own code imports."""
    brought: dict[str, str] = {}
    """Version of every module that those import."""
    parts: tuple[StageParts, ...] = ()
    """Empty where the stage did not run on parts, or where a batch has no samples to take apart."""
    in_another_folder: tuple[Output, ...] = ()
    """What the stage makes in another working folder; only of batches where that is something else."""
    decoded: tuple[Decoded, ...] = ()
    """The JPEG files among its inputs, by each decoder that it has loaded."""
