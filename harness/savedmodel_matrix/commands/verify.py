"""Check everything that is stored, and set what is damaged aside."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import track

from savedmodel_matrix.domain.errors import DamagedError
from savedmodel_matrix.domain.wording import count, listed
from savedmodel_matrix.probe import sums
from savedmodel_matrix.store.atomic import set_aside
from savedmodel_matrix.store.newest_report import is_intact
from savedmodel_matrix.store.verify import Check, checks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from savedmodel_matrix.store.results import Results

_MOST_NAMED = 10
_MODELS = ("re-exports/*/model", "packages/models/*/*/*")


def verify(results: Results) -> str:
    """Check every stored file; return one line on what was found.

    Raises:
        DamagedError: naming what is damaged. It is set aside, and the next run records again what it held.
    """
    report = (results.latest, partial(is_intact, results))
    every: list[Check] = [*checks(results), *_checks_of_models(results), report]
    console = Console(stderr=True)
    shown = track(every, "checking", console=console, transient=True, disable=not sys.stderr.isatty())
    damaged = [path for path, check in shown if not check()]
    if damaged:
        names = listed([path.relative_to(results.root).as_posix() for path in damaged], _MOST_NAMED)
        raise DamagedError(
            f"{len(damaged)} of {count(len(every), 'entry', 'entries')} in {results.root.name}/ damaged: "
            f"{names}. Run the matrix again: it records again what they held"
        )
    return f"{count(len(every), 'entry', 'entries')} in {results.root.name}/ checked, none damaged"


def _checks_of_models(results: Results) -> Iterator[Check]:
    for pattern in _MODELS:
        for path in sorted(results.root.glob(pattern)):
            if path.is_dir() and not path.name.endswith(".damaged"):
                yield path, partial(_check_model, path)


def _check_model(folder: Path) -> bool:
    """Hash a model's files, without the memory of earlier runs: a disk may forget what it was told."""
    if sums.read(sums.path_of(str(folder))) == sums.of_folder(str(folder)):
        return True
    set_aside(folder)
    return False
