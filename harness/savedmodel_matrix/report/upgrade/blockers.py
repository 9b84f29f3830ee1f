"""What keeps several models from the last release, which fix helps most of them, and in which order to go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from savedmodel_matrix.questions.standing import Answer
from savedmodel_matrix.report.upgrade.document import BlockerRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.report.upgrade.document import ModelRow

#: Kinds of steps by the work that they are: what is called, what is set, what is installed, what is saved.
_WORK = ("loader", "endpoint", "import", "variable", "pin", "package", "resolve", "re-export")
_DIFFERS = "the results differ from the baseline by more than noise"
_OPEN = "not known"


def blocker_rows(models: Sequence[ModelRow]) -> list[BlockerRow]:
    """Return a row for each cause that keeps models from the last release, the most frequent first."""
    grouped: dict[tuple[str | None, str], list[ModelRow]] = {}
    for model in models:
        if model.at_last is not Answer.AGREES:
            grouped.setdefault(_blocker(model), []).append(model)
    rows = [_row(cause, title, held) for (cause, title), held in grouped.items()]
    return sorted(rows, key=lambda row: -len(row.cases))


def order_of(models: Sequence[ModelRow], blockers: Sequence[BlockerRow]) -> list[str]:
    """Return the cases in the order to upgrade: those without work, fixed ones by blocker, the others."""
    free = [each.case for each in models if each.at_last is Answer.AGREES]
    fixed = [case for row in blockers for case in row.cases if case in row.fixes]
    also = [each.case for each in models if each.fixed]
    return list(dict.fromkeys([*free, *fixed, *also, *(each.case for each in models)]))


def _blocker(model: ModelRow) -> tuple[str | None, str]:
    """Return the cause and the title of what holds in the last release."""
    if model.at_last is None:
        return None, _OPEN
    if not model.breaks:  # it fails in every release, also in the baseline
        return None, "it does not run in the baseline"
    last = model.breaks[-1]
    if last.answer is Answer.DIFFERS:
        return None, _DIFFERS
    return last.cause, last.title or last.reason or _OPEN


def _row(cause: str | None, title: str, held: Sequence[ModelRow]) -> BlockerRow:
    helped: dict[str, list[str]] = {}
    for model in held:
        for name in dict.fromkeys(_family(fix.name) for hop in model.breaks[-1:] for fix in hop.fixes):
            helped.setdefault(name, []).append(model.case)
    best = min(helped, key=lambda name: (-len(helped[name]), work(name)), default=None)
    return BlockerRow(
        title=title,
        cause=cause,
        cases=[each.case for each in held],
        fix=best,
        fixes=helped[best] if best is not None else [],
    )


def _family(name: str) -> str:
    """Return a fix without the versions that differ between releases."""
    return re.sub(r"(?<=[\w\]])(?:==|~=|>=|<=|<|>)[\w.*]+", "", name)


def work(name: str) -> tuple[int, int]:
    """Return a key that sorts the fix with the least work first: few steps, and none that installs."""
    steps = [step.partition(" ")[0] for step in name.split(" with ")]
    return len(steps), max(_WORK.index(kind) if kind in _WORK else len(_WORK) for kind in steps)
