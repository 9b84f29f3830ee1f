"""Read and validate a matrix definition; report all problems at once, with file and key path."""

from __future__ import annotations

import difflib
import stat
import tomllib
import types
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Tag, ValidationError

from savedmodel_matrix.domain.definition import Definition
from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.domain.wording import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails

#: Of a value or a key in a message.
_LONGEST = 200
#: A definition of 20,000 cases has 2 MB.
_LARGEST = 16 << 20
#: Dots in the key of a line.
_MOST_PARTS = 100
_TOO_DEEP = "nested too deeply; a definition needs five levels"


def load_definition(path: Path) -> Definition:
    """Return the definition in ``path``.

    Raises:
        DefinitionError: with the file and key path of every problem, and for an unknown key the nearest
            known one.
    """
    try:
        return _load(path)
    except RecursionError as error:
        raise DefinitionError([f"{path}: {_TOO_DEEP}"]) from error


def _load(path: Path) -> Definition:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _LARGEST:
            raise DefinitionError([f"{path}: not a file, or one of more than {_LARGEST:,} bytes"])
        text = path.read_text(encoding="utf-8")
        # The parser takes seconds for a key of thousands of parts.
        if any(line.partition("=")[0].count(".") > _MOST_PARTS for line in text.splitlines()):
            raise DefinitionError([f"{path}: {_TOO_DEEP}"])
        content = tomllib.loads(text)
    except OSError as error:
        raise DefinitionError(
            [f"{path}: {error.strerror}; write one with `savedmodel-matrix init`"]
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DefinitionError([f"{path}: not valid TOML: {error}"]) from error
    except ValueError as error:  # Python reads integers of at most 4300 digits
        raise DefinitionError([f"{path}: a number has too many digits"]) from error
    if problems := [f"{where}: holds a NUL character" for where in _with_nul(content, "")]:
        raise DefinitionError([f"{path}: {problem}" for problem in problems])
    try:
        return Definition.model_validate(content)
    except ValidationError as error:
        raise DefinitionError([f"{path}: {problem}" for problem in _problems(error)]) from error


def _with_nul(value: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - any TOML value
    """Yield the key path of every text with a NUL, which neither paths nor variables can hold."""
    if isinstance(value, str) and "\0" in value:
        yield where
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _with_nul(inner, f"{where}.{shortened(key, _LONGEST)}".removeprefix("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _with_nul(inner, f"{where}.{number}")


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the most similar known word, or a list of all of them."""
    names = sorted(known)
    match = difflib.get_close_matches(word, names, n=1)
    return f"; did you mean '{match[0]}'?" if match else f"; known names: {', '.join(names) or 'none'}"


def _problems(error: ValidationError) -> list[str]:
    """Return one line per key path; a value that no member of a union accepts has every member's error."""
    found: dict[str, list[str]] = {}
    for detail in error.errors():
        where, message = _problem(detail)
        found.setdefault(where, []).append(message)
    return [f"{where}: {', or '.join(dict.fromkeys(messages))}" for where, messages in found.items()]


def _problem(detail: ErrorDetails) -> tuple[str, str]:
    """Return the key path as in the file, and the problem there."""
    location = detail["loc"]
    if detail["type"] == "extra_forbidden":
        keys, types = _walked(location[:-1])
        key = str(location[-1])
        return ".".join([*keys, shortened(key, _LONGEST)]), f"unknown key{nearest(key, _keys(types))}"
    keys, _ = _walked(location)
    message = detail["msg"].removeprefix("Value error, ")
    value, given = detail["input"], ""
    if isinstance(value, str | int | float | bool):
        given = f" (given: {shortened(repr(value), _LONGEST)})"
    return ".".join(keys) or "top level", f"{message[0].lower()}{message[1:]}{given}"


def _walked(location: tuple[int | str, ...]) -> tuple[list[str], list[Any]]:
    """Return the keys along ``location`` and the types that are possible at its end.

    pydantic's path also names the union member that it tried, and marks keys with ``[key]``. Parts that are
    not a key of any type on the way are dropped.
    """
    keys: list[str] = []
    types_here: list[Any] = [Definition]
    for part in location:
        if chosen := [outer for outer in types_here if part in _tags(outer)]:
            types_here = [typing.get_args(outer)[0] for outer in chosen]
        elif inner := [inner for outer in types_here for inner in _inside(outer, part)]:
            keys.append(shortened(str(part), _LONGEST))
            types_here = inner
    return keys, types_here


def _keys(types_here: list[Any]) -> set[str]:
    return {
        name
        for each in types_here
        if isinstance(each, type) and issubclass(each, BaseModel)
        for name in each.model_fields
    }


def _tags(outer: Any) -> list[str]:  # noqa: ANN401 - any type expression
    return [mark.tag for mark in getattr(outer, "__metadata__", ()) if isinstance(mark, Tag)]


def _inside(outer: Any, part: int | str) -> Iterator[Any]:  # noqa: ANN401 - any type expression
    """Yield the types that are possible at ``part`` of a value of type ``outer``."""
    if isinstance(outer, type) and issubclass(outer, BaseModel):
        if part in outer.model_fields:
            yield from _unwrapped(outer.model_fields[str(part)].annotation)
    elif typing.get_origin(outer) in (list, tuple, dict):
        yield from _unwrapped(typing.get_args(outer)[-1])


def _unwrapped(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 - any type expression
    """Yield a type without ``Annotated``, and each member of a union; tagged types keep their tag."""
    if _tags(annotation):
        yield annotation
    elif typing.get_origin(annotation) is typing.Annotated:
        yield from _unwrapped(typing.get_args(annotation)[0])
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from _unwrapped(member)
    else:
        yield annotation
