"""A cell that a report proposes: it would tell apart explanations that all fit so far."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ProposedCell(BaseModel):
    """A cell that equals that of ``environment`` and ``setting`` except for ``change`` (factor and value)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    environment: str
    setting: str
    change: dict[str, str]
    separates: list[str]
    cases: list[str]
    """The cases for which it would decide."""
