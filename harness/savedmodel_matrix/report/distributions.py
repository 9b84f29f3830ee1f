"""Random outputs: whether those of each cell have the distribution of the baseline's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.domain.wording import count, listed
from savedmodel_matrix.evidence.distributions import samples
from savedmodel_matrix.report.document import DistributionRow
from savedmodel_matrix.verdicts.judge.distribution import DistributionJudgement, judge_distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry, OutputId
    from savedmodel_matrix.domain.distribution import Sample
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.report.document import CellRow, Report
    from savedmodel_matrix.verdicts.compare.elements import Array

_MOST_NAMED = 3


def comparisons(plan: Plan, collection: Collection) -> int:
    """Return how many distributions the report compares: each may differ by chance."""
    total = 0
    for case in plan.cases:
        cells = samples(collection, case)
        reference = cells.pop(str(plan.baseline), {})
        total += len(cells) * sum(sample.varies for sample in reference.values())
    return total


def distribution_rows(
    plan: Plan,
    case: str,
    collection: Collection,
    random: Container[OutputId],
    total: int,
    read: Callable[[ArrayEntry], Array],
) -> list[DistributionRow]:
    """Return a row for each of a case's random outputs in each cell but the baseline.

    ``total`` is the number of comparisons in the report.
    """
    cells = samples(collection, case)
    reference = cells.pop(str(plan.baseline), {})
    rows = []
    for record in collection.distributions:
        cell = str(record.job.cell)
        if record.job.case != case or cell not in cells:
            continue
        for output in dict.fromkeys([*reference, *cells[cell]]):
            if output in random:
                judged = _judged(cells[cell].get(output), reference.get(output), total, read)
                rows.append(
                    DistributionRow(
                        environment=record.job.cell.environment,
                        setting=record.job.cell.setting,
                        case=case,
                        batch=output.batch,
                        output=str(output),
                        verdict=judged.verdict,
                        says=judged.says,
                        runs=judged.runs[0],
                        baseline_runs=judged.runs[1],
                        p=judged.p,
                        shift=judged.shift,
                        spread=judged.spread,
                        detectable_shift=judged.detectable_shift,
                        detectable_spread=judged.detectable_spread,
                    )
                )
    return rows


def _judged(
    sample: Sample | None, reference: Sample | None, total: int, read: Callable[[ArrayEntry], Array]
) -> DistributionJudgement:
    if sample is not None and reference is not None:
        return judge_distribution(sample, reference, total, read)
    where = "only in the baseline" if sample is None else "not in the baseline"
    runs = tuple(0 if each is None else each.runs for each in (sample, reference))
    return DistributionJudgement(Verdict.INCOMPARABLE, where, (runs[0], runs[1]))


def relate_distributions(
    cells: Iterable[CellRow], rows: Sequence[DistributionRow], baseline: str, only_random: Container[str]
) -> None:
    """Give each cell the verdicts on its random outputs, and name those that nothing could be compared with.

    ``only_random`` are the cases without any other output, whose verdict is on the random ones alone.
    """
    of_cell: dict[tuple[str, str], list[DistributionRow]] = {}
    for row in rows:
        of_cell.setdefault((row.case, row.cell), []).append(row)
        of_cell.setdefault((row.case, baseline), []).append(row)
    for cell in cells:
        found = of_cell.get((cell.case, cell.cell), [])
        # A batch of which too few runs were made leaves its output among those that are not compared.
        left = {row.output for row in found if row.verdict is None}
        compared = {row.output for row in found} - left
        cell.not_compared = [name for name in cell.not_compared if name not in compared]
        verdicts = [row.verdict for row in found if row.verdict is not None]
        if verdicts and cell.cell != baseline:
            cell.distributions = sorted({row.output for row in found if row.verdict is not None})
            alone = cell.verdict is None or cell.case in only_random
            cell.verdict = worst(verdicts if alone else [*verdicts, *filter(None, [cell.verdict])])


def random_summary(rows: Sequence[DistributionRow]) -> list[str]:
    """Return what the sentence on a case adds about its random outputs; nothing if it has none."""
    worse = [row for row in rows if _is_beyond(row)]
    compared = worse or [row for row in rows if row.verdict is not None]
    names = listed(list(dict.fromkeys(row.output for row in compared)), _MOST_NAMED)
    if worse:
        cells = listed(list(dict.fromkeys(row.cell for row in worse)), _MOST_NAMED)
        return [f"random, and of another distribution in {cells}: {names}"]
    return [f"random, and compared as distributions, of which none differs: {names}"] if compared else []


def distribution_lines(report: Report) -> list[str]:
    """Return a line for each random output and what is said of it; the differences come first."""
    grouped: dict[tuple[bool, str, str, str], list[DistributionRow]] = {}
    for row in report.distributions:
        says = row.says if _is_beyond(row) else _kind_of(row)
        grouped.setdefault((not _is_beyond(row), row.case, row.output, says), []).append(row)
    lines = []
    for (_, case, output, _), rows in sorted(grouped.items(), key=lambda each: each[0][0]):
        cells = listed(list(dict.fromkeys(row.cell for row in rows)), _MOST_NAMED)
        lines.append(f"{case}, output {output}: {_weakest(rows).says}: {cells}")
    return lines


def _is_beyond(row: DistributionRow) -> bool:
    return row.verdict not in (None, Verdict.FLOAT_NOISE)


def _kind_of(row: DistributionRow) -> str:
    return "not compared" if row.verdict is None else "agrees"


def _weakest(rows: Sequence[DistributionRow]) -> DistributionRow:
    """Return the row that noticed least: what it says holds for all that agree."""
    return max(rows, key=lambda row: row.detectable_shift or 0.0)


def random_sentence(rows: Iterable[CellRow]) -> str | None:
    """Return which outputs were compared as distributions, for the answer of the report."""
    names = list(dict.fromkeys(f"{name} of {row.case}" for row in rows for name in row.distributions))
    if not names:
        return None
    return f"{count(len(names), 'random output')} compared as distributions: {listed(names, _MOST_NAMED)}."
