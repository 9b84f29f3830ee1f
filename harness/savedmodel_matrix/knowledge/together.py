"""Steps of fixes that belong together, because one of them changes nothing alone."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from savedmodel_matrix.knowledge.causes.base import MINOR, Line, Remedy, RemedyKind

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATA = Path(__file__).with_suffix(".toml")
_PACKAGES = {RemedyKind.PACKAGE, RemedyKind.PIN}


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Pair:
    """Two steps, why they belong together, and the source. ``{minor}`` becomes the TensorFlow minor."""

    steps: Annotated[tuple[Remedy, ...], Field(min_length=2, max_length=2)]
    because: Line
    source: Line


_FILE = TypeAdapter(dict[str, tuple[Pair, ...]])


@cache
def known_pairs() -> tuple[Pair, ...]:
    """Return every pair. Read once, when a failure first needs it."""
    return _FILE.validate_python(tomllib.loads(_DATA.read_text(encoding="utf-8")))["pairs"]


def partners(step: Remedy, minor: str) -> Iterator[Remedy]:
    """Yield the steps that belong together with a step, for a minor of TensorFlow such as ``2.16``."""
    for pair in known_pairs():
        for one, other in (pair.steps, pair.steps[::-1]):
            if _what(one) == _what(step):
                yield Remedy(kind=other.kind, value=other.value.format_map({MINOR: minor}))


def _what(step: Remedy) -> tuple[str, str]:
    """Return what a step is about: of a package only the name counts, whichever version is asked for."""
    if step.kind in _PACKAGES:
        name = Requirement(step.value.format_map({MINOR: "2.1"})).name
        return RemedyKind.PACKAGE, canonicalize_name(name)
    return step.kind, step.value
