"""What a first definition for a model needs: its main graph, the releases to run, and names of its cases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.models.preflight.predict import predict
from savedmodel_matrix.models.preflight.prediction import Kind, Target

if TYPE_CHECKING:
    from savedmodel_matrix.knowledge.releases import ReleaseTable
    from savedmodel_matrix.models.savedmodel.facts import MetaGraphFacts, ModelFacts

#: In the order in which they are tried.
_LOADERS = (Loader.SAVED_MODEL, Loader.V1_SESSION)


def main_graph(graphs: tuple[MetaGraphFacts, ...]) -> MetaGraphFacts:
    """Return the graph whose signatures become cases: that with the tag ``serve`` alone, if there is one."""
    serving = [graph for graph in graphs if "serve" in graph.tags]
    return next((graph for graph in serving if graph.tags == ("serve",)), (serving or graphs)[0])


def releases_from(releases: ReleaseTable, producer: str) -> tuple[list[str], str]:
    """Return the minor releases to run, the producer's first, and a comment on the choice."""
    known = [".".join(version.split(".")[:2]) for version in releases.minor_releases()]
    found = re.match(r"(\d+)\.(\d+)", producer)
    minor = f"{int(found[1])}.{int(found[2])}" if found else ""
    if minor in known:
        return known[
            known.index(minor) :
        ], "The baseline is that release; the other environments are all newer minor releases."
    return known, f"That release is not a known one; the baseline is the oldest known release, {known[0]}."


def case_name(folder: str, signature: str, taken: set[str]) -> str:
    """Return a name that a definition accepts: folder and signature names may contain anything."""
    wanted = folder if signature == "serving_default" else f"{folder}-{signature}"
    base = re.sub(r"[^A-Za-z0-9._-]+", "_", wanted).lstrip("._-") or "model"
    name = base
    while name in taken:
        name = f"{base}-{len(taken)}"
    taken.add(name)
    return name


def loader_for(facts: ModelFacts, release: str) -> Loader | None:
    """Return the first loader that should load the model's signatures in a release; None if none should."""
    loads = (each for each in _LOADERS if predict(facts, Target(release, {}, each)).kind is Kind.LOADS)
    return next(loads, None)
