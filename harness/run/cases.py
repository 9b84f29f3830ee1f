"""Cases made ready: the model in its place, and its inputs made once, as batches of array entries."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from filelock import FileLock

from harness.errors import InputsError, UnreadableModelError
from harness.model.sources import source_file
from harness.savedmodel.digest import code_digest, model_digest
from harness.savedmodel.reader import read_model
from harness.store.files import json_digest, read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from harness.errors import HarnessError
    from harness.inputs.make import Batch
    from harness.model.definition import CaseDefinition
    from harness.project import Project
    from harness.savedmodel.reader import ModelSummary, Signature

#: Raised when what is made from the same definition changes, so that cases are made anew.
CASE_FORMAT = 1


@dataclass(frozen=True)
class ReadyCase:
    """A case that can be handed to any environment.

    ``model`` is the SavedModel's folder. ``batches`` is None where the inputs could not be made,
    with ``inputs_problem`` saying why: the model is then still loaded everywhere, for its own answer.
    ``archive`` names the package's file and SHA-256 where the model came out of one. ``code`` holds the
    digests of the case's modules and libraries by path, None for what cannot be read.
    """

    model: str
    model_digest: str
    batches: list[Batch] | None
    inputs_digest: str
    inputs_problem: str | None
    archive: dict[str, str] | None
    code: dict[str, str | None] = field(default_factory=dict)


def find_ready(project: Project, case: CaseDefinition) -> ReadyCase | None:
    """Return the case as it was made ready before, or None where that was not, or is out of date."""
    try:
        path = project.results.case_path(_definition_digest(project, case))
    except UnreadableModelError:
        return None
    stored = read_json(path, CASE_FORMAT)
    if stored is None:
        return None
    ready = ReadyCase(**{key: value for key, value in stored.items() if key != "format"})
    parts = [part for batch in ready.batches or [] for part in batch]
    whole = os.path.isdir(_absolute(project, ready.model)) and all(  # noqa: PTH112 - a string here
        project.results.has_array(part["array"]) for part in parts
    )
    return ready if whole else None


def make_ready(project: Project, case: CaseDefinition) -> ReadyCase:
    """Return the case made ready, fetching its package and making its inputs where needed.

    Raises:
        PackageError: if the package cannot be had.
        UnreadableModelError: if there is no folder with files at the model's place.
    """
    if (ready := find_ready(project, case)) is not None:
        return ready
    project.results.root.mkdir(parents=True, exist_ok=True)
    # Environments run at the same time and need the same cases: one makes them, the others wait.
    with FileLock(project.results.root / "cases.lock"):
        if (ready := find_ready(project, case)) is not None:
            return ready
        model, archive = _place(project, case)
        # Taken before the inputs are read: what changes meanwhile must not pass for what was read.
        path = project.results.case_path(_definition_digest(project, case))
        digest = model_digest(model, project.digests)
        code = _code(project, case)
        batches, problem = _inputs(project, case, model)
        ready = ReadyCase(
            model=_relative(project, model),
            model_digest=digest,
            batches=batches,
            inputs_digest=json_digest(batches if batches is not None else problem),
            inputs_problem=problem,
            archive=archive,
            code=code,
        )
        write_json(path, {"format": CASE_FORMAT, **asdict(ready)})
        return ready


def reason_of(project: Project, error: HarnessError) -> str:
    """Return an error's text in one line, with places inside the project relative to it."""
    return "; ".join(str(error).replace(str(project.root) + os.sep, "").splitlines())


def model_folder(project: Project, ready: ReadyCase) -> str:
    """Return the absolute path of a ready case's SavedModel on this machine."""
    return _absolute(project, ready.model)


def _definition_digest(project: Project, case: CaseDefinition) -> str:
    """Return a digest of the definition and of every local file it names.

    A file that cannot be read counts as None: the case is made anew once it can be.

    Raises:
        UnreadableModelError: if there is no folder with files at the model's place.
    """
    local = None if case.package else model_digest(project.root / case.path, project.digests)
    files = {
        str(path): _file_digest(project, (project.root / path).resolve())
        for source in case.inputs
        if (path := source_file(source)) is not None
    }
    code = _code(project, case)
    project.digests.save()
    made_from = case.model_dump(
        mode="json", include={"path", "package", "signature", "function", "tags", "inputs"}
    )
    made = {"format": CASE_FORMAT, "case": made_from, "model": local, "files": files}
    return json_digest({**made, "code": code} if code else made)


def _code(project: Project, case: CaseDefinition) -> dict[str, str | None]:
    """Return the digest of each of the case's modules and libraries: of what the probe will find there."""
    return {path: code_digest(project.root / path, project.digests) for path in case.modules + case.libraries}


def _file_digest(project: Project, file: Path) -> str | None:
    try:
        return project.digests.digest(file)
    except OSError:
        return None


def _place(project: Project, case: CaseDefinition) -> tuple[Path, dict[str, str] | None]:
    if case.package is None:
        return project.root / case.path, None
    # Imported here: only a case that is not ready yet needs the index.
    from harness.packages.fetch import fetch_package  # noqa: PLC0415

    fetched = fetch_package(case.package, case.path, project.results.packages)
    return fetched.path, {"name": fetched.archive_name, "sha256": fetched.archive_sha256}


def _inputs(project: Project, case: CaseDefinition, model: Path) -> tuple[list[Batch] | None, str | None]:
    from harness.inputs.make import make_batches  # noqa: PLC0415 - as above

    try:
        signature = _signature(case, model)
        batches = make_batches(
            case.inputs,
            signature,
            model,
            project.results.objects,
            signature_name=case.signature,
            base_dir=project.root,
        )
    except (InputsError, UnreadableModelError) as error:
        return None, reason_of(project, error)
    return batches, None


def _signature(case: CaseDefinition, model: Path) -> Signature | None:
    """Return the declared signature; None where a function is called, which declares nothing.

    Raises:
        InputsError: if the model has no such signature.
        UnreadableModelError: if its protobuf cannot be read.
    """
    if case.function is not None:
        return None
    summary = read_model(model)
    signatures = _meta_graph_signatures(summary, case.tags)
    if case.signature not in signatures:
        raise InputsError(
            f"signature '{case.signature}' does not exist; the model has: {', '.join(signatures) or 'none'}"
        )
    return signatures[case.signature]


def _meta_graph_signatures(summary: ModelSummary, tags: list[str] | None) -> dict[str, Signature]:
    graphs = [graph for graph in summary.meta_graphs if tags is None or set(graph.tags) == set(tags)]
    preferred = [graph for graph in graphs if "serve" in graph.tags] or graphs
    return dict(preferred[0].signatures) if preferred else {}


def _relative(project: Project, path: Path) -> str:
    """Return a path inside the project relative to it, so that a copied ``results/`` still works."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - links stay links
    inside = absolute.startswith(str(project.root) + os.sep)
    return os.path.relpath(absolute, project.root) if inside else absolute


def _absolute(project: Project, path: str) -> str:
    return os.path.join(project.root, path)  # noqa: PTH118 - join keeps an absolute second part
