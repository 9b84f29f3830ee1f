"""The input of a rule: a model and a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.knowledge.ops import Knowledge, order

if TYPE_CHECKING:
    from collections.abc import Iterator

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
