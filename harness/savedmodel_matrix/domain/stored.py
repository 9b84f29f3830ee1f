"""What every stored type is: read through its fields, so that what does not fit is noticed at once."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Stored(BaseModel):
    """A part of a file in ``results/`` or of a message to or from the probe.

    Unknown keys are refused: within one format version both sides know the same ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
