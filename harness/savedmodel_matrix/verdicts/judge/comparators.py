"""The user's own comparators: for detection boxes, spectrograms and anything that no tolerance fits.

A comparator is an entry point of the group ``savedmodel_matrix.comparators``, named in a matrix by
``[cases.NAME.tolerance] "boxes" = { comparator = "my-boxes" }``. It is called as
``compare(a, b, output)``: two mappings from the names of one batch's outputs to their arrays (``b`` is the
reference; strings are ``bytes`` objects, arrays may be read-only), and the name of the output to judge. It
returns a ``Comparison``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol

from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.verdicts.judge.output import Judgement, Measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from savedmodel_matrix.verdicts.compare.elements import Array

GROUP = "savedmodel_matrix.comparators"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparator found: a verdict, by its name in the field, and a sentence for the report.

    ``verdict`` is ``"float-noise"``, ``"suspicious"``, ``"diverged"`` or ``"incomparable"``. ``"identical"``
    is reserved for equal bits, so a comparator must not return it.
    """

    verdict: str
    says: str


class Comparator(Protocol):
    """What an entry point must be."""

    def __call__(self, a: Mapping[str, Array], b: Mapping[str, Array], output: str, /) -> Comparison:
        """Compare one output of ``a`` with the reference ``b``."""


def missing_comparators(names: Iterable[str]) -> list[str]:
    """Return a problem for each name that no installed package provides."""
    wanted = set(names)
    offered = {point.name for point in entry_points(group=GROUP)} if wanted else set()
    have = ", ".join(sorted(offered)) or "none"
    return [
        f"comparator '{name}' is not installed (installed entry points of {GROUP}: {have})"
        for name in sorted(wanted - offered)
    ]


def run_comparator(name: str, a: Mapping[str, Array], b: Mapping[str, Array], output: str) -> Judgement:
    """Return the judgement of the comparator with this name. If it fails, the output is incomparable.

    Raises:
        DefinitionError: if no such comparator is installed.
    """
    if problems := missing_comparators([name]):
        raise DefinitionError(problems)
    (point, *_) = entry_points(group=GROUP, name=name)
    try:
        compare: Comparator = point.load()
        found = compare(a, b, output)
        verdict = Verdict(found.verdict)
        says = str(found.says)
    except Exception as error:  # a user's code may raise anything, and the other outputs are still judged
        reason = f"comparator '{name}' failed: {type(error).__name__}: {error}".splitlines()[0]
        return Judgement(Verdict.INCOMPARABLE, Measure.COMPARATOR, reason=reason)
    if verdict is Verdict.IDENTICAL:
        reason = f"comparator '{name}' returned identical, which is reserved for equal bits"
        return Judgement(Verdict.INCOMPARABLE, Measure.COMPARATOR, reason=reason)
    return Judgement(verdict, Measure.COMPARATOR, reason=says)
