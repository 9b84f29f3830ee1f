"""Values as TOML, for the definitions that commands write."""

from __future__ import annotations

import json


def inline(value: object) -> str:
    """Return a JSON-like value as TOML on one line."""
    if isinstance(value, dict):
        items = ", ".join(f"{quoted(key)} = {inline(item)}" for key, item in value.items())
        return f"{{ {items} }}" if items else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(inline(item) for item in value)}]"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def quoted(text: str) -> str:
    """Return a TOML string; a name in a model may hold anything."""
    return f'"{"".join(map(_character, text))}"'


def _character(character: str) -> str:
    if character in {'"', "\\"}:
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
