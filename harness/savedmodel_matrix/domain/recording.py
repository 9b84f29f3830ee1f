"""What a recording says of its outputs, as types. The arrays themselves lie among the objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class ArrayEntry:
    """One stored array, as ``savedmodel_matrix.probe.arrays`` describes it.

    ``dtype`` is TensorFlow's name of the element type; ``objects`` are content hashes (for strings two:
    the joined bytes and their offsets); ``nbytes`` counts the payload.
    """

    dtype: str
    shape: tuple[int, ...]
    objects: tuple[str, ...]
    nbytes: int

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Self:
        """Return the entry that a recording holds as JSON."""
        return cls(entry["dtype"], tuple(entry["shape"]), tuple(entry["objects"]), entry["nbytes"])

    def to_json(self) -> dict[str, Any]:
        """Return the form that recordings hold and ``savedmodel_matrix.probe.arrays.read_array`` takes."""
        return {
            "dtype": self.dtype,
            "shape": list(self.shape),
            "objects": list(self.objects),
            "nbytes": self.nbytes,
        }


class OutputId(NamedTuple):
    """Which output: of which input batch, its name, and its component where it is not dense."""

    batch: int
    name: str
    component: str | None

    def __str__(self) -> str:
        return self.name if self.component is None else f"{self.name}.{self.component}"


@dataclass(frozen=True, slots=True)
class Output:
    """One recorded output tensor, or one component of a sparse or ragged one."""

    id: OutputId
    array: ArrayEntry

    @classmethod
    def from_json(cls, output: Mapping[str, Any]) -> Self:
        """Return the output that a recording holds as JSON."""
        return cls(
            OutputId(output["batch"], output["name"], output["component"]),
            ArrayEntry.from_json(output["array"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the form that recordings hold."""
        return {**self.id._asdict(), "array": self.array.to_json()}


@dataclass(frozen=True, slots=True)
class RecordedOutputs:
    """The outputs of a recording's first run, and which of them were not bit-equal in a further run."""

    outputs: tuple[Output, ...]
    unstable: frozenset[OutputId] = frozenset()
    behind: frozenset[OutputId] = frozenset()
    """Those that a stage behind the model made, of which its noise floor knows nothing."""

    @classmethod
    def from_json(cls, recording: Mapping[str, Any]) -> Self:
        """Return the outputs of a whole recording."""
        return cls(
            tuple(Output.from_json(output) for output in recording["outputs"]),
            _ids(recording["unstable"]),
            _ids(recording.get("behind", [])),
        )


def _ids(entries: Sequence[Mapping[str, Any]]) -> frozenset[OutputId]:
    return frozenset(OutputId(each["batch"], each["name"], each["component"]) for each in entries)
