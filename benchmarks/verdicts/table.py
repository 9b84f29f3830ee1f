"""The printed tables: every pair, the confusion of each judge, and the cost."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.verdict import Verdict
from tabulate import tabulate

from benchmarks.planted.catalogue import MODELS
from benchmarks.verdicts.judge import AGREE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.verdicts.judge import Judged

_ABOUT = """\
{models} models, {others} of them by third parties; {cells} cells. Benign: settings and neighbouring releases
that change the order of arithmetic. Real: planted in the model's files or inputs. Undetectable: as small as
rounding itself, so no verdict can or should detect it. Blind: agreement that is shown as weak, because the
inputs notice too few changes of the weights. A case counts by the worst of its outputs. NumPy and
torch.testing: their documented defaults; Polygraphy {polygraphy}: its comparator."""


def confusion(judged: Sequence[Judged]) -> list[dict[str, str | int]]:
    """Return a row per judge: the number of changes of each kind by judgement."""
    real, benign = ([row for row in judged if row.kind == kind] for kind in ("real", "benign"))
    beyond = {Verdict.DIVERGED, Verdict.INCOMPARABLE}
    rows: list[dict[str, str | int]] = [
        {
            "judge": "savedmodel-matrix",
            "real: called noise": sum(row.ours in AGREE and not row.weak for row in real),
            "blind": sum(row.weak for row in real),
            "suspicious": sum(row.ours is Verdict.SUSPICIOUS for row in real),
            "real": sum(row.ours in beyond for row in real),
            "benign: called noise": sum(row.ours in AGREE and not row.weak for row in benign),
            "blind ": sum(row.weak for row in benign),
            "suspicious ": sum(row.ours is Verdict.SUSPICIOUS for row in benign),
            "real ": sum(row.ours in beyond for row in benign),
        }
    ]
    for label in judged[0].others:
        passed = sum(row.others[label] for row in real), sum(row.others[label] for row in benign)
        rows.append(
            {
                "judge": label,
                "real: called noise": passed[0],
                "blind": "",
                "suspicious": "",
                "real": len(real) - passed[0],
                "benign: called noise": passed[1],
                "blind ": "",
                "suspicious ": "",
                "real ": len(benign) - passed[1],
            }
        )
    return rows


def show(judged: Sequence[Judged], spent: Sequence[Mapping[str, str | float]]) -> None:
    """Print all of it."""
    others = sum("package" in model.where for model in MODELS)
    version = importlib.import_module("polygraphy").__version__
    cells = len({row.name for row in judged if row.kind == "benign"}) + 1
    text = _ABOUT.format(models=len(MODELS), others=others, cells=cells, polygraphy=version)
    rows = [
        {
            "model": row.model,
            "change": row.name,
            "is": row.kind,
            "verdict": f"{row.ours}, weak" if row.weak else row.ours.value,
            "× noise": row.ratio,
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
    for part in (
        text,
        tabulate(rows, headers="keys", floatfmt=".2g", disable_numparse=[0, 1, 2, 3]),
        *hidden,
        tabulate(confusion(judged), headers="keys", disable_numparse=True),
        tabulate(spent, headers="keys", floatfmt=".3g", disable_numparse=[0]),
    ):
        print(part + "\n", flush=True)  # noqa: T201 - a benchmark is what it prints
