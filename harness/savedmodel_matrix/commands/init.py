"""A first matrix, written from what a model's files say."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.check import Check
from savedmodel_matrix.domain.errors import NoSignatureError, UsageError
from savedmodel_matrix.domain.visible import visible
from savedmodel_matrix.models.inputs.suggest import suggest_inputs
from savedmodel_matrix.models.inputs.warmup import WARMUP_FILE
from savedmodel_matrix.models.savedmodel.reader import read_model
from savedmodel_matrix.planning.load import load_definition
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.knowledge.releases import ReleaseTable
    from savedmodel_matrix.models.savedmodel.reader import MetaGraph, Signature
    from savedmodel_matrix.planning.workspace import Workspace

NOXFILE = '''"""Sessions over the matrices of this repository: `nox -s matrix`."""

from savedmodel_matrix import register

register(__file__)
'''

#: What runs create in a project: recordings and reports, and nox's environments.
_IGNORED = ("results/", ".nox/")
_CHEAP_CHECKS = (Check.REPEAT, Check.CONCURRENT)


def write_matrix(project: Workspace, model: Path, name: str) -> list[str]:
    """Write ``matrices/NAME.toml`` for a SavedModel, a noxfile if there is none, and ``.gitignore`` entries.

    Returns one line for each step.

    Raises:
        UnreadableModelError: if the folder holds no readable SavedModel.
        NoSignatureError: if it has no signature to run.
        UsageError: if the matrix already exists; nothing is overwritten.
    """
    path = project.root / "matrices" / f"{name}.toml"
    if path.exists():
        raise UsageError(f"{path} already exists; choose another name with --name")
    folder = model.resolve()
    graphs = read_model(folder).meta_graphs
    graph = _main_graph(graphs)
    write_text(path, _definition(project, folder, graph, chosen=len(graphs) > 1))
    load_definition(path)  # it must pass the checks that a user's own definition must pass
    lines = [f"wrote {path}"]
    noxfile = project.root / "noxfile.py"
    if not noxfile.exists():
        write_text(noxfile, NOXFILE)
        lines.append(f"wrote {noxfile}")
    lines += _ignore(project.root / ".gitignore")
    session = "matrix" if name == "default" else f"matrix-{name}"
    return [*lines, f"check the matrix, then run: nox -s {session}"]


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


def _main_graph(graphs: tuple[MetaGraph, ...]) -> MetaGraph:
    serving = [graph for graph in graphs if "serve" in graph.tags]
    return next((graph for graph in serving if graph.tags == ("serve",)), (serving or graphs)[0])


def _definition(project: Workspace, folder: Path, graph: MetaGraph, *, chosen: bool) -> str:
    minors, remark = _releases(project.releases, graph.tensorflow_version)
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
    names: set[str] = set()
    for signature_name, signature in graph.signatures.items():
        case = _case_name(folder.name, signature_name, names)
        parts += ["", *_case(case, path, folder, signature_name, signature)]
        if chosen or "serve" not in graph.tags:
            parts.append(f"tags = {_inline(list(graph.tags))}")
    if not graph.signatures:
        raise NoSignatureError(
            f"{folder}: the model has no signature to run; write a matrix whose case names a function"
        )
    return "\n".join(parts) + "\n"


def _releases(releases: ReleaseTable, producer: str) -> tuple[list[str], str]:
    """Return the minor releases to run, the producer's first, and a comment on the choice."""
    known = [".".join(version.split(".")[:2]) for version in releases.minor_releases()]
    found = re.match(r"(\d+)\.(\d+)", producer)
    minor = f"{int(found[1])}.{int(found[2])}" if found else ""
    if minor in known:
        return known[
            known.index(minor) :
        ], "The baseline is that release; the other environments are all newer minor releases."
    return known, f"That release is not a known one; the baseline is the oldest known release, {known[0]}."


def _case_name(folder: str, signature: str, taken: set[str]) -> str:
    """Return a name that a definition accepts: folder and signature names may contain anything."""
    wanted = folder if signature == "serving_default" else f"{folder}-{signature}"
    base = re.sub(r"[^A-Za-z0-9._-]+", "_", wanted).lstrip("._-") or "model"
    name = base
    while name in taken:
        name = f"{base}-{len(taken)}"
    taken.add(name)
    return name


def _case(case: str, path: str, folder: Path, name: str, signature: Signature) -> Iterator[str]:
    for input_name, spec in signature.inputs.items():
        yield f"# {_quoted(input_name)}: {visible(str(spec))}"
    yield f"[cases.{_quoted(case)}]"
    yield f"path = {_quoted(path)}"
    if name != "serving_default":
        yield f"signature = {_quoted(name)}"
    others = ", ".join(json.dumps(check.value) for check in Check if check not in _CHEAP_CHECKS)
    cheap = ", ".join(json.dumps(check.value) for check in _CHEAP_CHECKS)
    yield f"checks = [{cheap}]  # these are cheap; others: {others}"
    if os.path.exists(folder / WARMUP_FILE):  # noqa: PTH110 - a path of the model, as the reader has it
        yield "inputs = [{ warmup = 100 }]  # the warm-up requests saved with the model"
        return
    if any(spec.dtype == "string" for spec in signature.inputs.values()):
        yield "# Strings are random words. If the model needs serialized tf.Example, give a file instead."
    guess = suggest_inputs(signature).generate.model_dump(mode="json", exclude_defaults=True)
    yield f"inputs = [{{ generate = {_inline(guess)} }}]"


def _inline(value: object) -> str:
    """Return a JSON-like value as TOML on one line."""
    if isinstance(value, dict):
        items = ", ".join(f"{_quoted(key)} = {_inline(item)}" for key, item in value.items())
        return f"{{ {items} }}" if items else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_inline(item) for item in value)}]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """Return a TOML string; a name in a model may hold anything."""
    return f'"{"".join(map(_character, text))}"'


def _character(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
