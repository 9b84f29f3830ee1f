"""How the models of a case were initialised, and what they read without a value, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from savedmodel_matrix.domain.effective import Initialisation
    from savedmodel_matrix.evidence.collected import Collected

_MOST_NAMED = 5
_TABLES = "table_initializer"


def initialisation_remarks(case: str, rows: Iterable[Collected]) -> list[str]:
    """Return the remarks on one case, only where something is wrong; ``rows`` are its cells."""
    cells: dict[tuple[str, str], list[str]] = {}
    with_loader: dict[str, int] = {}
    for row in rows:
        effective = row.recording.effective if row.recording else None
        if effective is not None and effective.initialisation is not None:
            found, loader = effective.initialisation, effective.loader or ""
            with_loader[loader] = with_loader.get(loader, 0) + 1
            for says in _said(found, loader, recorded=row.outcome is Outcome.RECORDED):
                cells.setdefault((loader, says), []).append(str(row.cell))
    return [
        f"case {case}: {loader}: {says} ({_where(names, with_loader[loader])})"
        for (loader, says), names in cells.items()
    ]


def _said(found: Initialisation, loader: str, *, recorded: bool) -> Iterator[str]:
    if found.unknown is not None:
        yield f"the initialisation could not be determined: {found.unknown}"
        return
    if names := found.uninitialised_variables:
        anyway = "; the case was recorded anyway, with these variables read as empty"
        yield f"uninitialised variables are read: {listed(names, _MOST_NAMED)}{anyway if recorded else ''}"
    if names := found.uninitialised_tables:
        yield f"uninitialised tables are used: {listed(names, _MOST_NAMED)}{_why(found, loader)}"
    for each in found.passed_over:
        yield f"{each} did not run: {found.ran} {found.op} comes first, and only one of them runs"
    if names := found.missing_assets:
        yield f"assets that the model declares are missing: {listed(names, _MOST_NAMED)}"
    if recorded and (runners := found.collections.get("queue_runners")):
        yield f"{runners} queue runners were not started; the outputs do not depend on their queues"


def _why(found: Initialisation, loader: str) -> str:
    if found.ran not in (None, _TABLES):
        return f"; {found.ran} {found.op} ran, but does not fill them"
    if loader == "v1-session" and found.collections.get(_TABLES):
        return (
            "; their initialisers are in the collection table_initializer, but a session runs only main_op "
            "or legacy_init_op, and the model has neither; loader saved_model runs the collection"
        )
    return "; nothing in the model fills them"


def _where(cells: list[str], all_of_loader: int) -> str:
    if len(cells) == all_of_loader:
        return "in every cell" if len(cells) > 1 else cells[0]
    return f"{listed(cells, _MOST_NAMED)}"
