"""Recordings that hold only outputs, written by benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.arrays import Output
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.stored import Stored

if TYPE_CHECKING:
    from pathlib import Path


class BareRecording(Stored):
    """The outputs of a recording."""

    outputs: tuple[Output, ...]


def read_bare(path: Path) -> RecordedOutputs:
    """Return the outputs of a recording that a benchmark wrote."""
    return RecordedOutputs(BareRecording.model_validate_json(path.read_bytes()).outputs)
