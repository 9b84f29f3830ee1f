"""The printed tables: every pair, the confusion of each judge, and the cost."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.verdict import Verdict
from tabulate import tabulate

from benchmarks.planted.catalogue import HELD_OUT, MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.verdicts.judge import Judged

_ABOUT = """\
{models} models, {others} of them by third parties, {held_out} held out; {cells} cells; {pairs} judged pairs.
Benign: settings and neighbouring releases that change the order of arithmetic. Real: planted in the model's
files or inputs. Undetectable: as small as rounding itself, so no verdict can or should detect it. Blind:
agreement that is shown as weak, because the inputs notice too few changes of the weights. Not compared: some
output is random, and all others agree. A case counts by the worst of its outputs. "x benign": how much more
than any benign cell it changes, by NumPy alone. NumPy and torch.testing: their documented defaults;
Polygraphy {polygraphy}: its comparator."""
_BEYOND = (Verdict.DIVERGED, Verdict.INCOMPARABLE)


def confusion(judged: Sequence[Judged]) -> list[dict[str, str | int]]:
    """Return a row per judge: the number of changes of each kind by judgement."""
    by_kind = {kind: [row for row in judged if row.kind == kind] for kind in ("real", "benign")}
    rows: list[dict[str, str | int]] = [{"judge": "savedmodel-matrix", **_ours(by_kind)}]
    for label in judged[0].others:
        counts: dict[str, str | int] = dict.fromkeys(rows[0], "")
        for kind, found in by_kind.items():
            passed = sum(row.others[label] for row in found)
            counts |= {f"{kind}: called noise": passed, f"{kind}: called real": len(found) - passed}
        rows.append(counts | {"judge": label})
    return rows


def _ours(by_kind: Mapping[str, Sequence[Judged]]) -> dict[str, int]:
    answers = ("called noise", "blind", "not compared", "suspicious", "called real")
    return {
        f"{kind}: {answer}": sum(_answer(row) == answer for row in found)
        for kind, found in by_kind.items()
        for answer in answers
    }


def _answer(row: Judged) -> str:
    if row.ours in _BEYOND:
        return "called real"
    if row.ours is Verdict.SUSPICIOUS:
        return "suspicious"
    if row.dropped:
        return "not compared"
    return "blind" if row.weak else "called noise"


def show(
    judged: Sequence[Judged], missing: Sequence[str], spent: Sequence[Mapping[str, str | float]]
) -> None:
    """Print all of it."""
    others = sum("package" in model.where for model in MODELS)
    version = importlib.import_module("polygraphy").__version__
    cells = len({row.name for row in judged if row.kind == "benign"}) + 1
    text = _ABOUT.format(
        models=len(MODELS),
        others=others,
        held_out=len(HELD_OUT),
        cells=cells,
        pairs=len(judged),
        polygraphy=version,
    )
    rows = [
        {
            "model": row.model,
            "change": row.name,
            "is": row.kind,
            "verdict": f"{row.ours}, weak" if row.weak else row.ours.value,
            "× noise": row.ratio,
            "× benign": row.beyond,
            "relative change": row.change,
            **{label: "passes" if passed else "fails" for label, passed in row.others.items()},
        }
        for row in judged
    ]
    hidden = [
        f"{row.model} {row.name}: undetectable: it changes the outputs by {row.change:.1e} of their size, "
        f"and less than {row.detectable:.1e} cannot be told from rounding (3 x sqrt(2) x sigma / rms)"
        for row in judged
        if row.kind == "undetectable" and row.detectable is not None
    ]
    silent = [
        f"{row.model} {row.name}: changes no bit of any output"
        for row in judged
        if row.kind == "real" and row.beyond is None
    ]
    for part in (
        text,
        tabulate(rows, headers="keys", floatfmt=".2g", disable_numparse=[0, 1, 2, 3]),
        *hidden,
        *silent,
        *missing,
        *_confusions(judged),
        tabulate(spent, headers="keys", floatfmt=".3g", disable_numparse=[0]),
    ):
        print(part + "\n", flush=True)  # noqa: T201 - a benchmark is what it prints


def _confusions(judged: Sequence[Judged]) -> list[str]:
    held_out = {model.name for model in HELD_OUT}
    parts = {
        "All models": judged,
        "First models": [row for row in judged if row.model not in held_out],
        "Held-out models": [row for row in judged if row.model in held_out],
    }
    return [
        f"{label}\n{tabulate(confusion(rows), headers='keys', disable_numparse=True)}"
        for label, rows in parts.items()
    ]
