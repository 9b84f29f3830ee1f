"""Questions: what to measure next, given the evidence, until there is an answer. One module each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.questions.check_fixes import CheckFixesQuestion
from savedmodel_matrix.questions.distributions import DistributionsQuestion
from savedmodel_matrix.questions.elsewhere import ElsewhereQuestion
from savedmodel_matrix.questions.fixes import FixesQuestion
from savedmodel_matrix.questions.matrix import MatrixQuestion
from savedmodel_matrix.questions.outside import OutsideQuestion
from savedmodel_matrix.questions.swapped_inputs import SwappedInputsQuestion

if TYPE_CHECKING:
    from savedmodel_matrix.questions.interface import Question

#: Every question of a run, in the order in which they are asked. A test checks each against the interface.
QUESTIONS: tuple[Question, ...] = (
    MatrixQuestion(),
    SwappedInputsQuestion(),
    ElsewhereQuestion(),
    DistributionsQuestion(),
    OutsideQuestion(),
    FixesQuestion(),
    CheckFixesQuestion(),
)


def question_named(name: str) -> Question:
    """Return the question with this name."""
    return next(question for question in QUESTIONS if question.name == name)
