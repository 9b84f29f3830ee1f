"""The project that is judged: every model in every benign cell, and the changed copies in the baseline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.evidence.collect import collect
from savedmodel_matrix.models.packages.fetch import fetch_package
from savedmodel_matrix.models.savedmodel.digest import DigestCache
from savedmodel_matrix.planning.workspace import Workspace

from benchmarks.cost import BenchError, measured, plain_environment
from benchmarks.planted.catalogue import MODELS
from benchmarks.warm import DONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from savedmodel_matrix.domain.plan import Plan
    from savedmodel_matrix.evidence.collected import Collection

    from benchmarks.planted.change import Model

BASELINE = "tf2.15.1-py3.11-cpu/default"
ORIGINALS, PLANTED = "default", "planted"  # the matrices
_CHANGES = "benchmarks.planted.change_model"
_MAKES = ("benchmarks.planted.make_models", "benchmarks.planted.make_held_out")
_NOXFILE = "from savedmodel_matrix import register\n\nregister(__file__)\n"

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


def run(root: Path, source: Path) -> None:
    """Make the project in ``root``, with the locks and examples of ``source``, and run all of it."""
    _set_up(root, source)
    _make(root)
    _nox(root, "matrix")
    _plant(root)
    _nox(root, f"matrix-{PLANTED}")


def collected(root: Path, matrix: str) -> tuple[Plan, Collection]:
    """Return the plan of a matrix, and what was recorded of it."""
    project = Workspace(root)
    plan = project.plan(matrix)
    return plan, collect(project, plan, Selection())


def _set_up(root: Path, source: Path) -> None:
    (root / "noxfile.py").write_text(_NOXFILE, encoding="utf-8")
    (root / "matrices").mkdir()
    (root / "matrices" / "locks").symlink_to(source / "matrices" / "locks")
    (root / "examples").symlink_to(source / "examples")
    cases = {}
    for model in MODELS:
        files = model.write_inputs(root, root / "inputs")
        cases[model.name] = model.definition([file.relative_to(root) for file in files])
    _write_matrix(root, ORIGINALS, _MATRIX, cases)


def _make(root: Path) -> None:
    """Make the oldest environment, by running one case in it, and with it the models of no package."""
    cnn = MODELS[0]
    files = [file.relative_to(root) for file in cnn.write_inputs(root, root / "inputs")]
    _write_matrix(root, "first", _FIRST_MATRIX, {cnn.name: cnn.definition(files)})
    _nox(root, "matrix-first")
    for module in _MAKES:
        _run_in(root / ".nox" / "tf2-9-3-py3-10-cpu", module, root / "made")


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
    _write_matrix(root, PLANTED, _PLANTED_MATRIX, cases)


def _run_in(environment: Path, module: str, argument: Path) -> None:
    command = [str(environment / "bin" / "python"), "-s", "-m", module, str(argument)]
    folder = Path(__file__).parents[2]  # that of the package ``benchmarks``
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{module} failed:\n{done.stderr[-4000:]}")


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
