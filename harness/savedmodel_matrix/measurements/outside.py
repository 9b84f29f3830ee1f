"""A model that reads files outside itself: run as where they are missing, and with them among its assets."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.probe_request import Measure
from savedmodel_matrix.measurements.of_model import ModelMeasurement
from savedmodel_matrix.planning.predictions import facts_of
from savedmodel_matrix.store.atomic import json_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.probe_request import CaseRequest
    from savedmodel_matrix.domain.ready_case import ReadyCase
    from savedmodel_matrix.measurements.interface import Site
    from savedmodel_matrix.models.savedmodel.facts import ModelFacts
    from savedmodel_matrix.planning.workspace import Workspace

#: The variants.
HIDDEN, SELF_CONTAINED = "hidden", "self-contained"


class OutsideMeasurement(ModelMeasurement):
    """Runs a changed copy of the model, once; ``job.variant`` says which."""

    name = "outside"

    def jobs(self, plan: Plan, environment: str | None = None) -> Iterator[Job]:  # noqa: ARG002 - asks nothing
        """Yield nothing: a question adds the jobs for models that read files outside themselves."""
        yield from ()

    def measure(self, plan: Plan, job: Job) -> Measure:  # noqa: ARG002 - the form of every kind
        """Return what determines the key; ``ask`` adds what follows from the model."""
        return Measure(kind="outside", parameters={"what": job.variant})

    def ask(self, site: Site, job: Job, key: str) -> CaseRequest:
        """Return the request, with the places of the paths in the graph, and the folder to save to."""
        asked = super().ask(site, job, key)
        saves = job.variant == SELF_CONTAINED
        parameters: dict[str, Any] = {
            "what": job.variant,
            "save_to": str(self_contained_folder(site.project, site.plan, site.ready)) if saves else None,
            "paths": paths_in_graph(facts_of(site.project, site.ready)),
        }
        return asked.model_copy(update={"measure": Measure(kind="outside", parameters=parameters), "runs": 1})


def self_contained_folder(project: Workspace, plan: Plan, ready: ReadyCase) -> Path:
    """Return the folder of a model with the files that it reads among its assets."""
    files = [[each.path, each.digest] for each in ready.outside]
    made_from = {"model": ready.model_digest, "environment": plan.baseline.environment, "outside": files}
    return project.results.re_exports / json_digest(made_from) / "model"


def paths_in_graph(facts: ModelFacts | None) -> list[dict[str, Any]]:
    """Return each path with the places of its constants in the meta graphs, as the probe reads them."""
    found: dict[str, list[dict[str, Any]]] = {}
    for number, graph in enumerate(facts.meta_graphs if facts else ()):
        for each in graph.graph.outside:
            places = found.setdefault(each.path, [])
            places += [{"graph": number, **asdict(constant)} for constant in each.constants]
    return [{"path": path, "constants": constants} for path, constants in found.items()]
