"""Questions: what to measure next, given the evidence, until there is an answer. One module each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.questions.bisect import BisectQuestion, BoundaryQuestion
from savedmodel_matrix.questions.check_fixes import CheckFixesQuestion
from savedmodel_matrix.questions.distributions import DistributionsQuestion
from savedmodel_matrix.questions.elsewhere import ElsewhereQuestion
from savedmodel_matrix.questions.fixes import FixesQuestion
from savedmodel_matrix.questions.matrix import MatrixQuestion
from savedmodel_matrix.questions.outside import OutsideQuestion
from savedmodel_matrix.questions.swapped_inputs import SwappedInputsQuestion
from savedmodel_matrix.questions.upgrade import UpgradeQuestion

if TYPE_CHECKING:
    from savedmodel_matrix.questions.interface import Question

#: The questions of a run of a matrix, in the order in which they are asked.
OF_MATRIX: tuple[Question, ...] = (
    MatrixQuestion(),
    SwappedInputsQuestion(),
    ElsewhereQuestion(),
    DistributionsQuestion(),
    OutsideQuestion(),
    FixesQuestion(),
    CheckFixesQuestion(),
)
#: The questions of the plan of an upgrade.
OF_UPGRADE: tuple[Question, ...] = (UpgradeQuestion(), FixesQuestion())
#: The questions of a bisection; fixes are asked for if a person wants them.
OF_BISECTION: tuple[Question, ...] = (BisectQuestion(), BoundaryQuestion(), FixesQuestion())
#: Every question. A test checks each against the interface.
QUESTIONS: tuple[Question, ...] = tuple(
    {each.name: each for each in (*OF_MATRIX, *OF_UPGRADE, *OF_BISECTION)}.values()
)


def question_named(name: str) -> Question:
    """Return the question with this name."""
    return next(question for question in QUESTIONS if question.name == name)
