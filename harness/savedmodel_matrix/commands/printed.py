"""The base class of every document that a command prints with ``--json``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Printed(BaseModel):
    """A part of such a document. Readers of a format must accept unknown keys."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)
