"""Verdicts on known changes: planted changes must be detected, and benign ones must not.

One project runs every model in ``planted`` over neighbouring releases, and over settings that only change the
order of arithmetic. It also runs the changed copies in the baseline. This tool judges the recordings, and so
do the fixed tolerances that are the defaults elsewhere.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.recording import RecordedOutputs
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.domain.verdict import Verdict, worst
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.evidence.judged import judge_case, judged_power
from savedmodel_matrix.models.packages.fetch import fetch_package
from savedmodel_matrix.models.savedmodel.digest import DigestCache
from savedmodel_matrix.planning.workspace import Workspace
from savedmodel_matrix.probe.arrays import STRING
from savedmodel_matrix.store.results import Results
from tabulate import tabulate

from benchmarks.cost import BenchError, measured, plain_environment
from benchmarks.planted.catalogue import MODELS
from benchmarks.warm import DONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection
    from savedmodel_matrix.verdicts.compare.elements import Array
    from savedmodel_matrix.verdicts.judge.case import JudgedCase

    from benchmarks.planted.change import Model

BASELINE = "tf2.15.1-py3.11-cpu/default"
_CHANGES = Path(__file__).parent / "planted" / "change_model.py"
_MAKES = Path(__file__).parent / "planted" / "make_models.py"
_NOXFILE = "from savedmodel_matrix import register\n\nregister(__file__)\n"
_AGREE = (Verdict.IDENTICAL, Verdict.FLOAT_NOISE)
_PLANTED = "planted"  # the cell of a changed model, in addition to those of the original

#: Benign by construction: kernels, threads, instruction sets, graph optimizers and compilers add the same
#: terms in a different order, and so do the releases around the baseline.
_MATRIX = """\
baseline = "tf2.15.1-*/default"

[[environments]]
tensorflow = ["2.9.3", "2.12.1", "2.15.1"]

[settings.default]

[settings.onednn-off]
variables = { TF_ENABLE_ONEDNN_OPTS = "0" }

[settings.onednn-on]
variables = { TF_ENABLE_ONEDNN_OPTS = "1" }

[settings.avx2]
variables = { ONEDNN_MAX_CPU_ISA = "AVX2" }

[settings.one-thread]
intra_op_threads = 1
inter_op_threads = 1

[settings.no-grappler]
grappler = false

[settings.xla]
jit_compile = true

[[exclude]]
cells = "tf2.9*/[!d]*"
reason = "settings are tried in the baseline's release"

[[exclude]]
cells = "tf2.12*/[!d]*"
reason = "settings are tried in the baseline's release"

[[exclude]]
cells = "tf2.9*"
cases = "bfloat16"
reason = "2.9 has no convolution in bfloat16 on a CPU"
"""
_PLANTED_MATRIX = """\
baseline = "tf2.15.1-*"
noise_floor = { replicates = 0 }

[[environments]]
tensorflow = "2.15.1"
"""
_FIRST_MATRIX = """\
baseline = "tf2.9.3-*"
noise_floor = { replicates = 0 }

