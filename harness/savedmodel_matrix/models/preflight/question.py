"""The input of a rule: a model and a target."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.knowledge.missing_ops import explain_op
from savedmodel_matrix.knowledge.ops import Knowledge, order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.knowledge.missing_ops import Answer
    from savedmodel_matrix.models.preflight.prediction import Target
    from savedmodel_matrix.models.savedmodel.facts import MetaGraphFacts, ModelFacts
    from savedmodel_matrix.models.savedmodel.graph import OpUse


@dataclass(frozen=True)
class Question:
    """A model, its graph that would be loaded, and a target; ``minor`` is the one whose facts apply."""

    model: ModelFacts
    graph: MetaGraphFacts
    target: Target
    minor: str
    known: Knowledge

    @property
    def release(self) -> tuple[int, ...]:
        """The minor, in a form that can be compared."""
        return order(self.minor)

    @property
    def as_objects(self) -> bool:
        """Whether the model is loaded from its object graph, which uses its functions and not its graph."""
        return self.target.loader is not Loader.V1_SESSION and self.model.has_objects

    def ops(self) -> Iterator[tuple[str, OpUse]]:
        """The ops that this way of loading uses."""
        for name, use in self.graph.graph.ops.items():
            if not self.as_objects or use.in_functions:
                yield name, use

    @cached_property
    def unregistered(self) -> list[tuple[Answer, list[str]]]:
        """The answers for all ops that TensorFlow itself does not register, each with its ops."""
        found: list[tuple[Answer, list[str]]] = []
        for name, _ in self.ops():
            if self.known.has_op(name, self.minor):
                continue
            answer = explain_op(self.known, name, self.minor, self.target.platform, self.target.packages)
            assert answer is not None, "it is missing, as has_op says"  # noqa: S101
            names = next((ops for each, ops in found if each == answer), None)
            if names is None:
                found.append((answer, [name]))
            else:
                names.append(name)
        return found
