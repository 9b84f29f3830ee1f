"""Remarks that a reader of a case's verdicts needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.verdicts.judge.tolerance import unmatched

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from savedmodel_matrix.domain.arrays import OutputId
    from savedmodel_matrix.domain.definition import ToleranceDefinition
    from savedmodel_matrix.domain.recording import RecordedOutputs
    from savedmodel_matrix.evidence.collected import CollectedNoise
    from savedmodel_matrix.evidence.origins import Origin
    from savedmodel_matrix.verdicts.judge.case import JudgedCase


def case_remarks(
    case: str,
    baseline: str,
    recorded: Mapping[str, RecordedOutputs],
    judged: JudgedCase,
    limits: Mapping[str, ToleranceDefinition],
    noise: CollectedNoise | None,
    origin: Origin,
    distributions: Container[tuple[int, str]],
) -> list[str]:
    """Return the remarks on one case; ``recorded`` is what each cell recorded of it.

    ``distributions`` are the batches and names of outputs that were compared as distributions.
    """
    remarks = []
    if recorded and baseline not in recorded:
        remarks.append(f"the baseline {baseline} recorded nothing to compare with")
    names = {output.id.name for found in recorded.values() for output in found.outputs}
    if names:
        remarks += [f"tolerance '{pattern}' matches no output" for pattern in unmatched(limits, names)]
    if noise and noise.problem and baseline in recorded:
        remarks.append(f"no noise floor: {noise.problem}")
    measured = bool(noise and not noise.problem)
    remarks += _grouped(_said_of_outputs(judged, origin, distributions, measured=measured))
    if noise and noise.floor and noise.floor.part.not_rounded:
        why = noise.floor.part.not_rounded
        remarks.append(f"its noise is that of inputs and weights alone, which may be too little: {why}")
    if noise and noise.floor:
        remarks += [
            f"reordering the elements of input '{name}' changes no output, so that input proves nothing"
            for name in noise.floor.part.unreached
        ]
    return [f"case {case}: {remark}" for remark in remarks]


def _said_of_outputs(
    judged: JudgedCase, origin: Origin, distributions: Container[tuple[int, str]], *, measured: bool
) -> Iterator[tuple[OutputId, str]]:
    for output, seen in judged.nondeterministic.items():
        as_one = (output.batch, str(output)) in distributions
        so = "compared as a distribution" if as_one else "not compared"
        yield output, f"nondeterministic ({seen}), so {so}{origin.because(output.name)}"
    for standing in judged.standings.values():
        if standing.output in judged.nondeterministic:
            continue  # it is not compared, so nothing else matters
        if standing.output.name in origin.moving and standing.output.call == 1:
            because = origin.because(standing.output.name)
            if standing.output.name in origin.restarting and standing.floor is not None:
                says = "runs differ, but begin the same in every process, so they are compared call by call"
            else:
                says = "no runs differed here, but they may"
            yield standing.output, f"{says}{because}"
        if standing.before is not None:
            component = standing.before.component
            yield standing.output, f"hides small changes, so what stands {component} is judged as well"
        for caveat, says in standing.caveats.items():
            yield standing.output, f"{caveat}: {says}"
        if standing.no_floor and measured:
            yield (
                standing.output,
                f"no noise floor: {standing.no_floor}; judged by the default tolerance of its type",
            )


def _grouped(said: Iterable[tuple[OutputId, str]]) -> list[str]:
    """Return a line per output and text that lists the batches, because batches mostly share their text."""
    batches: dict[tuple[str, str], list[int]] = {}
    for output, text in said:
        batches.setdefault((str(output), text), []).append(output.batch)
    return [
        f"output {name} (batch {', '.join(map(str, numbers))}): {text}"
        for (name, text), numbers in batches.items()
    ]
