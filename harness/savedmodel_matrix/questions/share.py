"""One environment's share of a round that follows the matrix round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.environments.state import read_state, write_state
from savedmodel_matrix.execution.run_environment import run_environment

if TYPE_CHECKING:
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.execution.progress import Progress
    from savedmodel_matrix.questions.interface import Asked


def run_share(asked: Asked, plan: Plan, environment: Environment, venv: Path, say: Progress) -> None:
    """Run what is pending of a plan in one environment.

    The environment's state keeps the count of what the matrix round ran there.
    """
    results = asked.project.results
    before = read_state(results, environment.id)
    run_environment(asked.project, environment, [plan], Selection(), asked.run, venv, say)
    after = read_state(results, environment.id)
    if before is not None and after is not None:
        write_state(results, after.model_copy(update={"run": before.run, "executed": before.executed}))
