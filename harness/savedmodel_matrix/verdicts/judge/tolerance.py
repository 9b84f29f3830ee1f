"""Verdicts by tolerance, and which tolerance applies to which output."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.definition import ToleranceDefinition
from savedmodel_matrix.domain.divergence import EXACT, Divergence, Tolerance
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.verdicts.compare.elements import Kind, element_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from savedmodel_matrix.domain.arrays import Output

#: The defaults of torch.testing.assert_close. It compares types that it does not list exactly, and so does
#: this module. https://docs.pytorch.org/docs/stable/testing.html#torch.testing.assert_close
DEFAULTS = {
    "float16": Tolerance(rtol=1e-3, atol=1e-5),
    "bfloat16": Tolerance(rtol=1.6e-2, atol=1e-5),
    "float32": Tolerance(rtol=1.3e-6, atol=1e-5),
    "float64": Tolerance(rtol=1e-7, atol=1e-7),
    "complex64": Tolerance(rtol=1.3e-6, atol=1e-5),
    "complex128": Tolerance(rtol=1e-7, atol=1e-7),
}

#: Components that hold an output's values; the others (indices, row splits, shapes) are its structure.
_VALUES = {None, "values", "flat_values"}


def judge(divergence: Divergence) -> Verdict:
    """Return the verdict by the tolerance the divergence was measured with.

    It is elementwise: ``float-noise`` if every element is within the tolerance, ``diverged`` if one is not.
    A NaN or infinity on one side only is never within it. ``suspicious`` is never returned: it takes a noise
    floor.
    """
    if divergence.incomparable is not None:
        return Verdict.INCOMPARABLE
    if divergence.beyond:
        return Verdict.DIVERGED
    return Verdict.FLOAT_NOISE if divergence.different else Verdict.IDENTICAL


def limits_for(output: Output, patterns: Mapping[str, ToleranceDefinition]) -> ToleranceDefinition | None:
    """Return the limits that a matrix sets for an output: those of the last pattern that matches its name.

    ``patterns`` are globs in the order they were written. Strings, booleans, and the structure of sparse and
    ragged outputs have no limits and stay exact. For integers (labels, counts, pixels) only ``atol`` applies,
    so that a relative tolerance for ``*`` does not make class 5000 equal to class 5001. A comparator judges
    whatever its pattern matches.
    """
    matching = [found for pattern, found in patterns.items() if _matches(pattern, output.id.name)]
    if not matching or matching[-1].comparator is not None:
        return matching[-1] if matching else None
    kind = element_of(output.array.dtype).kind
    if output.id.component not in _VALUES or kind in (Kind.BOOLEAN, Kind.STRING):
        return None
    if kind is Kind.INTEGER:
        return None if matching[-1].atol is None else ToleranceDefinition(atol=matching[-1].atol)
    return matching[-1]


def tolerance_for(output: Output, limits: ToleranceDefinition | None) -> Tolerance:
    """Return the tolerance of an output's elements: its limits' ``rtol`` and ``atol``, or else by type."""
    if limits is not None and (limits.rtol is not None or limits.atol is not None):
        return Tolerance(rtol=limits.rtol or 0.0, atol=limits.atol or 0.0)
    return DEFAULTS.get(output.array.dtype, EXACT) if output.id.component in _VALUES else EXACT


def unmatched(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the patterns that match no output's name, in their order."""
    known = set(names)
    return [pattern for pattern in patterns if not any(_matches(pattern, name) for name in known)]


def _matches(pattern: str, name: str) -> bool:
    # A name with a bracket also matches itself, which it would not do as a glob.
    return name == pattern or fnmatchcase(name, pattern)
