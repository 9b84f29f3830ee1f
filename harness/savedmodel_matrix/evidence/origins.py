"""What in a case's model makes its outputs random, or different in every run."""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.models.savedmodel.randomness import Kind
from savedmodel_matrix.models.savedmodel.sources import read_sources, read_traits
from savedmodel_matrix.planning.ready import model_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from savedmodel_matrix.domain.definition import CaseDefinition
    from savedmodel_matrix.domain.trait import Trait
    from savedmodel_matrix.models.savedmodel.randomness import Source
    from savedmodel_matrix.models.savedmodel.sources import GraphSources, GraphTraits
    from savedmodel_matrix.planning.workspace import Workspace

_G = TypeVar("_G", "GraphSources", "GraphTraits")
#: Ops named per output: a network may have a dropout in every layer.
_MOST_NAMED = 3
_ADDS = {
    Kind.SEEDED: "from a fixed seed: the first run of every process draws the same",
    Kind.GENERATOR: "from a state in the model: the first run of every process draws the same",
}
#: What every process begins with in the same state.
_RESTARTS = frozenset({Kind.SEEDED, Kind.GENERATOR, Kind.STATE})


class Origin:
    """The sources that reach each output of a case, read lazily."""

    def __init__(self, project: Workspace, case: CaseDefinition, ready: ReadyCase | str | None) -> None:
        self._project, self._case, self._ready = project, case, ready

    @cached_property
    def sources(self) -> Mapping[str, tuple[Source, ...]] | None:
        """The sources that reach each output, by name; None if they cannot be determined."""
        graph = self._graph(_sources)
        return None if graph is None else graph.signatures.get(self._case.signature)

    @property
    def is_known(self) -> bool:
        """Whether the graph tells what reaches each output."""
        return self.sources is not None

    @cached_property
    def traits(self) -> Mapping[str, tuple[Trait, ...]] | None:
        """What a check of session behaviour may see of each output, by name; None if that is not known."""
        graph = self._graph(_traits)
        return None if graph is None else graph.signatures.get(self._case.signature)

    def _graph(self, read: Callable[[str, str], Sequence[_G]]) -> _G | None:
        """Return what is read of the graph that the case loads; None if it cannot be read."""
        if not isinstance(self._ready, ReadyCase) or self._case.function is not None:
            return None
        try:
            graphs = read(model_folder(self._project, self._ready), self._ready.model_digest)
        except UnreadableModelError:
            return None
        tags = self._case.tags
        meant = [graph for graph in graphs if tags is None or set(graph.tags) == set(tags)]
        preferred = [graph for graph in meant if "serve" in graph.tags] or meant
        return preferred[0] if preferred else None

    @cached_property
    def moving(self) -> frozenset[str]:
        """The names of outputs that depend on something that may change in the next run."""
        found = self.sources or {}
        return frozenset(name for name, each in found.items() if any(source.kind.moves_on for source in each))

    @cached_property
    def restarting(self) -> frozenset[str]:
        """The names of moving outputs that begin the same in every process, as all that moves them does."""
        found = self.sources or {}
        return frozenset(
            name
            for name in self.moving
            if all(source.kind in _RESTARTS for source in found[name] if source.kind.moves_on)
        )

    @cached_property
    def drawing(self) -> frozenset[str]:
        """The names of outputs that an op reaches which draws from a seed of its process."""
        found = self.sources or {}
        return frozenset(
            name for name, each in found.items() if any(source.kind is Kind.RANDOM for source in each)
        )

    def because(self, output: str) -> str:
        """Return the sources that reach an output, as a suffix for a sentence; "" if nothing is known."""
        if self.sources is None or output not in self.sources:
            return ""
        found = [each for each in self.sources[output] if each.kind.moves_on]
        if not found:
            return "; no random op of its graph reaches it"
        said = [
            f"{each}{' reaches it' if each.changes is None else ''}"
            + (f", {_ADDS[each.kind]}" if each.kind in _ADDS else "")
            for each in found
        ]
        return f"; {listed(said, _MOST_NAMED, '; ')}"


@lru_cache(maxsize=256)
def _sources(folder: str, _digest: str) -> tuple[GraphSources, ...]:
    return read_sources(Path(folder))


@lru_cache(maxsize=256)
def _traits(folder: str, _digest: str) -> tuple[GraphTraits, ...]:
    return read_traits(Path(folder))
