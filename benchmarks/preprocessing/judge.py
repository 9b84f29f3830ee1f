"""Reads planted pairs, diagnoses them, and counts the correct diagnoses."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from savedmodel_matrix.report.pipelines.skew import SEARCH_LIMIT_S
from savedmodel_matrix.verdicts.diagnose.diagnose import examine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis

_SIDES = ("train", "serve", "raw")
#: Before the ids of a case: the diagnosis must say what it leaves, or that it is harmless.
_PARTLY, _HARMLESS = "partly", "harmless"
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Judged:
    """One pair: what was planted, the correct ids as in ``register.case``, and what was found.

    ``stopped`` is what was being tried when the time was over, and ``seconds`` are those of computing.
    """

    made_by: str
    name: str
    data: str
    planted: str
    expected: str
    held_out: bool
    found: Sequence[Diagnosis]
    stopped: str
    seconds: float

    @property
    def kind(self) -> str:
        """Whether it is clean, has a difference with a name, or one without."""
        if self.expected:
            return "planted"
        return "clean" if self.planted.startswith("clean") else "no name"

    @property
    def said(self) -> str:
        """The ids of the diagnoses."""
        nothing = f"not searched further, at {self.stopped}" if self.stopped else "-"
        return " and ".join(each.id for each in self.found) or nothing

    @property
    def right(self) -> bool:
        """Whether the diagnosis is exactly right, with its steps in any order."""
        if not self.expected:
            return not self.found
        how, _, ids = self.expected.rpartition(" ")
        wanted = [sorted(each.split("+")) for each in ids.split("|")]
        return (
            len(self.found) == 1
            and sorted(self.found[0].steps) in wanted
            and bool(self.found[0].left) == (how == _PARTLY)
            and self.found[0].harmless == (how == _HARMLESS)
        )


class Planted(NamedTuple):
    """An entry of the index of a folder of pairs; serving's side comes from ``other`` if there is one."""

    folder: Path
    made_by: str
    other: Path | None
    entry: dict[str, Any]


def planted(folder: Path, made_by: str, other: Path | None = None) -> list[Planted]:
    """Return the pairs in a folder."""
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return [Planted(folder, made_by, other, entry) for entry in index]


def judge(pairs: Sequence[Planted]) -> Iterator[Judged]:
    """Yield every pair, diagnosed, several at a time; a line on each goes to standard error."""
    # A new process for each CPU, with one thread: the searches, not the sums in them, run side by side.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        for number, each in enumerate(pool.map(judge_one, pairs), 1):
            right = "" if each.right else "  WRONG"
            line = f"{number}/{len(pairs)} {each.name}: {each.said}, {each.seconds:.1f} s{right}"
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - a benchmark is what it prints
            yield each


def judge_one(pair: Planted) -> Judged:
    """Return one pair, diagnosed within the limit that a report has for one case."""
    entry = pair.entry
    sides = read(pair.folder / f"{entry['name']}.npz")
    if pair.other is not None:
        sides["serve"] = read(pair.other / f"{entry['name']}.npz")["train"]
    started = time.process_time()
    examined = examine(
        sides["train"],
        sides["serve"],
        sides["raw"],
        lambda: time.process_time() - started > SEARCH_LIMIT_S,
    )
    expected = entry["expected"] or ""
    return Judged(
        pair.made_by,
        entry["name"],
        entry["data"],
        entry["planted"],
        expected,
        entry["held_out"],
        # A difference in rounding that libraries cannot avoid counts as none, unless it was planted.
        [each for each in examined.found if not each.harmless or expected.startswith(_HARMLESS)],
        "; ".join(examined.stopped.values()),
        time.process_time() - started,
    )


def read(path: Path) -> dict[str, Arrays]:
    """Return the tensors of each side; strings are stored as bytes and lengths, to avoid pickling."""
    sides: dict[str, Arrays] = {side: {} for side in _SIDES}
    with np.load(path, allow_pickle=False) as stored:
        for key in stored.files:
            side, name = key.split("/", 1)
            if "#" not in name:
                sides[side][name] = stored[key]
            elif name.endswith("#bytes"):
                name = name.removesuffix("#bytes")
                sides[side][name] = _strings(stored, f"{side}/{name}")
    return sides


def _strings(stored: Mapping[str, npt.NDArray[Any]], key: str) -> npt.NDArray[Any]:
    data, ends = stored[key + "#bytes"].tobytes(), np.cumsum(stored[key + "#lengths"])
    out = np.empty(len(ends), object)
    out[:] = [data[end - length : end] for end, length in zip(ends, stored[key + "#lengths"], strict=True)]
    return out.reshape(stored[key + "#shape"])


def confusion(judged: Sequence[Judged]) -> list[dict[str, str | int]]:
    """Return a row per kind of pair: how many were diagnosed correctly, incorrectly and not at all."""
    rows: list[dict[str, str | int]] = []
    for held_out in (False, True):
        for kind in ("planted", "no name", "clean"):
            pairs = [each for each in judged if each.kind == kind and each.held_out == held_out]
            if pairs:
                rows.append(
                    {
                        "round": "held out" if held_out else "first",
                        "pairs": kind,
                        "number": len(pairs),
                        "right name": sum(each.right for each in pairs) if kind == "planted" else "",
                        "wrong name": sum(bool(each.found) and not each.right for each in pairs),
                        "nothing said": sum(not each.found for each in pairs),
                    }
                )
    return rows
