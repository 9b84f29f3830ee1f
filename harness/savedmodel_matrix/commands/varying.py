"""Which outputs of a model are random or vary between runs, and the ops responsible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.commands.inspect_document import VaryingRow
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel.randomness import Kind
from savedmodel_matrix.models.savedmodel.sources import read_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: The effect of an op on the outputs that depend on it, in the order in which ops are listed.
_VARIES = {
    Kind.RANDOM: "random in every run; no setting seeds it",
    Kind.SEEDED: "from a fixed seed: varies from run to run, but the first run of every process is the same",
    Kind.GENERATOR: "from a state in the model: behaves like a fixed seed",
    Kind.STATE: "varies from run to run, but the first run of every process is the same",
    Kind.OUTSIDE: "from outside the graph",
    Kind.STATELESS: "the same for the same seed, which is an input of the op",
}


def varying(path: Path) -> list[VaryingRow]:
    """Return which random or changing ops affect which outputs; empty if the graph cannot be traversed."""
    try:
        graphs = read_sources(path)
    except UnreadableModelError:
        return []
    return [
        VaryingRow(
            tags=list(graph.tags),
            signature=signature,
            output=output,
            kind=source.kind,
            op=source.op,
            node=source.node,
            changes=source.changes,
        )
        for graph in graphs
        for signature, outputs in graph.signatures.items()
        for output, sources in outputs.items()
        for source in sources
    ]


def varying_lines(rows: Sequence[VaryingRow]) -> Iterator[str]:
    """Yield one line per output and op; a model's graphs mostly share them, so each is listed once."""
    order = list(_VARIES)
    lines = (
        f"  {row.signature}, output {row.output}: {row.op} '{row.node}'"
        f"{f' changes {row.changes!r}' if row.changes else ''}, {_VARIES[row.kind]}"
        for row in sorted(rows, key=lambda row: order.index(row.kind))
    )
    yield from dict.fromkeys(lines)
