"""A first matrix, written from what a model's files say."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from savedmodel_matrix.commands.toml_text import inline, quoted
from savedmodel_matrix.domain.check import Check
from savedmodel_matrix.domain.errors import NoSignatureError, UsageError
from savedmodel_matrix.domain.input_sources import GenerateSource
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.domain.wording import first_lines, shortened
from savedmodel_matrix.models.inputs.suggest import suggest_inputs
from savedmodel_matrix.models.inputs.wanted import described
from savedmodel_matrix.models.inputs.warmup import WARMUP_FILE
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.functions import FUNCTION
from savedmodel_matrix.models.savedmodel.input_wants import wants_of
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.models.savedmodel.signature_graph import FittingShapes, as_taken
from savedmodel_matrix.planning.first_cases import case_name, loader_for, main_graph, releases_from
from savedmodel_matrix.planning.load import load_definition
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel.facts import ModelFacts
    from savedmodel_matrix.models.savedmodel.functions import Function, Trace
    from savedmodel_matrix.models.savedmodel.reader import Signature
    from savedmodel_matrix.models.savedmodel.wants import Want
    from savedmodel_matrix.planning.workspace import Workspace

NOXFILE = '''"""Sessions over the matrices of this repository: `nox -s matrix`."""

from savedmodel_matrix import register

register(__file__)
'''

#: What runs create in a project: recordings and reports, and nox's environments.
_IGNORED = ("results/", ".nox/")
#: Functions that a first matrix runs, and calls of each that it mentions.
_MOST_FUNCTIONS = 8
_MOST_CALLS = 8
_LONGEST_CALL = 500
#: The loaders of signatures, the default one first.
_CHEAP_CHECKS = (Check.REPEAT, Check.CONCURRENT)


def write_matrix(project: Workspace, model: Path, name: str) -> list[str]:
    """Write ``matrices/NAME.toml`` for a SavedModel, a noxfile if there is none, and ``.gitignore`` entries.

    Returns one line for each step.

    Raises:
        UnreadableModelError: if the folder holds no readable SavedModel.
        NoSignatureError: if it has neither a signature nor a function to run.
        UsageError: if the matrix already exists; nothing is overwritten.
    """
    path = project.root / "matrices" / f"{name}.toml"
    if path.exists():
        raise UsageError(f"{path} already exists; choose another name with --name")
    folder = model.resolve()
    facts = read_facts(folder)
    write_text(path, _definition(project, folder, facts))
    definition = load_definition(path)  # it must pass the checks that a user's own definition must pass
    lines = [f"wrote {path}"]
    noxfile = project.root / "noxfile.py"
    if not noxfile.exists():
        write_text(noxfile, NOXFILE)
        lines.append(f"wrote {noxfile}")
    lines += _ignore(project.root / ".gitignore")
    session = "matrix" if name == "default" else f"matrix-{name}"
    lines.append(f"check the matrix, then run: nox -s {session}")
    if any(isinstance(each, GenerateSource) for case in definition.cases.values() for each in case.inputs):
        lines.append(f"inputs that are measured to notice more: savedmodel-matrix inputs {model}")
    return lines


def _ignore(path: Path) -> list[str]:
    """Have git ignore what runs leave, in addition to what it already ignores; return what was done."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    known = {line.strip().strip("/") for line in text.splitlines()}
    missing = [entry for entry in _IGNORED if entry.strip("/") not in known]
    if not missing:
        return []
    start = text if not text or text.endswith("\n") else f"{text}\n"
    write_text(path, start + "".join(f"{entry}\n" for entry in missing))
    return [f"added {' and '.join(missing)} to {path}"]


