"""Power: what the inputs of each case notice, and which verdicts are weak because they notice too little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.domain.wording import count, listed
from savedmodel_matrix.evidence.judged import judged_power
from savedmodel_matrix.report.document import NoticedRow, PowerRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.power import Noticed, Power
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.report.document import CellRow, Report
    from savedmodel_matrix.verdicts.compare.elements import Array

_MOST_NAMED = 4
_AGREE = (Verdict.IDENTICAL, Verdict.FLOAT_NOISE)
_CURE = "give inputs on which more of the model matters, or compare what comes before a saturated output"


def power_row(
    plan: Plan, case: str, collection: Collection, read: Callable[[ArrayEntry], Array]
) -> PowerRow | None:
    """Return what a case's inputs notice; None if that was not asked for or is not recorded."""
    noise = collection.noise.get(case)
    if plan.power.seconds == 0 or noise is None or noise.floor is None:
        return None
    part = noise.floor.part
    power = judged_power(plan, case, collection, read)
    share = None if power is None else power.share
    weak = share is not None and share < plan.power.min_power
    says = _nothing_tried(part.power.weights) if power is None else _says(power, part.power.seconds)
    if part.power.unused:
        says += f"; {count(part.power.unused, 'variable')} not used by this signature left out"
    if part.no_power is not None:
        says += f"; not every weight could be changed: {part.no_power}"
    return PowerRow(
        power=share,
        weak=weak,
        levels=[NoticedRow(level=each.level, noticed=each.noticed, tried=each.tried) for each in power.levels]
        if power
        else [],
        weights=part.power.weights,
        left_out=part.power.left_out,
        unused=part.power.unused,
        blind_to=list(power.blind_to) if power else [],
        says=f"{says}; {_CURE}" if weak else says,
    )


def set_power(
    plan: Plan, collection: Collection, cells: Iterable[CellRow], read: Callable[[ArrayEntry], Array]
) -> dict[str, PowerRow | None]:
    """Give each cell's verdict the power of its case, and return that of every case."""
    powers = {case: power_row(plan, case, collection, read) for case in plan.cases}
    for cell in cells:
        found = powers[cell.case]
        if found is not None and cell.verdict is not None:
            cell.power = found.power
            # What random outputs notice is known in another way.
            cell.weak = found.weak and cell.verdict in _AGREE and not cell.distributions
    return powers


def unproven(plan: Plan, powers: Mapping[str, PowerRow | None]) -> list[str]:
    """Return the cases whose agreement proves nothing where the matrix requires power.

    A power that could not be measured is not enough either. A model without float weights needs none.
    """
    if not plan.power.required:
        return []
    return [
        case
        for case, row in powers.items()
        if row is None or row.weak or (row.power is None and row.weights > 0)
    ]


def power_lines(report: Report) -> list[str]:
    """Return a line per case on what its inputs notice, weak ones first."""
    found = [(case.name, case.power) for case in report.cases if case.power is not None]
    return [
        f"{name}: {'weak: ' if row.weak else ''}{row.says}"
        for name, row in sorted(found, key=lambda each: not each[1].weak)
    ]


def _nothing_tried(weights: int) -> str:
    if not weights:
        return "the model has no float weights that could be changed"
    return f"there was no time to change one of {count(weights, 'weight')}"


def _says(power: Power, seconds: float) -> str:
    noticed = [f"{_percent(each)} in {_part(each)}" for each in reversed(power.levels)]
    says = f"these inputs would have noticed a change of {noticed[0]}"
    if len(noticed) > 1 and power.levels[0].noticed > power.levels[-1].noticed:
        says += f", of {noticed[1]}"
    if power.blind_to:
        says += f"; not even {_percent(power.levels[0])} in {listed(power.blind_to, _MOST_NAMED)}"
    if any(each.tried < power.weights for each in power.levels):
        says += f"; they are a sample of {count(power.weights, 'weight')}, tried in {seconds:.3g} s"
    if power.left_out:
        says += f"; {count(power.left_out, 'integer or zero variable')} left out"
    return says


def _percent(each: Noticed) -> str:
    return f"{100 * each.level:g} %"


def _part(each: Noticed) -> str:
    weights = count(each.tried, "weight")
    return f"all of {weights}" if each.noticed == each.tried > 1 else f"{each.noticed} of {weights}"
