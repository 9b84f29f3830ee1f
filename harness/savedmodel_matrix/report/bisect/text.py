"""The answer of a bisection in sentences and sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.wording import joined, listed, shortened
from savedmodel_matrix.report.sections import Section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.report.bisect.document import BisectDocument, ChangeRow, PackageRow

_MOST_PACKAGES = 40
_LONGEST_REASON = 160


def answer(found: BisectDocument) -> list[str]:
    """Return the first version that differs, and what is to blame; or why there is no answer."""
    if found.problem is not None:
        return [f"No answer: {found.problem}."]
    return [_sentence(found, each) for each in found.changes]


def sections(found: BisectDocument) -> Iterator[Section]:
    """Return what was measured, and the evidence at each change."""
    rows = [
        [each.version, each.environment, each.answer or "?", each.reason or ""] for each in found.measured
    ]
    lines = (
        [f"not measured, as both neighbours agree: {', '.join(found.unmeasured)}"] if found.unmeasured else []
    )
    yield Section(
        f"{found.asked[:1].upper()}{found.asked[1:]}",
        rows,
        ["version", "environment", "answer", "because"],
        lines,
    )
    for change in found.changes:
        yield Section(f"{found.package} {change.before} to {change.after}", lines=list(_evidence(change)))


def _sentence(found: BisectDocument, change: ChangeRow) -> str:
    what = f"{found.package} {change.after} is the first version with another answer"
    if not change.exact:
        what = f"The answer changes between {found.package} {change.before} and {change.after}"
    if change.unjudged:
        what += f" ({joined(change.unjudged)} could not be judged)"
    because = f" Cause: {change.title}." if change.title else ""
    answers = f"{change.answer_before} before, {change.answer_after} from then on"
    return f"{what}: {answers}. To blame: {change.blame}.{because}"


def _evidence(change: ChangeRow) -> Iterator[str]:
    if change.reason is not None:
        yield f"error: {change.reason}"
    if change.cause is not None:
        yield f"known cause: {change.cause}: {change.title}"
    for fix in change.fixes:
        yield f"fixed by {fix.name} ({fix.says})"
    yield from (f"known change in {note}" for note in change.known)
    if change.confounded is not None:
        yield f"confounded: {change.confounded}"
    for swap in change.swaps:
        why_not = shortened(swap.reason or "the environment could not be made", _LONGEST_REASON)
        became = swap.answer or f"cannot be judged: {why_not}"
        yield f"with {swap.package} {swap.old} in place of {swap.new}: {became}"
    if change.packages:
        yield f"changed packages: {listed([_package(each) for each in change.packages], _MOST_PACKAGES)}"
    if None not in change.git:
        yield f"source: {joined([each or '' for each in change.git], 'to')}"
    yield f"shown alone by: {change.reproduce}"


def _package(row: PackageRow) -> str:
    if row.old is None:
        return f"{row.name} {row.new} (new)"
    if row.new is None:
        return f"{row.name} {row.old} (gone)"
    return f"{row.name} {row.old} to {row.new}"
