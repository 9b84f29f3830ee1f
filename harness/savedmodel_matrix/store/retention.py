"""What in ``results/`` nothing needs any more.

A recording is needed if a kept run or a present matrix names it, or if it belongs to the same case in the
same environment as one that is: noise floors, checks and stages are not named by runs. An array is needed if
a needed recording or a prepared case refers to it. What is young stays in any case: another host may be about
to refer to it. Files of runs stay: they are small, and the history is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.ready_case import ReadyCase
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.store.atomic import DAMAGED, json_digest, read_stored
from savedmodel_matrix.store.runs import read_runs

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator
    from pathlib import Path

    from savedmodel_matrix.store.results import Results
    from savedmodel_matrix.store.runs import Run


@dataclass(frozen=True)
class Unneeded:
    """Files and folders that nothing needs, in the order in which to delete them."""

    recordings: tuple[Path, ...]
    objects: tuple[Path, ...]
    re_exports: tuple[Path, ...]
    damaged: tuple[Path, ...]
    """Files that were set aside."""

    def paths(self) -> Iterator[Path]:
        """Yield recordings before the arrays that they refer to, so that no recording loses one."""
        yield from (*self.recordings, *self.objects, *self.re_exports, *self.damaged)


def unneeded(results: Results, present: Collection[str], keep: int, older_than: float) -> Unneeded:
    """Return what can be deleted.

    ``present`` are the keys that the present matrices use. The newest ``keep`` runs of each matrix are kept,
    and everything that changed after ``older_than`` (seconds since the epoch).

    Raises:
        StoreError: if another version of this program wrote a file.
    """
    found = {path: read_stored(path, Recording) for path in results.root.glob("recordings/*/*.json")}
    recordings = {path: each for path, each in found.items() if each is not None}
    named = {*present, *_named(results, keep)}
    places = {_place(each) for each in recordings.values() if each.key in named}
    kept = {
        path: each
        for path, each in recordings.items()
        if each.key in named or _place(each) in places or _is_young(path, older_than)
    }
    arrays = {name for each in kept.values() for entry in each.arrays() for name in entry.objects}
    arrays |= _inputs(results)
    models = {_re_export(each) for each in kept.values()}
    return Unneeded(
        recordings=tuple(sorted(recordings.keys() - kept.keys())),
        objects=_old(results.root.glob("objects/*/*.npy"), arrays, older_than),
        re_exports=_old(results.re_exports.glob("*"), models, older_than),
        damaged=_old(results.root.glob(f"**/*{DAMAGED}"), (), older_than),
    )


def _named(results: Results, keep: int) -> Iterator[str]:
    """Yield the keys that the newest runs of each matrix name."""
    seen: dict[str, set[str]] = {}
    for run in read_runs(results):
        ids = seen.setdefault(run.matrix, set())
        if run.run in ids or len(ids) < keep:
            ids.add(run.run)
            yield from _keys(run)


def _keys(run: Run) -> Iterator[str]:
    keys = [row.recording for row in (*run.cells, *run.distributions)]
    keys += [row.recording for row in run.attempts]
    keys += [row.recording for row in run.swaps]
    keys += [row.recording for row in run.outside]
    yield from (key for key in keys if key is not None)


def _place(recording: Recording) -> Hashable:
    identity = recording.identity
    return str(identity.get("environment")), str(identity.get("case"))


def _re_export(recording: Recording) -> str:
    """Return the name of the folder for a recording's model, exported again by its environment."""
    identity = recording.identity
    return json_digest({"model": identity.get("model"), "environment": identity.get("environment")})


def _inputs(results: Results) -> set[str]:
    ready = (read_stored(path, ReadyCase) for path in results.root.glob("cases/*.json"))
    return {name for each in ready if each is not None for entry in each.arrays() for name in entry.objects}


def _old(paths: Iterator[Path], needed: Collection[str], older_than: float) -> tuple[Path, ...]:
    return tuple(
        sorted(each for each in paths if each.stem not in needed and not _is_young(each, older_than))
    )


def _is_young(path: Path, older_than: float) -> bool:
    try:
        return path.stat().st_mtime > older_than
    except OSError:
        return True  # another process has just removed it
