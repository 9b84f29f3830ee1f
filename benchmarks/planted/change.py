"""The types of a planted change, and of a model with planted changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmarks.planted.change_inputs import changed_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.planted.batches import Batches

Kind = Literal["weights", "graph", "inputs"]


@dataclass(frozen=True)
class Change:
    """One planted change: ``name`` is unique within a model, ``change`` says what is changed.

    ``real`` is False if rounding itself changes the outputs as much: no verdict can detect it, and none
    should. None leaves it to what the benign cells change (see ``verdicts.truth``).
    """

    kind: Kind
    name: str
    change: str
    parameters: Mapping[str, Any]
    says: str
    real: bool | None = True

    def request(self, source: Path, target: Path) -> dict[str, Any]:
        """Return the request to ``change_model.py``: a copy of the SavedModel with this change.

        Raises:
            ValueError: if the change is in the inputs, not in the model.
        """
        if self.kind == "inputs":
            raise ValueError(f"{self.name} is a change of the inputs, not of the model")
        return {
            "source": str(source),
            "target": str(target),
            "change": self.change,
            "parameters": dict(self.parameters),
        }


@dataclass(frozen=True)
class Model:
    """A SavedModel, its location, its inputs, and the changes planted in it.

    ``where`` has the form of a case in a matrix: ``path``, or ``package`` and ``path``. ``batches`` takes the
    folder that contains ``examples``.
    """

    name: str
    where: Mapping[str, str]
    batches: Callable[[Path], Batches]
    changes: Sequence[Change]
    signature: str = "serving_default"

    def write_inputs(self, project: Path, folder: Path, change: Change | None = None) -> list[Path]:
        """Write one ``.npz`` per batch into ``folder`` and return them; ``change`` changes the inputs."""
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for number, batch in enumerate(self.batches(project), 1):
            stem = self.name if change is None else f"{self.name}-{change.name}"
            file = folder / f"{stem}-{number}.npz"
            made: dict[str, Any] = dict(batch)
            if change is not None:
                made = changed_inputs(batch, change.change, change.parameters)
            np.savez(file, **made)
            files.append(file)
        return files

    def definition(self, inputs: Sequence[Path], model: Path | None = None) -> dict[str, Any]:
        """Return the case for a matrix definition, with a different ``model`` if one is given."""
        where = dict(self.where) if model is None else {"path": str(model)}
        return {**where, "signature": self.signature, "inputs": [{"npz": str(file)} for file in inputs]}
