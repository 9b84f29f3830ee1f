"""What every document that a command prints with ``--json`` is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Printed(BaseModel):
    """A part of such a document. Readers of a format must accept keys they do not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)
