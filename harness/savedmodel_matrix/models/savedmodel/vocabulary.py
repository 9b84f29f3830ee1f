"""The keys of the lookup tables of a graph, from its constants and from its assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel.model_files import is_foreign, read_small
from savedmodel_matrix.models.savedmodel.reach import node_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
    from savedmodel_matrix.models.savedmodel.flow import Flow, Scope

_FROM_FILE = ("InitializeTableFromTextFile", "InitializeTableFromTextFileV2")
_FROM_CONSTANTS = ("InitializeTable", "InitializeTableV2", "LookupTableImport", "LookupTableImportV2")
#: lookup_util.h: kLineNumber and kWholeLine, instead of the number of a column.
_LINE_NUMBER, _WHOLE_LINE = -1, -2
_LARGEST_FILE = 64 << 20
_MOST_WORDS = 1000
_LONGEST_WORD = 1000

Keys = tuple[tuple[bytes, ...], tuple[int, ...]]


class Vocabularies:
    """The keys of each table that something in the graph fills."""

    def __init__(self, flow: Flow, folder: Path, assets: Mapping[str, str]) -> None:
        """``assets`` are the files' names below ``assets/``, by the node that holds the path."""
        self._flow = flow
        self._folder = folder
        self._assets = assets
        self._filled: dict[str, tuple[Scope, pb.NodeDef]] | None = None

    def keys(self, scope: Scope, handle: str) -> Keys:
        """Return the words and the numbers that are keys of a table; none if they are unknown.

        Raises TangledError.
        """
        found = self._flow.origin(scope, handle)
        if found is None:
            return (), ()
        if self._filled is None:
            self._filled = {}
            for inner, node in self._flow.everywhere({*_FROM_FILE, *_FROM_CONSTANTS}):
                table = self._flow.origin(inner, node.input[0]) if node.input else None
                if table is not None:
                    self._filled.setdefault(_identity(table[1]), (inner, node))
        filled = self._filled.get(_identity(found[1]))
        return ((), ()) if filled is None else self._read(*filled)

    def _read(self, scope: Scope, node: pb.NodeDef) -> Keys:
        if len(node.input) < 2:
            return (), ()
        if node.op in _FROM_FILE:
            return self._lines(scope, node), ()
        value = self._flow.value(scope, node.input[1])
        if value is None:
            return (), ()
        listed = value.ravel().tolist()[:_MOST_WORDS]
        if value.dtype.kind == "O":
            return tuple(listed), ()
        return (), tuple(int(each) for each in listed if each == int(each))

    def _lines(self, scope: Scope, node: pb.NodeDef) -> tuple[bytes, ...]:
        origin = self._flow.origin(scope, node.input[1])
        name = self._assets.get(node_of(origin[1].name)) if origin is not None else None
        if name is None or is_foreign(name):
            return ()
        try:
            content = read_small(self._folder / "assets" / name, _LARGEST_FILE) or b""
        except UnreadableModelError:
            return ()
        lines = content.split(b"\n", _MOST_WORDS)[:_MOST_WORDS]
        column = node.attr["key_index"].i
        if column == _LINE_NUMBER:
            return ()
        if column != _WHOLE_LINE:
            split = [line.split(node.attr["delimiter"].s or b"\t") for line in lines]
            lines = [line[column] for line in split if 0 <= column < len(line)]
        return tuple(line for line in lines if 0 < len(line) <= _LONGEST_WORD)


def _identity(table: pb.NodeDef) -> str:
    """Return what makes two nodes the same table: its shared name if it has one."""
    shared = table.attr["shared_name"].s.decode("utf-8", "replace") if "shared_name" in table.attr else ""
    return f"shared {shared}" if shared else f"node {table.name}"
