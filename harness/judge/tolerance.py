"""Verdicts by tolerance, and which tolerance applies to which output."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from harness.compare.elements import Kind, element_of
from harness.model.divergence import EXACT, Divergence, Tolerance
from harness.model.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.model.recording import Output

#: What torch.testing.assert_close takes by default; a type it does not list is compared exactly there,
#: and here. https://docs.pytorch.org/docs/stable/testing.html#torch.testing.assert_close
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

    It is elementwise: ``float-noise`` says that every element is within the tolerance, ``diverged`` that
    one is not; a NaN or infinity that the other side has not never is. ``suspicious`` is not said here:
    it takes a noise floor.
    """
    if divergence.incomparable is not None:
        return Verdict.INCOMPARABLE
    if divergence.beyond:
        return Verdict.DIVERGED
    return Verdict.FLOAT_NOISE if divergence.different else Verdict.IDENTICAL


def tolerance_for(output: Output, patterns: Mapping[str, Tolerance]) -> Tolerance:
    """Return the tolerance for an output: of the last pattern that matches its name, else by its type.

    ``patterns`` are globs in the order they were written. What a float tolerance means nothing to stays
    exact: strings, booleans, and the structure of sparse and ragged outputs. Of integers (labels,
    counts, pixels) only ``atol`` applies, so that a relative tolerance for ``*`` does not make class
    5000 equal to class 5001.
    """
    kind = element_of(output.array.dtype).kind
    if output.id.component not in _VALUES or kind in (Kind.BOOLEAN, Kind.STRING):
        return EXACT
    matching = [found for pattern, found in patterns.items() if _matches(pattern, output.id.name)]
    if not matching:
        return DEFAULTS.get(output.array.dtype, EXACT)
    return Tolerance(atol=matching[-1].atol) if kind is Kind.INTEGER else matching[-1]


def unmatched(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the patterns that match no output's name, in their order."""
    known = set(names)
    return [pattern for pattern in patterns if not any(_matches(pattern, name) for name in known)]


def _matches(pattern: str, name: str) -> bool:
    # A name with a bracket in it is also matched by itself, though as a glob it would not be.
    return name == pattern or fnmatchcase(name, pattern)
