"""The plan of an upgrade: a cell for every minor release between two, and the models' cases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.version import Version

from savedmodel_matrix.domain.definition import CaseDefinition, Definition
from savedmodel_matrix.domain.errors import NoModelError, NoSignatureError, UsageError
from savedmodel_matrix.domain.input_sources import WarmupSource
from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.models.inputs.suggest import suggest_inputs
from savedmodel_matrix.models.inputs.warmup import WARMUP_FILE
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.signature_graph import FittingShapes
from savedmodel_matrix.planning.expand import expand
from savedmodel_matrix.planning.first_cases import case_name, main_graph, releases_from
from savedmodel_matrix.planning.load import load_definition, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.upgrade import Upgrade
    from savedmodel_matrix.planning.workspace import Workspace

_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
_DEPTH = 3  # models/NAME/VERSION, as TensorFlow Serving has them, in a folder
_MOST_NAMED = 5
_DEFAULT = "serving_default"


def upgrade_plan(project: Workspace, upgrade: Upgrade) -> Plan:
    """Return the plan of an upgrade. Its baseline is the first release, and its last environment the last.

    Cases of the project's matrices that run one of the models are taken as they are, without their checks;
    models without a case get generated inputs.

    Raises:
        UsageError: for a target that is neither a model, a folder of models nor a matrix, and for releases
            in the wrong order.
        UnknownReleaseError: for an unknown release.
        NoSignatureError: if a model has no signature, and no matrix has a case for it.
        DefinitionError: if the target is a matrix with problems.
    """
    like: Environment | None = None
    if upgrade.target in project.matrices() and not (project.root / upgrade.target).is_dir():
        matrix = project.plan(upgrade.target)
        like = matrix.environments[matrix.baseline.environment]
        cases = dict(matrix.cases)
        setting = matrix.settings[matrix.baseline.setting]
        named = matrix.baseline.setting
        first = upgrade.first or like.tensorflow
    else:
        folders = _models(project, upgrade.target)
        cases = _cases(project, folders)
        setting, named = None, "default"
        first = upgrade.first or _producer(project, folders)
    versions = candidates(project, first, upgrade.last)
    block: dict[str, object] = {"tensorflow": versions}
    if like is not None:
        block |= {"requirements": [list(like.requirements)], "without": [list(like.without)]}
        block |= {"resolve": [like.resolve]}
    definition = Definition.model_validate(
        {
            "baseline": f"tf{versions[0]}-*",
            "environments": [block],
            "settings": {named: {} if setting is None else setting},
            "cases": {name: case.model_copy(update={"checks": []}) for name, case in cases.items()},
        }
    )
    plan = expand(
        definition, f"upgrade-{case_name(upgrade.target, _DEFAULT, set())}", project.releases, platform_name()
    )
    environments = {name: replace(each, provisional=True) for name, each in plan.environments.items()}
    return replace(plan, environments=environments)


def candidates(project: Workspace, first: str, last: str) -> list[str]:
    """Return the first release, the newest patch of every minor between, and the last release.

    Raises:
        UnknownReleaseError: for an unknown release.
        UsageError: unless the first is older than the last.
    """
    releases = project.releases
    start, end = releases.resolve(first, platform_name()), releases.resolve(last, platform_name())
    if Version(start) >= Version(end):
        raise UsageError(f"--from {start} is not older than --to {end}")
    between = [
        each
        for each in releases.minor_releases()
        if Version(start) < Version(each) < Version(end) and not _same_minor(each, start, end)
    ]
    return [start, *between, end]


def _same_minor(version: str, *others: str) -> bool:
    return Version(version).release[:2] in {Version(each).release[:2] for each in others}


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
    graphs = read_facts(folder).meta_graphs
    graph = main_graph(graphs)
    if not graph.signatures:
        raise NoSignatureError(
            f"{folder}: the model has no signature; write a case for it with `savedmodel-matrix init`"
        )
    signatures = [_DEFAULT] if _DEFAULT in graph.signatures else list(graph.signatures)
    inside = folder.is_relative_to(project.root)
    path = folder.relative_to(project.root).as_posix() if inside else str(folder)
    name = folder.name if not folder.name.isdecimal() else f"{folder.parent.name}-{folder.name}"
    cases: dict[str, CaseDefinition] = {}
    for signature in signatures:
        if (folder / WARMUP_FILE).exists():
            source = WarmupSource(warmup=100).model_dump()
        else:
            fitting = FittingShapes(folder, signature)
            source = suggest_inputs(graph.signatures[signature], fitting).model_dump(
                mode="json", exclude_defaults=True
            )
        case = {"path": path, "signature": signature, "inputs": [source]}
        if len(graphs) > 1 or "serve" not in graph.tags:
            case["tags"] = list(graph.tags)
        cases[case_name(name, signature, taken)] = CaseDefinition.model_validate(case)
    return cases
