"""Documents in which every text is hostile, made from their types: no field is left out."""

from __future__ import annotations

import datetime as dt
import enum
import types
import typing

from pydantic import BaseModel

#: Starts a line of the output only if a value was printed with its line breaks.
FORGED = "FORGED"
HOSTILE = (
    f"a\x1b[31m\x1b]0;title\x07\x9b31m\x7f\u202eb\u2066\r\n{FORGED}\u2028{FORGED}\x85{FORGED}\x0b{FORGED}"
)


def filled(kind, /, **fixed):
    """Return a value of a type, with one item in each list and table, and ``HOSTILE`` as every text.

    ``fixed`` are values of fields, wherever they are, that are not texts of others.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return filled(arguments[0], **fixed)
    if origin in (typing.Union, types.UnionType):
        return filled(next(each for each in arguments if each is not type(None)), **fixed)
    if origin is typing.Literal:
        return arguments[0]
    if origin in (list, tuple):
        return origin([filled(arguments[0], **fixed)])
    if origin is dict:
        return {filled(arguments[0], **fixed): filled(arguments[1], **fixed)}
    if kind in (str, typing.Any):
        return HOSTILE
    if issubclass(kind, BaseModel):
        fields = {name: filled(each.annotation, **fixed) for name, each in kind.model_fields.items()}
        return kind.model_construct(**fields | {name: fixed[name] for name in fields.keys() & fixed.keys()})
    if issubclass(kind, enum.Enum):
        return list(kind)[-1]
    return {bool: True, int: 1, float: 0.5, dt.date: dt.date(2099, 1, 1)}[kind]


def assert_harmless(text):
    """Assert that nothing in a text controls a terminal or reorders it, and that no value forges a line."""
    assert {each for each in text if not each.isprintable()} <= {"\n"}
    assert not [line for line in text.split("\n") if line.startswith(FORGED)]
