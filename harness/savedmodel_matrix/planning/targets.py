"""What a person names on the command line: a SavedModel, a folder of them, or a matrix; and its cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.definition import CaseDefinition, SettingDefinition
from savedmodel_matrix.domain.errors import NoModelError, NoSignatureError, UsageError
from savedmodel_matrix.domain.input_sources import WarmupSource
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.models.inputs.suggest import suggest_inputs
from savedmodel_matrix.models.inputs.warmup import WARMUP_FILE
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.signature_graph import FittingShapes, as_taken
from savedmodel_matrix.planning.first_cases import case_name, loader_for, main_graph, releases_from
from savedmodel_matrix.planning.load import load_definition, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.planning.workspace import Workspace

_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
_DEPTH = 3  # models/NAME/VERSION, as TensorFlow Serving has them, in a folder
_MOST_NAMED = 5
_DEFAULT = "serving_default"


@dataclass(frozen=True)
class Target:
    """The cases of a target, and the environment and setting that they run in."""

    name: str
    """Fit for the name of a file."""
    cases: Mapping[str, CaseDefinition]
    setting: str
    options: SettingDefinition
    like: Environment | None
    """The baseline's environment of a matrix; None for models."""
    folders: tuple[Path, ...]
    """The folders of the models; empty for a matrix."""

    def producer(self, project: Workspace) -> str:
        """Return the release that the matrix's baseline has, or the minor release that wrote the models.

        Raises:
            UsageError: if several releases wrote the models.
        """
        return self.like.tensorflow if self.like is not None else _producer(project, list(self.folders))


def target_of(project: Workspace, named: str) -> Target:
    """Return what a person named.

    Cases of the project's matrices that run one of the models are taken as they are, without their checks;
    models without a case get generated inputs.

    Raises:
        UsageError: if it is neither a model, a folder of models nor a matrix.
        NoModelError: if the folder has no model.
        NoSignatureError: if a model has no signature, and no matrix has a case for it.
        DefinitionError: if it is a matrix with problems.
    """
    name = case_name(named, _DEFAULT, set())
    if named in project.matrices() and not (project.root / named).is_dir():
        matrix = project.plan(named)
        setting = matrix.baseline.setting
        like = matrix.environments[matrix.baseline.environment]
        return Target(name, _unchecked(matrix.cases), setting, matrix.settings[setting], like, ())
    folders = _models(project, named)
    cases = _unchecked(_cases(project, folders))
    return Target(name, cases, "default", SettingDefinition(), None, tuple(folders))


def _unchecked(cases: Mapping[str, CaseDefinition]) -> dict[str, CaseDefinition]:
    return {name: case.model_copy(update={"checks": []}) for name, case in cases.items()}


def _models(project: Workspace, target: str) -> list[Path]:
    """Return the folders of the models in the target, at most three levels down."""
    top = (project.root / target).resolve()
    if not top.is_dir():
        known = nearest(target, project.matrices())
        raise UsageError(f"'{target}' is neither a folder nor a matrix of this project{known}")
    found = sorted(_savedmodels(top, _DEPTH))
    if not found:
        raise NoModelError(f"{top}: no SavedModel in it, nor {_DEPTH} levels down")
    return found


def _savedmodels(folder: Path, depth: int) -> Iterator[Path]:
    if any((folder / name).is_file() for name in _MODEL_FILES):
        yield folder
    elif depth:
        for each in folder.iterdir():
            if each.is_dir() and not each.name.startswith("."):
                yield from _savedmodels(each, depth - 1)


def _producer(project: Workspace, folders: list[Path]) -> str:
    """Return the newest patch of the minor release that wrote the models.

    Raises:
        UsageError: if it is not known, or several did.
    """
    wrote = {main_graph(read_facts(each).meta_graphs).tensorflow_version for each in folders}
    minors = {releases_from(project.releases, each)[0][0] for each in wrote}
    if len(minors) > 1:
        raise UsageError(
            f"TensorFlow {listed(sorted(wrote), _MOST_NAMED)} wrote the models: name the release in "
            "production with --from"
        )
    return minors.pop()


def _cases(project: Workspace, folders: list[Path]) -> dict[str, CaseDefinition]:
    """Return the cases of the models: those of the project's matrices, or else generated ones."""
    own = _own_cases(project)
    taken: set[str] = set()
    cases: dict[str, CaseDefinition] = {}
    for folder in folders:
        if known := own.get(folder):
            cases |= {case_name(name, _DEFAULT, taken): case for name, case in known.items()}
        else:
            cases |= _generated(project, folder, taken)
    return cases


def _own_cases(project: Workspace) -> dict[Path, dict[str, CaseDefinition]]:
    """Return the cases of the first matrix that has some for a model, by the model's folder."""
    found: dict[Path, dict[str, CaseDefinition]] = {}
    for matrix in project.matrices():
        theirs: dict[Path, dict[str, CaseDefinition]] = {}
        for name, case in load_definition(project.root / "matrices" / f"{matrix}.toml").cases.items():
            if case.package is None:
                theirs.setdefault((project.root / case.path).resolve(), {})[name] = case
        found = theirs | found
    return found


def _generated(project: Workspace, folder: Path, taken: set[str]) -> dict[str, CaseDefinition]:
    facts = read_facts(folder)
    graphs = facts.meta_graphs
    graph = main_graph(graphs)
    if not graph.signatures:
        raise NoSignatureError(
            f"{folder}: the model has no signature; write a case for it with `savedmodel-matrix init`"
        )
    signatures = [_DEFAULT] if _DEFAULT in graph.signatures else list(graph.signatures)
    minors, _ = releases_from(project.releases, graph.tensorflow_version)
    loader = loader_for(facts, project.releases.resolve(minors[0]))
    inside = folder.is_relative_to(project.root)
    path = folder.relative_to(project.root).as_posix() if inside else str(folder)
    name = folder.name if not folder.name.isdecimal() else f"{folder.parent.name}-{folder.name}"
    cases: dict[str, CaseDefinition] = {}
    for signature in signatures:
        if (folder / WARMUP_FILE).exists():
            source = WarmupSource(warmup=100).model_dump()
        else:
            fitting = FittingShapes(folder, signature)
            taken_as = as_taken(folder, signature, graph.signatures[signature])
            source = suggest_inputs(taken_as, fitting).model_dump(mode="json", exclude_defaults=True)
        case = {"path": path, "signature": signature, "inputs": [source]}
        if loader not in {None, Loader.SAVED_MODEL}:
            case["loader"] = loader
        if len(graphs) > 1 or "serve" not in graph.tags:
            case["tags"] = list(graph.tags)
        cases[case_name(name, signature, taken)] = CaseDefinition.model_validate(case)
    return cases
