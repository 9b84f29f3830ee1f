"""Power: in how many of its weights a change would have been seen, by the judge that gives the verdicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.arrays import Unstable
from savedmodel_matrix.domain.power import Noticed, Power
from savedmodel_matrix.domain.verdict import Verdict

if TYPE_CHECKING:
    from savedmodel_matrix.domain.arrays import Output
    from savedmodel_matrix.domain.power import Nudge, PowerPart
    from savedmodel_matrix.domain.recording import RecordedOutputs
    from savedmodel_matrix.verdicts.judge.case import JudgedCase

#: The name of the unchanged model's recording.
UNCHANGED = "unchanged"


def changed_recordings(unchanged: RecordedOutputs, part: PowerPart) -> dict[str, RecordedOutputs]:
    """Return what every changed model returned, by name, and what the unchanged one did."""
    found = {UNCHANGED: unchanged}
    for each in part.tried:
        if each.outputs:
            changed = {output.id: output for output in each.outputs}
            outputs = tuple(changed.get(output.id, output) for output in unchanged.outputs)
            later = {(one.id, one.run): one for one in unchanged.later}
            later |= {(one.id._replace(call=1), one.call): _run(one) for one in each.outputs if one.call > 1}
            found[_name(each)] = replace(unchanged, outputs=outputs, later=tuple(later.values()))
    return found


def power_of(part: PowerPart, judged: JudgedCase) -> Power:
    """Return the power of a case's inputs; ``judged`` has the ``changed_recordings``."""
    seen: dict[float, dict[str, bool]] = {}
    for each in part.tried:
        seen.setdefault(each.level, {})[each.weight] = each.lost or _is_seen(judged, each)
    levels = sorted(seen, reverse=True)
    return Power(
        tuple(Noticed(level, sum(seen[level].values()), len(seen[level])) for level in levels),
        part.weights,
        part.left_out,
        tuple(name for name, noticed in seen[levels[0]].items() if not noticed) if levels else (),
    )


def _run(output: Output) -> Unstable:
    batch, name, component, call = output.id
    return Unstable(batch=batch, name=name, component=component, run=call, array=output.array)


def _is_seen(judged: JudgedCase, nudge: Nudge) -> bool:
    if not nudge.outputs:
        return False
    verdicts = (each.judgement.verdict for each in judged.judge(_name(nudge), UNCHANGED))
    return any(verdict.severity > Verdict.FLOAT_NOISE.severity for verdict in verdicts)


def _name(nudge: Nudge) -> str:
    return f"{nudge.weight} by {nudge.level:g}"
