"""Check all in ``results/`` whose content can be proven: an array by its name, JSON by its checksum."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from savedmodel_matrix.probe.sealed import BrokenSealError, unseal
from savedmodel_matrix.store.atomic import set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from savedmodel_matrix.store.results import Results

#: Files by the type that they hold, which is also the kind that their checksums are of.
_SEALED = {
    "recordings/*/*.json": "Recording",
    "environments/*/*.json": "EnvironmentState",
    "cases/*.json": "ReadyCase",
    "runs/*.json": "Run",
}


#: A file or folder, and a function that checks it: it sets a damaged one aside and returns False.
Check = tuple["Path", "Callable[[], bool]"]


def checks(results: Results) -> Iterator[Check]:
    """Yield a check for each file."""
    for path in sorted(results.objects.glob("*/*.npy")):
        yield path, partial(_check_object, results, path)
    for pattern, kind in _SEALED.items():
        for path in sorted(results.root.glob(pattern)):
            yield path, partial(_check_sealed, path, kind)


def _check_object(results: Results, path: Path) -> bool:
    return not results.verify_objects([path.stem])


def _check_sealed(path: Path, kind: str) -> bool:
    try:
        unseal(path.read_bytes(), kind)
    except BrokenSealError:
        set_aside(path)
        return False
    except OSError:
        return True  # gone meanwhile, or unreadable: not damage
    return True