def _definition(project: Workspace, folder: Path, facts: ModelFacts) -> str:
    graph, chosen = main_graph(facts.meta_graphs), len(facts.meta_graphs) > 1
    minors, remark = releases_from(project.releases, graph.tensorflow_version)
    inside = folder.is_relative_to(project.root)
    path = folder.relative_to(project.root).as_posix() if inside else str(folder)
    wrote = visible(graph.tensorflow_version)
    parts = [
        f"# Written by `savedmodel-matrix init` for a model of TensorFlow {wrote}.",
        f"# {remark}",
        f'baseline = "tf{project.releases.resolve(minors[0])}-*"',
        "",
        "[[environments]]",
        f"tensorflow = {json.dumps(minors)}",
        "",
        "[settings.default]",
        "",
        "[settings.onednn-off]",
        'variables = { TF_ENABLE_ONEDNN_OPTS = "0" }',
    ]
    baseline = project.releases.resolve(minors[0])
    loader = loader_for(facts, baseline) if graph.signatures else None
    names: set[str] = set()
    cases: list[Iterator[str]] = []
    for signature_name, signature in graph.signatures.items():
        case = case_name(folder.name, signature_name, names)
        entry = () if signature_name == "serving_default" else (f"signature = {quoted(signature_name)}",)
        wants, fitting = wants_of(folder, signature_name), FittingShapes(folder, signature_name)
        taken = as_taken(folder, signature_name, signature)
        cases.append(_case(case, path, folder, entry, taken, wants, fitting))
    functions = [] if graph.signatures else _callable(graph.functions.functions)
    for function, trace in functions:
        case = case_name(folder.name, "serving_default" if len(functions) == 1 else function.name, names)
        cases.append(_case(case, path, folder, _function(function, trace), trace.signature, {}, None))
    for lines in cases:
        parts += ["", *lines]
        if loader not in {None, Loader.SAVED_MODEL}:
            parts.append(f"loader = {quoted(loader)}  # the default one should fail with {baseline}")
        if chosen or "serve" not in graph.tags:
            parts.append(f"tags = {inline(list(graph.tags))}")
    if not cases:
        raise NoSignatureError(f"{folder}: the model has neither a signature nor a function that can be run")
    return "\n".join(parts) + "\n"


def _callable(functions: Iterable[Function]) -> list[tuple[Function, Trace]]:
    """Return the functions nearest to the root that can be called, each with the call to make."""
    found = [(each, traces[0]) for each in functions if (traces := each.for_values({}))]
    nearest = min((each.name.count(".") for each, _ in found), default=0)
    return [(each, trace) for each, trace in found if each.name.count(".") == nearest][:_MOST_FUNCTIONS]


def _function(function: Function, trace: Trace) -> Iterator[str]:
    """Yield the keys that name the function and its Python values, and the other calls as comments."""
    yield f"function = {quoted(function.name)}"
    # TOML has no None: such an argument is left to its default.
    values = {
        name: value
        for name, value in trace.call.values().items()
        if value is not None and re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
    }
    if values:
        yield f"arguments = {inline(values)}"
    others = [str(each) for each in function.traces if each.concrete != trace.concrete]
    for other in first_lines(others, _MOST_CALLS):
        yield f"# It can also be called as {visible(shortened(other, _LONGEST_CALL))}"


def _case(
    case: str,
    path: str,
    folder: Path,
    entry: Iterable[str],
    signature: Signature,
    wants: Mapping[str, Want],
    fitting: FittingShapes | None,
) -> Iterator[str]:
    for input_name, spec in signature.inputs.items():
        yield f"# {quoted(input_name)}: {visible(str(spec))}"
    yield f"[cases.{quoted(case)}]"
    yield f"path = {quoted(path)}"
    yield from entry
    others = ", ".join(json.dumps(check.value) for check in Check if check not in _CHEAP_CHECKS)
    cheap = ", ".join(json.dumps(check.value) for check in _CHEAP_CHECKS)
    yield f"checks = [{cheap}]  # these are cheap; others: {others}"
    if signature.method != FUNCTION and os.path.exists(folder / WARMUP_FILE):  # noqa: PTH110 - a path of the model, as the reader has it
        yield "inputs = [{ warmup = 100 }]  # the warm-up requests saved with the model"
        return
    formed = {name: each for name, each in wants.items() if each.form is not None}
    for name, want in formed.items():
        yield f"# {quoted(name)} must hold {visible(shortened(described(want), _LONGEST_CALL))}."
    if any(spec.dtype == "string" and name not in formed for name, spec in signature.inputs.items()):
        yield "# Strings are words: of a table that the model looks them up in, or else random ones."
    if any(spec.kind is Kind.OTHER for spec in signature.inputs.values()):
        yield "# An input is neither a tensor nor a sparse or ragged one, and cannot be given."
    guess = suggest_inputs(signature, fitting, wants).generate.model_dump(mode="json", exclude_defaults=True)
    yield f"inputs = [{{ generate = {inline(guess)} }}]"
