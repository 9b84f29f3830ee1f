"""The base of every stored type: files are validated when they are read, so a mismatch fails at once."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Stored(BaseModel):
    """A part of a file in ``results/`` or of a message to or from the probe.

    Unknown keys are rejected: within one format version both sides know the same keys.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
