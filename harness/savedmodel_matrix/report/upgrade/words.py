"""One model's answer in a sentence or two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.questions.standing import Answer
from savedmodel_matrix.report.upgrade.document import How

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.report.upgrade.document import BreakRow, ModelRow, ReleaseRow

_FAILS = {
    Outcome.INSTALL_FAILED: "cannot be installed",
    Outcome.IMPORT_FAILED: "cannot import TensorFlow",
    Outcome.LOAD_FAILED: "cannot be loaded",
    Outcome.RUN_FAILED: "cannot be run",
    Outcome.CRASHED: "crashes",
    Outcome.TIMED_OUT: "takes too long",
}


def model_says(row: ModelRow, releases: Sequence[ReleaseRow]) -> str:
    """Return how far a model goes, what stops it there, and what fixes it."""
    last = releases[-1].tensorflow
    if row.furthest is None:
        return f"does not run in {releases[0].tensorflow}, so there is nothing to compare with: {_why(row)}"
    if row.furthest == last:
        return f"agrees in every release up to {last}"
    return ". ".join([f"agrees up to {row.furthest}", *(_stop(row, each) for each in row.breaks)])


def _stop(row: ModelRow, found: BreakRow) -> str:
    where = f"in {found.at}" if found.exact else f"in {found.at} (or after {found.before})"
    if found.answer is Answer.AGREES:
        return f"It agrees again {where}"
    if found.answer is Answer.UNPROVEN:
        return f"Nothing can be compared {where}"
    if found.answer is Answer.DIFFERS:
        text = f"It differs {where}{_ratio(row, found)}"
    else:
        step = next(each for each in row.steps if each.tensorflow == found.at)
        text = f"It {_FAILS.get(step.outcome or Outcome.CRASHED, 'does not run')} {where}: "
        text += found.title or found.reason or "the cause is unknown"
    if found.fixes:
        text += f"; fixed there by {found.fixes[0].name} ({found.fixes[0].says})"
    return text


def _ratio(row: ModelRow, found: BreakRow) -> str:
    step = next(each for each in row.steps if each.tensorflow == found.at)
    if step.noise_ratio is None:
        return f" ({step.verdict})"
    return f" by {step.noise_ratio:.2g} times the noise ({step.verdict})"


def _why(row: ModelRow) -> str:
    step = row.steps[0]
    return str(step.outcome) if step.how is How.MEASURED else "it was not measured"
