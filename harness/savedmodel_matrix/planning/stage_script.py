"""The requirements that a Python file declares in a PEP 723 block.

https://packaging.python.org/en/latest/specifications/inline-script-metadata/
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.domain.ready_case import ScriptNeeds

if TYPE_CHECKING:
    from pathlib import Path

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.domain.stage import StageDefinition

_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


def script_needs(text: str, name: str) -> ScriptNeeds | None:
    """Return what a file with this text declares; None if it declares nothing. ``name`` is the file's name.

    Raises:
        DefinitionError: for a block that is not valid TOML or has invalid requirements.
    """
    blocks = [match["content"] for match in _BLOCK.finditer(text) if match["type"] == "script"]
    if not blocks:
        return None
    if len(blocks) > 1:
        raise DefinitionError([f"{name}: it has more than one PEP 723 block"])
    content = "".join(
        line[2:] if line.startswith("# ") else line[1:] for line in blocks[0].splitlines(keepends=True)
    )
    try:
        found = tomllib.loads(content)
        dependencies = tuple(str(Requirement(each)) for each in found.get("dependencies", []))
        bounds = str(SpecifierSet(found.get("requires-python", "")))
    except (tomllib.TOMLDecodeError, InvalidRequirement, InvalidSpecifier, TypeError) as error:
        raise DefinitionError([f"{name}: invalid PEP 723 block: {error}"]) from error
    return ScriptNeeds(dependencies, bounds)


def stage_needs(root: Path, stage: StageDefinition) -> ScriptNeeds | None:
    """Return the requirements that a stage's file declares; None if it declares none or cannot be read.

    Raises:
        DefinitionError: see ``script_needs``.
    """
    if stage.file is None:
        return None
    try:
        text = (root / stage.file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # running the stage reports that
    return script_needs(text, stage.file)


def check_stages(root: Path, plan: Plan) -> list[str]:
    """Return remarks on pins that have no effect.

    Raises:
        DefinitionError: with every stage whose file declares invalid requirements.
    """
    problems: list[str] = []
    required: set[str] = set()
    for name, case in plan.cases.items():
        for stage in case.stages.values():
            try:
                needs = stage_needs(root, stage)
                required |= {package(text) for text in needs.dependencies} if needs else set()
            except DefinitionError as error:
                problems += [f"cases.{name}: {problem}" for problem in error.problems]
    if problems:
        raise DefinitionError(problems)
    pins = dict.fromkeys(text for environment in plan.environments.values() for text in environment.beside)
    return [
        f"beside: '{text}' has no effect: no stage's PEP 723 block requires that package"
        for text in pins
        if package(text) not in required
    ]


def package(requirement: str) -> str:
    """Return the normalised name of a requirement's package."""
    return canonicalize_name(Requirement(requirement).name)
