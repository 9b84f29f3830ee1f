"""What a definition sets in a cell, as flat options that distinguish cells: every field is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.verdicts.attribute.facts import as_text
from savedmodel_matrix.verdicts.attribute.names import called, option_fields

if TYPE_CHECKING:
    from savedmodel_matrix.domain.definition import SettingDefinition
    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.domain.job import Limits


def options_of(environment: Environment, setting: SettingDefinition, limits: Limits | None) -> dict[str, str]:
    """Return option -> value of one cell, except its variables, which have names of their own."""
    parts: list[Environment | SettingDefinition | Limits] = [environment, setting]
    parts += [limits] if limits else []
    return {
        called(field): as_text(getattr(part, field))
        for part in parts
        for field in option_fields(type(part))
        if field != "variables"
    }
