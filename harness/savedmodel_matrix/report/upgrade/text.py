"""The answer of an upgrade plan in sentences and sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.wording import count, joined
from savedmodel_matrix.questions.standing import Answer
from savedmodel_matrix.report.sections import Section
from savedmodel_matrix.report.upgrade.document import How

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from savedmodel_matrix.report.upgrade.document import HopRow, ModelRow, StepRow, UpgradeDocument

LEGEND = (
    "A cell shows what was measured; (in parentheses) what follows, because the releases around it agree; "
    "? is not known. Preflight's predictions are in plan.json and are no answers."
)


def sections(found: UpgradeDocument) -> Iterator[Section]:
    """Return what follows the answer: releases, cases, blockers, hops, and what is not known."""
    measured = [at for at, row in enumerate(found.releases) if row.measured]
    headers = ["case", *(found.releases[at].tensorflow for at in measured)]
    table = [[each.case, *(_shown(each.steps[at], found) for at in measured)] for each in found.models]
    yield Section("Releases that were measured", table, headers, [LEGEND])
    if len(found.models) > 1:
        yield Section("Cases", lines=[f"{each.case}: {each.says}" for each in found.models])
    if found.blockers:
        rows = [
            [str(len(each.cases)), each.title, each.fix or "none found", str(len(each.fixes))]
            for each in found.blockers
        ]
        yield Section(f"What keeps cases from {found.last}", rows, ["cases", "because", "fix", "fixes"])
    if len(found.models) > 1:
        yield Section("Order to upgrade", lines=[f"{at}. {case}" for at, case in enumerate(found.order, 1)])
    hops = _hops(found.models)
    if hops:
        yield Section("Safe hops, and what the newer release asks for", lines=hops)
    if found.unknown:
        yield Section("What this run cannot know", lines=found.unknown)
    if found.surer:
        yield Section("To be surer", lines=found.surer)


def answer(found: UpgradeDocument) -> list[str]:
    """Return the sentence that matters: how many models can go to the last release, and with what."""
    agree = [each for each in found.models if each.at_last is Answer.AGREES]
    fixed = [each for each in found.models if each.at_last is not Answer.AGREES and each.fixed]
    held = [each for each in found.models if each.at_last is not Answer.AGREES and not each.fixed]
    if len(found.models) == 1:
        (model,) = found.models
        return [f"{model.case}: {model.says}."]
    parts = []
    if agree:
        agree_ = "agrees" if len(agree) == 1 else "agree"
        parts.append(
            f"{len(agree)} of {count(len(found.models), 'case')} {agree_} in {found.last} as they are"
        )
    if fixed:
        parts.append(f"{len(fixed)} {'does' if len(fixed) == 1 else 'do'} with a fix that was run")
    if held:
        parts.append(f"{len(held)} {'is' if len(held) == 1 else 'are'} held back without one")
    return [f"From {found.first} to {found.last}: {'; '.join(parts)}."]


def _hops(models: Sequence[ModelRow]) -> list[str]:
    """Return each hop once, with the cases that it is safe for."""
    grouped: dict[tuple[str, str, str], tuple[HopRow, list[str]]] = {}
    for model in models:
        for hop in model.hops:
            fix = hop.fix.name if hop.fix else ""
            grouped.setdefault((hop.first, hop.last, fix), (hop, []))[1].append(model.case)
    lines = []
    for hop, cases in grouped.values():
        how = f"with {hop.fix.name}" if hop.fix else "as it is"
        lines.append(f"{hop.first} to {hop.last}, {how}: {joined(cases)}")
        lines += [f"  {each}" for each in hop.asks]
    return lines


def _shown(step: StepRow, found: UpgradeDocument) -> str:
    if step.answer is None:
        return "?"
    if step.how is How.INFERRED:
        return f"({step.answer})"
    if step.tensorflow == found.first and step.answer is Answer.AGREES:
        return "baseline"
    if step.answer is Answer.FAILS:
        return str(step.outcome)
    ratio = "" if step.noise_ratio is None else f" {step.noise_ratio:.2g}×"
    return f"{step.verdict or step.answer}{ratio}"
