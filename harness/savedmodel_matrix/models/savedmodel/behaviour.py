"""What in a signature's graph can make its answers depend on more than its inputs, one finding per op.

``randomness.py`` says whether an output may change. This module names what a check of session behaviour may
have seen: who writes a variable, also in another signature; placeholders with defaults; what mixes the rows
of a batch. What the graph does not show is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.trait import Trait, TraitKind
from savedmodel_matrix.models.savedmodel.batch_axis import mixes_rows
from savedmodel_matrix.models.savedmodel.randomness import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from savedmodel_matrix.models.savedmodel.randomness import Frame, Node, Origins, Place


_OF_SOURCE = {
    Kind.RANDOM: TraitKind.RANDOM,
    Kind.SEEDED: TraitKind.SEEDED,
    Kind.GENERATOR: TraitKind.GENERATOR,
    Kind.OUTSIDE: TraitKind.OUTSIDE,
}
_PYTHON = re.compile(r"(Eager)?PyFunc(Stateless)?")
_PADS = "RaggedTensorToTensor"
#: Masks are made by comparing padded values with the padding.
_COMPARES = frozenset({"NotEqual", "Equal", "Greater", "GreaterEqual", "Less", "LessEqual"})


def traits_of(
    origins: Origins, outputs: Mapping[str, Mapping[str, Iterable[str]]], fed: Mapping[str, Collection[str]]
) -> dict[str, dict[str, tuple[Trait, ...]]]:
    """Return the traits that reach each output, by signature and output.

    ``outputs`` are the tensors of each output, and ``fed`` the nodes that each signature's inputs feed.
    Raises DamagedError for a graph that takes too many steps.
    """
    walks = {
        name: {key: _Walked(origins, list(tensors)) for key, tensors in each.items()}
        for name, each in outputs.items()
    }
    writes = {
        name: {
            (node.op, node.name, root): frame
            for walked in each.values()
            for node, frame, root in walked.writes
        }
        for name, each in walks.items()
    }
    return {
        name: {
            key: tuple(sorted({*walked.traits(fed[name]), *_written_elsewhere(name, walked.roots, writes)}))
            for key, walked in each.items()
        }
        for name, each in walks.items()
    }


def _written_elsewhere(
    signature: str, roots: Collection[str], writes: Mapping[str, Mapping[tuple[str, str, str], Frame]]
) -> Iterator[Trait]:
    for other, found in writes.items():
        for (op, node, root), frame in found.items() if other != signature else ():
            if root in roots:
                yield Trait(
                    TraitKind.WRITTEN_ELSEWHERE, op, node, frame.function, subject=root, signature=other
                )


class _Walked:
    """What one output is computed from, and what runs with it."""

    def __init__(self, origins: Origins, tensors: list[str]) -> None:
        self._origins = origins
        start = origins.start(tensors)
        self._read = origins.read(start)
        self._run = origins.run(start)
        self.roots = {name for frame, name, _ in self._read if frame.above is None}
        self.writes = list(origins.writes(start))
        # What is read may have been written by this or an earlier call.
        written = [
            place
            for node, frame, root in self.writes
            if root in self.roots
            for tensor in node.inputs[1:]
            if (place := origins.place(frame, tensor)) is not None
        ]
        self._sources = self._read | origins.read(written)

    def traits(self, fed: Collection[str]) -> Iterator[Trait]:
        for node, frame, root in self.writes:
            yield Trait(
                TraitKind.WRITES, node.op, node.name, frame.function, subject=root, read=root in self.roots
            )
        for frame, name, _ in self._run:
            node = self._origins.node(frame, name)
            if _PYTHON.fullmatch(node.op):
                yield Trait(TraitKind.PYTHON, node.op, name, frame.function)
        for place in self._sources:
            yield from self._of(place, fed)

    def _of(self, place: Place, fed: Collection[str]) -> Iterator[Trait]:
        frame, name, _ = place
        node, origins = self._origins.node(frame, name), self._origins
        source = origins.source(node)
        if source is not None and source.kind in _OF_SOURCE and not _PYTHON.fullmatch(node.op):
            yield Trait(_OF_SOURCE[source.kind], node.op, name, frame.function)
        elif node.op == "PlaceholderWithDefault" and frame.above is None and name not in fed:
            value = _scalar(origins, frame, node)
            if value is not None:
                yield Trait(TraitKind.SWITCH, node.op, name, subject=name, value=value)
        elif node.training:
            yield Trait(TraitKind.BATCH_NORM, node.op, name, frame.function)
        elif mixes_rows(origins, frame, node):
            yield Trait(TraitKind.STATISTIC, node.op, name, frame.function)
        elif node.op == _PADS and self._pads_freely(frame, node) and not self._is_masked(place):
            yield Trait(TraitKind.PADDING, node.op, name, frame.function)

    def _pads_freely(self, frame: Frame, node: Node) -> bool:
        """Whether the length is that of the longest row, and not a fixed one."""
        shape = self._origins.constant(frame, node.inputs[0]) if node.inputs else None
        return shape is not None and (shape.ndim == 0 or not shape.size or -1 in shape.ravel()[1:])

    def _is_masked(self, padded: Place) -> bool:
        comparing = [place for place in self._read if self._origins.node(*place[:2]).op in _COMPARES]
        return any(padded[:2] in {each[:2] for each in self._origins.read_values([one])} for one in comparing)


def _scalar(origins: Origins, frame: Frame, node: Node) -> bool | int | float | None:
    value = origins.constant(frame, node.inputs[0]) if node.inputs else None
    if value is None or value.ndim or value.dtype.kind not in "bif":
        return None
    return value.item()  # type: ignore[no-any-return] # NumPy does not say which
