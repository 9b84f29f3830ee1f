"""The base of every part of ``report.json``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """A part of the report. Readers of format 1 must accept keys they do not know."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)
