"""Which outputs of a model are random or vary between runs, and the ops that make them so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.commands.inspect_document import VaryingRow
from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel.randomness import Kind
from savedmodel_matrix.models.savedmodel.sources import read_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: What an op does to the outputs it reaches, in the order in which ops are listed.
_VARIES = {
    Kind.RANDOM: "random in every run, and no setting seeds it",
    Kind.SEEDED: "from a fixed seed: varies from run to run, but the first run of every process is the same",
    Kind.GENERATOR: "from a state in the model: as from a fixed seed",
    Kind.STATE: "varies from run to run, but the first run of every process is the same",
    Kind.OUTSIDE: "from outside the graph",
    Kind.STATELESS: "the same for the same seed, which is an input of the op",
}


def varying(path: Path) -> list[VaryingRow]:
    """Return which random or changing ops reach which outputs; empty too if the graph cannot be walked."""
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
    """Yield a line per output and op; the graphs of a model mostly share them, so each is listed once."""
    order = list(_VARIES)
    lines = (
        f"  {row.signature}, output {row.output}: {row.op} '{row.node}'"
        f"{f' changes {row.changes!r}' if row.changes else ''}, {_VARIES[row.kind]}"
        for row in sorted(rows, key=lambda row: order.index(row.kind))
    )
    yield from dict.fromkeys(lines)