[[environments]]
tensorflow = "2.9.3"
"""

#: The documented defaults for float32 of numpy.allclose and torch.testing.assert_close. Polygraphy's own
#: comparator is used if it is installed.
_TOLERANCES = {"NumPy allclose": (1e-5, 1e-8), "torch.testing": (1.3e-6, 1e-5)}

_ABOUT = """\
{models} models, {others} of them by third parties; {cells} cells. Benign: settings and neighbouring releases
that change the order of arithmetic. Real: planted in the model's files or inputs. Undetectable: as small as
rounding itself, so no verdict can or should detect it. Blind: agreement that is shown as weak, because the
inputs notice too few changes of the weights. A case counts by the worst of its outputs. NumPy and
torch.testing: their documented defaults; Polygraphy {polygraphy}: its comparator."""


@dataclass(frozen=True)
class Judged:
    """One change of one model: what it is known to be, and the judgement of each judge.

    ``weak`` says that ours agrees on inputs that notice too little for that to prove anything. ``others``
    says for each fixed tolerance whether it passes. ``ratio`` is the largest noise ratio.
    ``change`` is the largest relative L2 of an output, ``detectable`` the least that its floor can detect.
    """

    model: str
    name: str
    kind: str
    ours: Verdict
    weak: bool
    ratio: float | None
    others: Mapping[str, bool]
    change: float
    detectable: float | None


def main(source: Path) -> None:
    """Run all of it in a temporary project and print the tables.

    Raises:
        BenchError: if something to be judged was not recorded.
    """
    with tempfile.TemporaryDirectory(prefix="verdicts-") as folder:
        root = Path(folder).resolve()
        _set_up(root, source)
        _make(root)
        _nox(root, "matrix")
        _plant(root)
        _nox(root, f"matrix-{_PLANTED}")
        judged = judge_all(root)
        spent = costs(root)
    _print(judged, spent)


def judge_all(root: Path) -> list[Judged]:
    """Judge everything that was recorded in the project at ``root``.

    Raises:
        BenchError: if something to be judged was not recorded.
    """
    plan, originals = _collected(root, "default")
    _, planted = _collected(root, _PLANTED)
    read = Results(root / "results").array
    return [row for model in MODELS for row in _judge(model, plan, originals, planted, read)]


def costs(root: Path) -> list[dict[str, str | float]]:
    """Return what the baseline cell and each of its cases takes by itself, and with floor and power.

    The import of TensorFlow is shared by the cases of a cell, and by their floors.
    """
    plan, collection = _collected(root, "default")
    results = Results(root / "results")
    seconds: dict[str, dict[str, float]] = {}
    shared = 0.0
    for (environment, setting, case, kind, _), key in collection.keys:
        recording = results.recording(key) if key and f"{environment}/{setting}" == BASELINE else None
        if recording is None or kind not in ("outputs", "noise floor", "other threads"):
            continue
        spent = seconds.setdefault(case, dict.fromkeys(("own", "floor", "power"), 0.0))
        phases = {name: phase.wall_s for name, phase in recording.phases.items()}
        if kind == "outputs":
            spent["own"] += recording.seconds
            shared = phases.get("import", 0.0)
        else:
            spent["power"] += phases.get("power", 0.0)
            spent["floor"] += recording.seconds - phases.get("power", 0.0)
    total = {name: sum(each[name] for each in seconds.values()) for name in ("own", "floor", "power")}
    total["own"] += shared
    rows = {**{case: seconds[case] for case in plan.cases}, "the cell, with its import": total}
    return [
        {
            "baseline": case,
            "by itself, s": each["own"],
            "noise floor, s": each["floor"],
            "power, s": each["power"],
            "floor and power, x its own": (each["floor"] + each["power"]) / each["own"],
        }
        for case, each in rows.items()
    ]


def _set_up(root: Path, source: Path) -> None:
    (root / "noxfile.py").write_text(_NOXFILE, encoding="utf-8")
    (root / "matrices").mkdir()
    (root / "matrices" / "locks").symlink_to(source / "matrices" / "locks")
    (root / "examples").symlink_to(source / "examples")
    cases = {}
    for model in MODELS:
        files = model.write_inputs(root, root / "inputs")
        cases[model.name] = model.definition([file.relative_to(root) for file in files])
    _write_matrix(root, "default", _MATRIX, cases)


def _make(root: Path) -> None:
    """Make the oldest environment, by running one case in it, and with it the models of no package."""
    cnn = MODELS[0]
    files = [file.relative_to(root) for file in cnn.write_inputs(root, root / "inputs")]
    _write_matrix(root, "first", _FIRST_MATRIX, {cnn.name: cnn.definition(files)})
    _nox(root, "matrix-first")
    _run_in(root / ".nox" / "tf2-9-3-py3-10-cpu", _MAKES, root / "made")


def _plant(root: Path) -> None:
    """Make the changed models and inputs, and the matrix that runs them."""
    requests, cases = [], {}
    for model in MODELS:
        for change in model.changes:
            target = root / "planted" / f"{model.name}-{change.name}"
            files = model.write_inputs(root, root / "inputs", change if change.kind == "inputs" else None)
            relative = [file.relative_to(root) for file in files]
            if change.kind == "inputs":
                cases[target.name] = model.definition(relative)
            else:
                requests.append(change.request(_source(root, model), target))
                cases[target.name] = model.definition(relative, model=target.relative_to(root))
    request = root / "changes.json"
    request.write_text(json.dumps(requests), encoding="utf-8")
    _run_in(root / ".nox" / "tf2-15-1-py3-11-cpu", _CHANGES, request)
    _write_matrix(root, _PLANTED, _PLANTED_MATRIX, cases)


def _run_in(environment: Path, script: Path, argument: Path) -> None:
    python = environment / "bin" / "python"
    done = subprocess.run(
        [str(python), "-s", str(script), str(argument)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchError(f"{script.name} failed:\n{done.stderr[-4000:]}")


def _source(root: Path, model: Model) -> Path:
    if "package" not in model.where:
        return root / model.where["path"]
    digests = DigestCache(root / "results" / "cache" / "file-digests.json")
    packages = root / "results" / "packages"
    return fetch_package(model.where["package"], model.where["path"], packages, digests).path


def _write_matrix(root: Path, name: str, head: str, cases: Mapping[str, Mapping[str, Any]]) -> None:
    lines = [head]
    for case, definition in cases.items():
        lines += ["", f"[cases.{json.dumps(case)}]"]
        for key, value in definition.items():
            # Here JSON is valid TOML, except for the tables of inputs.
            files = (
                [f"{{ npz = {json.dumps(str(each['npz']))} }}" for each in value] if key == "inputs" else []
            )
            lines.append(f"{key} = {'[' + ', '.join(files) + ']' if files else json.dumps(str(value))}")
    (root / "matrices" / f"{name}.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _nox(root: Path, session: str) -> None:
    command = [sys.executable, "-m", "nox", "-s", session, "--", "--no-fixes"]
    variables = plain_environment(os.environ)
    measured(command, folder=root, log=root / "nox.log", variables=variables, expected=DONE)


def _collected(root: Path, matrix: str) -> tuple[Plan, Collection]:
    project = Workspace(root)
    plan = project.plan(matrix)
    collection = collect(project, plan, Selection())
    for row in collection.rows:
        if row.required and row.outcome is not Outcome.RECORDED:
            raise BenchError(f"{row.cell} {row.case}: {row.outcome}: {row.reason}")
    return plan, collection


def _judge(
    model: Model,
    plan: Plan,
    originals: Collection,
    planted: Collection,
    read: Callable[[ArrayEntry], Array],
) -> list[Judged]:
    recordings = {
        str(row.cell): RecordedOutputs.of(row.recording)
        for row in originals.rows
        if row.case == model.name and row.recording is not None
    }
    benign = judge_case(plan, model.name, originals, recordings, BASELINE, read)
    power = judged_power(plan, model.name, originals, read)
    is_blind = power is not None and power.share is not None and power.share < plan.power.min_power
    rows = [
        _row(model.name, cell, "benign", benign, (cell, BASELINE), read, is_blind=is_blind)
        for cell in recordings
        if cell != BASELINE
    ]
    found = {row.case: row.recording for row in planted.rows}
    for change in model.changes:
        recording = found[f"{model.name}-{change.name}"]
        assert recording is not None, "checked when it was collected"  # noqa: S101
        pair = {BASELINE: recordings[BASELINE], _PLANTED: RecordedOutputs.of(recording)}
        judged = judge_case(plan, model.name, originals, pair, BASELINE, read)
        kind = "real" if change.real else "undetectable"
        rows.append(
            _row(model.name, change.name, kind, judged, (_PLANTED, BASELINE), read, is_blind=is_blind)
        )
    return rows


def _row(
    model: str,
    name: str,
    kind: str,
    case: JudgedCase,
    cells: tuple[str, str],
    read: Callable[[ArrayEntry], Array],
    *,
    is_blind: bool,
) -> Judged:
    judged = case.judge(*cells)
    ours = worst([each.judgement.verdict for each in judged])
    found = [*judged, *(each.before for each in judged if each.before is not None)]
    ratios = [each.ratio.worst for each in found if each.ratio is not None]
    limits = [
        standing.floor.detectable
        for standing in case.standings.values()
        if standing.floor is not None and standing.floor.detectable is not None
    ]
    a, b = (
        {
            str(output.id) + str(output.id.batch): output.array
            for output in case.sound[cell].outputs
            if not output.id.is_before
        }
        for cell in cells
    )
    return Judged(
        model=model,
        name=name,
        kind=kind,
        ours=ours,
        weak=is_blind and ours in _AGREE,
        ratio=max(ratios, default=None),
        others=_others(a, b, read),
        change=max((each.divergence.rel_l2 or 0.0 for each in judged), default=0.0),
        detectable=max(limits, default=None),
    )


def _others(
    a: Mapping[str, ArrayEntry], b: Mapping[str, ArrayEntry], read: Callable[[ArrayEntry], Array]
) -> dict[str, bool]:
    """Return whether each fixed tolerance passes all outputs; strings pass only if they are equal."""
    numbers = [name for name in b if b[name].dtype != STRING]
    same = all(np.array_equal(read(a[name]), read(b[name])) for name in b if b[name].dtype == STRING)
    arrays = [{name: np.asarray(read(side[name])) for name in numbers} for side in (a, b)]
    found = {
        label: same
        and all(
            np.allclose(arrays[0][name], arrays[1][name], rtol=rtol, atol=atol, equal_nan=True)
            for name in numbers
        )
        for label, (rtol, atol) in _TOLERANCES.items()
    }
    return {**found, "Polygraphy": same and _polygraphy(*arrays)}


def _polygraphy(a: Mapping[str, Array], b: Mapping[str, Array]) -> bool:
    # Imported by name: it is installed only for benchmarks, and has no types.
    comparator: Any = importlib.import_module("polygraphy.comparator")
    logger: Any = importlib.import_module("polygraphy.logger").G_LOGGER
    results = [
        (name, [comparator.IterationResult(dict(side), runtime=0.0)]) for name, side in (("a", a), ("b", b))
    ]
    # It divides by zeros in the reference, and warns each time.
    with logger.verbosity(logger.CRITICAL), warnings.catch_warnings(action="ignore"):
        return bool(comparator.Comparator.compare_accuracy(comparator.RunResults(results)))


def confusion(judged: Sequence[Judged]) -> list[dict[str, str | int]]:
    """Return a row per judge: the number of changes of each kind by judgement."""
    real, benign = ([row for row in judged if row.kind == kind] for kind in ("real", "benign"))
    beyond = {Verdict.DIVERGED, Verdict.INCOMPARABLE}
    rows: list[dict[str, str | int]] = [
        {
            "judge": "savedmodel-matrix",
            "real: called noise": sum(row.ours in _AGREE and not row.weak for row in real),
            "blind": sum(row.weak for row in real),
            "suspicious": sum(row.ours is Verdict.SUSPICIOUS for row in real),
            "real": sum(row.ours in beyond for row in real),
            "benign: called noise": sum(row.ours in _AGREE and not row.weak for row in benign),
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


def _print(judged: Sequence[Judged], spent: Sequence[Mapping[str, str | float]]) -> None:
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
