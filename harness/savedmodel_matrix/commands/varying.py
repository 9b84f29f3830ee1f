"""Which outputs of a model are random, or others in every run, and the ops that make them so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.errors import UnreadableModelError
from savedmodel_matrix.models.savedmodel.randomness import Kind
from savedmodel_matrix.models.savedmodel.sources import read_sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What an op that reaches an output comes to, in the order in which it is told.
_VARIES = {
    Kind.RANDOM: "another in every run, and no setting seeds it",
    Kind.SEEDED: "from a fixed seed: another in every run of a process, the same in the first of each",
    Kind.GENERATOR: "from a state in the model: as from a fixed seed",
    Kind.STATE: "another in every run, the same in the first of each process",
    Kind.OUTSIDE: "from outside the graph",
    Kind.STATELESS: "the same for the same seed, which is an input of the op",
}


def varying(path: Path) -> list[dict[str, Any]]:
    """Return what random or changing ops reach which outputs; empty too where the graph cannot be walked."""
    try:
        graphs = read_sources(path)
    except UnreadableModelError:
        return []
    return [
        {
            "tags": list(graph.tags),
            "signature": signature,
            "output": output,
            "kind": source.kind.value,
            "op": source.op,
            "node": source.node,
            "changes": source.changes,
        }
        for graph in graphs
        for signature, outputs in graph.signatures.items()
        for output, sources in outputs.items()
        for source in sources
    ]


def varying_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line per output and op; the graphs of a model mostly share them, and so each is told once."""
    order = list(_VARIES)
    rows = sorted(rows, key=lambda row: order.index(Kind(row["kind"])))
    lines = (
        f"  {row['signature']}, output {row['output']}: {row['op']} '{row['node']}'"
        f"{f' changes {each!r}' if (each := row['changes']) else ''}, {_VARIES[Kind(row['kind'])]}"
        for row in rows
    )
    yield from dict.fromkeys(lines)
