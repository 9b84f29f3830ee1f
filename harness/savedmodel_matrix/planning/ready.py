"""Prepared cases: the model in place, and the inputs created once, as batches of array entries."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from savedmodel_matrix.domain.arrays import InputPart
from savedmodel_matrix.domain.errors import InputsError, UnreadableModelError
from savedmodel_matrix.domain.input_sources import source_files
from savedmodel_matrix.domain.ready_case import CASE_FORMAT, Archive, ExpectedInput, ReadyCase, ReadyStage
from savedmodel_matrix.models.savedmodel.digest import code_digest, model_digest
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.reader import Kind, read_model
from savedmodel_matrix.planning.outside import are_the_same, outside_files
from savedmodel_matrix.planning.stage_script import stage_needs
from savedmodel_matrix.store.atomic import json_digest, read_stored, write_stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from savedmodel_matrix.domain.arrays import Batch
    from savedmodel_matrix.domain.definition import CaseDefinition
    from savedmodel_matrix.domain.errors import HarnessError
    from savedmodel_matrix.domain.input_sources import InputSource
    from savedmodel_matrix.domain.ready_case import OutsideFile
    from savedmodel_matrix.domain.stage import StageDefinition
    from savedmodel_matrix.models.savedmodel.reader import ModelSummary, Signature
    from savedmodel_matrix.planning.workspace import Workspace


def find_ready(project: Workspace, case: CaseDefinition) -> ReadyCase | None:
    """Return the case as prepared earlier, or None if it was not prepared or is out of date."""
    try:
        definition = _definition_digest(project, case)
    except UnreadableModelError:
        return None
    ready = read_stored(project.results.case_path(definition), ReadyCase)
    if ready is None or ready.definition != definition or not _is_the_same_model(project, ready):
        return None
    if not are_the_same(project, ready.outside):
        return None
    return ready if all(map(project.results.has_array, ready.arrays())) else None


def _is_the_same_model(project: Workspace, ready: ReadyCase) -> bool:
    """Whether the model is what it was when the case was made ready; unchanged files are not read again."""
    try:
        return model_digest(Path(_absolute(project, ready.model)), project.digests) == ready.model_digest
    except UnreadableModelError:
        return False


def make_ready(project: Workspace, case: CaseDefinition) -> ReadyCase:
    """Return the prepared case; fetch its package and create its inputs if necessary.

    Raises:
        PackageError: if the package cannot be downloaded or opened.
        UnreadableModelError: if the model's path is not a folder with files.
    """
    if (ready := find_ready(project, case)) is not None:
        return ready
    project.results.root.mkdir(parents=True, exist_ok=True)
    # Environments run in parallel and need the same cases: one prepares them, the others wait.
    with FileLock(project.results.root / "cases.lock"):
        if (ready := find_ready(project, case)) is not None:
            return ready
        model, archive = _place(project, case)
        # Computed before the inputs are read, so that a change in between makes the case out of date.
        definition = _definition_digest(project, case)
        digest = model_digest(model, project.digests)
        code = _code(project, case)
        stages = {name: _stage(project, stage, model) for name, stage in case.stages.items()}
        batches, problem = _inputs(project, case, case.inputs, model, for_stage=case.serving is not None)
        ready = ReadyCase(
            definition=definition,
            model=_relative(project, model),
            model_digest=digest,
            batches=batches,
            inputs_digest=batches_digest(batches) if batches is not None else json_digest(problem),
            inputs_problem=problem,
            archive=archive,
            code=code,
            stages=stages,
            expects=_expects(case, model) if case.serving else None,
            outside=_outside(project, model),
        )
        write_stored(project.results.case_path(definition), ready)
        return ready


def batches_digest(batches: Iterable[Batch]) -> str:
    """Return the digest of inputs: of their names and contents, regardless of their source."""
    return json_digest([[part.model_dump(mode="json") for part in batch] for batch in batches])


def reason_of(project: Workspace, error: HarnessError) -> str:
    """Return an error's message on one line, with paths inside the project relative to it."""
    return "; ".join(str(error).replace(str(project.root) + os.sep, "").splitlines())


def model_folder(project: Workspace, ready: ReadyCase) -> str:
    """Return the absolute path of a ready case's SavedModel on this machine."""
    return _absolute(project, ready.model)


