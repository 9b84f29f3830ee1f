"""What in a model's graph explains a failed check of session behaviour, and what may fix it.

The facts are in ``check_causes.toml``, by the kind of the finding.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from savedmodel_matrix.domain.check import Check  # noqa: TC001 - pydantic reads it
from savedmodel_matrix.knowledge.causes.base import RemedyKind  # noqa: TC001 - as above

DATA = Path(__file__).with_name("check_causes.toml")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class CheckCause:
    """What one kind of finding says, which failures it explains, and what may fix them."""

    says: str
    """``{place}`` is the op with its function; ``{subject}``, ``{value}`` and ``{signature}`` are the
    finding's."""
    shows: dict[Check, tuple[str, ...]]
    """By check, the kinds of failure that it explains."""
    fixes: tuple[RemedyKind, ...]
    advice: str
    source: str
    needs: tuple[str, ...] = Field(default=(), alias="with")
    """Kinds of findings of which one must be there too; none if it explains a failure alone."""


@cache
def check_causes() -> dict[str, CheckCause]:
    """Return what is known, by the kind of the finding, in the order of a report."""
    found = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, CheckCause]).validate_python(found)
