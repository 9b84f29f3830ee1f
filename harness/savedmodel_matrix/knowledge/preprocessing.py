"""How differences between training's and serving's preprocessing usually arise, and the line to change.

The facts are in ``preprocessing.toml``, by the id of the diagnosis.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

DATA = Path(__file__).with_name("preprocessing.toml")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Usual:
    """What is known of one diagnosis: how it usually happens, the line to change, and the source."""

    happens: str
    line: str
    source: str


@cache
def usual() -> dict[str, Usual]:
    """Return what is known, by the id of a diagnosis' step."""
    return TypeAdapter(dict[str, Usual]).validate_python(tomllib.loads(DATA.read_text(encoding="utf-8")))
