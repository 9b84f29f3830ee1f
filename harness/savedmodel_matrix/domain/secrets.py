"""Which environment variables hold secrets, judged by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRET = re.compile(r"TOKEN|SECRET|PASSW|API_?KEY|CREDENTIAL|PRIVATE", re.IGNORECASE)
_SHORTEST = 6  # a shorter value would match and mask ordinary words


def is_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return _SECRET.search(name) is not None


def masked(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with the values of secret ones replaced by ``***``."""
    return {name: "***" if is_secret(name) else value for name, value in variables.items()}


def secret_values(variables: Mapping[str, str]) -> list[str]:
    """Return the values of secret variables that are long enough to search for in texts."""
    found = {value for name, value in variables.items() if is_secret(name)}
    return sorted(value for value in found if len(value) >= _SHORTEST)