def _definition_digest(project: Workspace, case: CaseDefinition) -> str:
    """Return a digest of the definition and of every local file that it names.

    A file that cannot be read counts as None: the case is prepared again once it can be.

    Raises:
        UnreadableModelError: if the model's path is not a folder with files.
    """
    local = None if case.package else model_digest(project.root / case.path, project.digests)
    sources = [*case.inputs, *(source for stage in case.stages.values() for source in stage.inputs)]
    files = {
        os.path.relpath(path, project.root): _file_digest(project, path.resolve())
        for source in sources
        for path in source_files(source, project.root)
    }
    code = _code(project, case)
    project.digests.save()
    made_from = case.model_dump(
        mode="json", include={"path", "package", "signature", "function", "tags", "inputs"}
    )
    made = {"format": CASE_FORMAT, "case": made_from, "model": local, "files": files}
    if case.stages:
        stages = {name: each.model_dump(mode="json") for name, each in case.stages.items()}
        made["stages"] = [
            [name, each, _code_of(project, case.stages[name].code)] for name, each in stages.items()
        ]
    return json_digest({**made, "code": code} if code else made)


def _code(project: Workspace, case: CaseDefinition) -> dict[str, str | None]:
    """Return the digest of each of the case's modules and libraries, as the probe will find them."""
    return _code_of(project, case.modules + case.libraries)


def _code_of(project: Workspace, paths: Iterable[str]) -> dict[str, str | None]:
    return {path: code_digest(project.root / path, project.digests) for path in paths}


def _stage(project: Workspace, stage: StageDefinition, model: Path) -> ReadyStage:
    """Return a stage with its dependencies, and with its own inputs, if any."""
    batches, problem = None, None
    if stage.inputs:
        batches, problem = _made(project, stage.inputs, None, model, "")
    digest = None
    if stage.inputs:
        digest = batches_digest(batches) if batches is not None else json_digest(problem)
    return ReadyStage(
        code=_code_of(project, stage.code),
        needs=stage_needs(project.root, stage),
        batches=batches,
        inputs_digest=digest,
        inputs_problem=problem,
    )


def _file_digest(project: Workspace, file: Path) -> str | None:
    try:
        return project.digests.digest(file)
    except OSError:
        return None


def _place(project: Workspace, case: CaseDefinition) -> tuple[Path, Archive | None]:
    if case.package is None:
        return project.root / case.path, None
    # Imported here: only a case that is not prepared yet needs the index.
    from savedmodel_matrix.models.packages.fetch import fetch_package  # noqa: PLC0415

    fetched = fetch_package(case.package, case.path, project.results.packages, project.digests)
    return fetched.path, Archive(name=fetched.archive_name, sha256=fetched.archive_sha256)


def _inputs(
    project: Workspace, case: CaseDefinition, sources: list[InputSource], model: Path, *, for_stage: bool
) -> tuple[tuple[Batch, ...] | None, str | None]:
    try:
        # No signature declares a stage's inputs.
        signature = None if for_stage else _signature(case, model)
    except (InputsError, UnreadableModelError) as error:
        return None, reason_of(project, error)
    return _made(project, sources, signature, model, case.signature)


def _made(
    project: Workspace,
    sources: list[InputSource],
    signature: Signature | None,
    model: Path,
    signature_name: str,
) -> tuple[tuple[Batch, ...] | None, str | None]:
    from savedmodel_matrix.models.inputs.make import make_batches  # noqa: PLC0415 - as above

    try:
        batches = make_batches(
            sources,
            signature,
            model,
            project.results.objects,
            signature_name=signature_name,
            base_dir=project.root,
        )
    except (InputsError, UnreadableModelError) as error:
        return None, reason_of(project, error)
    return tuple(tuple(InputPart.model_validate(part) for part in batch) for batch in batches), None


def _outside(project: Workspace, model: Path) -> tuple[OutsideFile, ...]:
    """Return the files outside a model that it reads; none are known if its graph cannot be read."""
    try:
        return outside_files(project, read_facts(model))
    except UnreadableModelError:
        return ()


def _expects(case: CaseDefinition, model: Path) -> dict[str, ExpectedInput] | None:
    """Return what the signature declares about its inputs; None if unknown: running the model decides."""
    try:
        signature = _signature(case, model)
    except (InputsError, UnreadableModelError):
        return None
    if signature is None:
        return None
    return {
        name: ExpectedInput(
            dtype=spec.dtype if spec.kind is Kind.DENSE and not spec.reference else None,
            shape=tuple(spec.shape) if spec.kind is Kind.DENSE and spec.shape is not None else None,
            optional=name in signature.defaults,
        )
        for name, spec in signature.inputs.items()
    }


def _signature(case: CaseDefinition, model: Path) -> Signature | None:
    """Return the declared signature; None if the case calls a function, which declares nothing.

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


def _relative(project: Workspace, path: Path) -> str:
    """Return a path inside the project relative to it, so that a copied ``results/`` still works."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - links stay links
    inside = absolute.startswith(str(project.root) + os.sep)
    return os.path.relpath(absolute, project.root) if inside else absolute


def _absolute(project: Workspace, path: str) -> str:
    return os.path.join(project.root, path)  # noqa: PTH118 - join keeps an absolute second part
