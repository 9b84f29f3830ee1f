"""A call of a function of a model: where its inputs go, and the Python values that it was traced with."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator


class ArgumentKind(StrEnum):
    """What an argument, or a part of one, is."""

    INPUT = "input"
    """A tensor: ``value`` is the name of the input that takes its place."""
    VALUE = "value"
    """A Python value: None, a boolean, a number or a string."""
    DTYPE = "dtype"
    """A TensorFlow type: ``value`` is its name."""
    LIST = "list"
    TUPLE = "tuple"
    DICT = "dict"
    NAMED_TUPLE = "namedtuple"
    OTHER = "other"
    """Something that cannot be given from outside, such as an object; ``value`` says what."""


class Argument(Stored):
    """One argument or a part of one. ``items`` are a structure's parts.

    ``keys`` are the keys of a dict or the fields of a named tuple, whose class is called ``value``.
    """

    kind: ArgumentKind
    value: bool | int | float | str | None = None
    keys: tuple[str, ...] = ()
    items: tuple[Argument, ...] = ()

    def inside(self) -> Iterator[Argument]:
        """Yield the argument and all of its parts."""
        yield self
        for each in self.items:
            yield from each.inside()

    def shown(self, inputs: dict[str, str]) -> str:
        """Return the argument as Python would write it; ``inputs`` says what stands for each tensor."""
        items = [each.shown(inputs) for each in self.items]
        named = [f"{key}={item}" for key, item in zip(self.keys, items, strict=False)]
        match self.kind:
            case ArgumentKind.INPUT:
                return inputs.get(str(self.value), "tensor")
            case ArgumentKind.LIST:
                return f"[{', '.join(items)}]"
            case ArgumentKind.TUPLE:
                return f"({', '.join(items)}{',' if len(items) == 1 else ''})"
            case ArgumentKind.DICT:
                return f"{{{', '.join(f'{k!r}: {v}' for k, v in zip(self.keys, items, strict=False))}}}"
            case ArgumentKind.NAMED_TUPLE:
                return f"{self.value}({', '.join(named)})"
            case _:
                return repr(self.value) if self.kind is ArgumentKind.VALUE else str(self.value)


class Call(Stored):
    """The arguments of one call. ``names`` are those of the parameters that ``positional`` belong to."""

    names: tuple[str, ...]
    positional: tuple[Argument, ...]
    keywords: dict[str, Argument] = {}

    @property
    def is_possible(self) -> bool:
        """Whether every argument can be given from outside."""
        return all(
            each.kind is not ArgumentKind.OTHER for _, top in self.arguments() for each in top.inside()
        )

    def arguments(self) -> Iterator[tuple[str, Argument]]:
        """Yield every argument with the name of its parameter."""
        yield from zip(self.names, self.positional, strict=True)
        yield from sorted(self.keywords.items())

    def values(self) -> dict[str, bool | int | float | str | None]:
        """Return the Python values among the arguments, by parameter."""
        return {name: each.value for name, each in self.arguments() if each.kind is ArgumentKind.VALUE}

    def given(self, values: dict[str, bool | int | float | str]) -> Call:
        """Return the call with other Python values; parameters that it does not have become keywords."""

        def changed(name: str, argument: Argument) -> Argument:
            if name not in values:
                return argument
            return Argument(kind=ArgumentKind.VALUE, value=values[name])

        known = {name for name, _ in self.arguments()}
        keywords = {name: changed(name, each) for name, each in self.keywords.items()}
        keywords |= {
            name: Argument(kind=ArgumentKind.VALUE, value=value)
            for name, value in values.items()
            if name not in known
        }
        positional = tuple(changed(*each) for each in zip(self.names, self.positional, strict=True))
        return Call(names=self.names, positional=positional, keywords=keywords)

    def shown(self, inputs: dict[str, str]) -> str:
        """Return the call's arguments in readable form; ``inputs`` says what stands for each tensor."""
        listed = (f"{name}={each.shown(inputs)}" for name, each in self.arguments())
        return f"({', '.join(listed)})"
