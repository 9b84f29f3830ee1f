"""Stored arrays and the outputs that refer to them. The bytes themselves are in ``objects/``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field

from savedmodel_matrix.domain.stored import Stored

#: The SHA-256 of an object, as in its file name.
ObjectName = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class ArrayEntry:
    """One stored array, as ``savedmodel_matrix.probe.arrays`` describes it.

    ``dtype`` is TensorFlow's name of the element type. ``objects`` are content hashes; strings have two, for
    the joined bytes and their offsets. ``nbytes`` is the size of the payload in bytes.
    """

    dtype: str
    shape: tuple[Size, ...]
    objects: tuple[ObjectName, ...]
    nbytes: Size

    def to_json(self) -> dict[str, Any]:
        """Return the form that files contain and ``savedmodel_matrix.probe.arrays.read_array`` accepts."""
        return {
            "dtype": self.dtype,
            "shape": list(self.shape),
            "objects": list(self.objects),
            "nbytes": self.nbytes,
        }


#: How the components begin that stand before an output's head (``savedmodel_matrix.probe.before``).
_BEFORE = "before "


class OutputId(NamedTuple):
    """Identifies an output: the number of its input batch, its name, and its component if it is not dense.

    ``call`` is the number of the batch's run, if runs differ and are compared one by one.
    """

    batch: int
    name: str
    component: str | None
    call: int = 1

    @property
    def is_before(self) -> bool:
        """Whether it is no output, but the tensor before an output's head."""
        return self.component is not None and self.component.startswith(_BEFORE)

    @property
    def after_head(self) -> OutputId:
        """The output that a tensor before a head belongs to."""
        return self._replace(component=None)

    def __str__(self) -> str:
        if self.is_before:
            name = f"{self.name} {self.component}"
        else:
            name = self.name if self.component is None else f"{self.name}.{self.component}"
        return name if self.call == 1 else f"{name}, call {self.call}"


class Named(Stored):
    """A statement about one output of one batch."""

    batch: int
    name: str
    component: str | None = None
    call: int = 1

    @property
    def id(self) -> OutputId:
        """The output that it is about."""
        return OutputId(self.batch, self.name, self.component, self.call)


class Output(Named):
    """One recorded output tensor, or one component of a sparse or ragged one."""

    array: ArrayEntry

    @classmethod
    def of(cls, output: OutputId, array: ArrayEntry) -> Self:
        """Return the output with this id."""
        return cls.model_construct(
            batch=output.batch,
            name=output.name,
            component=output.component,
            call=output.call,
            array=array,
        )


class Unstable(Named):
    """An output of a later run that is not bit-equal to the first run's; None if it was not returned."""

    run: int
    array: ArrayEntry | None


class InputPart(Stored):
    """One array of an input batch: a dense input (``component`` is None) or a composite one's component."""

    name: str
    component: str | None
    array: ArrayEntry


#: The inputs of one call.
Batch = tuple[InputPart, ...]
