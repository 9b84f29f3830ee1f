"""Models and stages that end their process, leave others, fill disks, or harm what runs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from faulty_project import Faulty
from project import CUSTOM_LAYER, alive_in, matrix_text

KIND = "probe"
CELL = "tf2.15.1-py3.11-cpu/default"
ENVIRONMENT, SETTING = CELL.split("/")
INCOMPLETE = 4
FAULT_OF_OURS = 5
RECORDED = ("recorded", "")
#: What may lie in temporary files at any time: far less than is printed, and more than a run puts aside.
MOST_TEMPORARY = 64 << 20
#: More than a pipe holds; ``whole`` prints what no disk here should have to hold.
MEBIBYTES, WHOLE_MEBIBYTES = 300, 10_000
LONGEST_LOG = 12_000

#: By stage: the fault, the outcome, and a part of the reason.
STAGES = {
    "daemon": ("leaves a daemon", *RECORDED),
    "fifty": ("leaves 50 processes", *RECORDED),
    "bereaved": ("leaves a daemon and kills its parent", "crashed", "process that started it with signal SIGKILL (9)"),
    "exit_0": ("exits 0", "crashed", "ended with exit status 0 and no result, while running preprocess"),
    "terminate_itself": ("raises SIGTERM", "crashed", "killed by signal SIGTERM (15), while running preprocess"),
    "interrupt_itself": ("raises SIGINT", "crashed", "killed by signal SIGINT (2), while running preprocess"),
    "interrupt_raised": ("raises KeyboardInterrupt", "run-failed", "preprocess: KeyboardInterrupt"),
    "kill_parent": ("kills its parent", "crashed", "process that started it with signal SIGKILL (9)"),
    "terminate_parent": ("terminates its parent", "crashed", "process that started it with signal SIGTERM (15)"),
    "interrupt_parent": ("interrupts its parent", "crashed", "process that started it with signal SIGINT (2)"),
    "stop_parent": ("stops its parent", "crashed", "process that started it with signal SIGKILL (9)"),
    "close_all": ("closes all descriptors", *RECORDED),
    "garbage": ("writes to all descriptors", *RECORDED),
    "prints": ("prints without end", *RECORDED),
    "writes": ("writes to '.', home and temporary folders", *RECORDED),
    "writes_again": ("looks for the files of another case", *RECORDED),
    "reads": ("opens a listed file by its path in the project", *RECORDED),
    "reads_unlisted": ("opens a file that it does not list", "run-failed", "add it to the stage's `reads`"),
}  # fmt: skip
#: By library: the fault, what it does when it is loaded, and the end of the reason.
LIBRARIES = {
    "native_exit": ("exits 0", "_exit(0)", "ended with exit status 0 and no result"),
    "native_raise": ("raises SIGTERM", "raise(SIGTERM)", "killed by signal SIGTERM (15)"),
    "native_parent": ("kills its parent", "kill(getppid(), SIGKILL), sleep(60)", "with signal SIGKILL (9)"),
}  # fmt: skip
#: By setting: the fault, what ``tensorflow/__init__.py`` does, and the reason.
IMPORTS = {
    "exits_5": ("_exit(5)", "import os; os._exit(5)", "ended the process with exit status 5"),
    "exits_2": ("_exit(2)", "import os; os._exit(2)", "ended the process with exit status 2"),
    "exits_0": ("_exit(0)", "import os; os._exit(0)", "ended the process with exit status 0"),
    "asks_for_2": ("sys.exit(2)", "import sys; sys.exit(2)", "SystemExit: 2"),
    "interrupts": ("raises KeyboardInterrupt", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    "aborts": ("abort()", "import os; os.abort()", "ended the process with signal SIGABRT (6)"),
    "prints": ("prints without end, then _exit(5)",
               "import os\nfor _ in range(300): os.write(2, b'x' * (1 << 20))\nos._exit(5)",
               "ended the process with exit status 5"),
    "daemon": ("leaves a daemon, then _exit(5)",
               "import os, subprocess, sys\n"
               "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', __file__],"
               " start_new_session=True)\nos._exit(5)",
               "ended the process with exit status 5"),
}  # fmt: skip


class Weighed(Faulty):
    """A project whose temporary files are weighed while it works."""

    heaviest = 0

    def run(self, *command, time_limit_s):
        """Run a command, and note the most that its temporary files come to."""
        ended = threading.Event()

        def weigh():
            while not ended.wait(0.02):
                self.heaviest = max(self.heaviest, _size(self.root / "tmp"))

        thread = threading.Thread(target=weigh)
        thread.start()
        try:
            return super().run(*command, time_limit_s=time_limit_s)
        finally:
            ended.set()
            thread.join()


def _size(folder):
    found = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                continue
    return found


def _case(name, text):
    return (
        f'[cases.{name}]\npath = "examples/models/custom_layer"\nruns = 1\n'
        f'inputs = [{{ npz = "pixels.npz" }}]\n{text}\n'
    )


def _stage(name):
    if name in ("reads", "reads_unlisted"):
        listed = ', reads = ["data/scale.txt"]' if name == "reads" else ""
        return _case(name, f'preprocess = {{ call = "faulty_stage.py:reads"{listed} }}')
    return _case(name, f'preprocess = "faulty_stage.py:{name.removesuffix("_again")}"')


def _recording(project, row):
    """Return what is recorded of a stage."""
    found = [json.loads(path.read_text()) for path in project.recordings()]
    (wanted,) = [
        each for each in found if each["identity"]["case"] == row and each["identity"]["measurement"] == "stage"
    ]
    return wanted


@pytest.fixture(scope="module", params=[MEBIBYTES, pytest.param(WHOLE_MEBIBYTES, marks=pytest.mark.whole)])
def run(request, tmp_path_factory, nox_environments):
    """Every stage and library in one environment, each beside all the others, and the run of all of them."""
    project = Weighed(tmp_path_factory.mktemp("faulty") / "project", nox_environments).create()
    shutil.copy(Path(__file__).with_name("faulty_stage.py"), project.root)
    np.savez(project.root / "pixels.npz", pixels=np.ones([4, 64], np.float32))
    (project.root / "data").mkdir()
    (project.root / "data/scale.txt").write_text("2")
    compiler = os.environ.get("CXX", "g++")
    cases = [_stage(name) for name in STAGES]
    for name, (_, does, _) in LIBRARIES.items():
        built = project.root / f"{name}.so"
        command = [compiler, "-shared", "-fPIC", f"-DDOES={does}", Path(__file__).with_name("native.cc")]
        subprocess.run([*command, "-o", built], check=True)
        cases.append(_case(name, f'libraries = ["{built.name}"]'))
    variables = f'\n[settings.default]\nvariables = {{ TRIED_MEBIBYTES = "{request.param}" }}\n'
    project.matrix(matrix_text("2.15", rest=variables + CUSTOM_LAYER + "".join(cases)))
    before = set(project.root.rglob("*"))
    found = project.nox("-s", "matrix", "--", "--no-fixes")
    new = {path for path in set(project.root.rglob("*")) - before if project.results not in path.parents}
    return project, found, new - {project.results, project.root / "nox-report.json"}


def _row(project, case):
    return project.outcomes()[ENVIRONMENT, SETTING, case]


def _held(project, case, outcome, reason, seen):
    row = _row(project, case)
    assert (row.outcome, "") == (outcome, "") if outcome == "recorded" else row.outcome == outcome, row.reason
    assert reason in (row.reason or "")
    seen(row.reason or row.outcome)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(name, marks=pytest.mark.fault(KIND, f"a stage {what}", f"{outcome} {reason}".strip()))
        for name, (what, outcome, reason) in STAGES.items()
    ],
)
def test_stage(run, seen, case):
    _, outcome, reason = STAGES[case]
    _held(run[0], case, outcome, reason, seen)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(name, marks=pytest.mark.fault(KIND, f"native code {what}", f"crashed {reason}"))
        for name, (what, _, reason) in LIBRARIES.items()
    ],
)
def test_native(run, seen, case):
    _held(run[0], case, "crashed", LIBRARIES[case][2], seen)


@pytest.mark.fault(KIND, "all of these in one run", "the neighbour is recorded; nothing and nobody is left")
def test_the_neighbours_are_unharmed(run, seen):
    project, found, new = run
    assert _row(project, "custom_layer").outcome == "recorded"
    assert found.status == INCOMPLETE
    assert found.environments == {ENVIRONMENT: "success"}
    assert project.report().faults == []
    assert {path.relative_to(project.root).parts[0] for path in new} <= {"tmp", "__pycache__"}
    project.assert_clean()
    seen(f"status {found.status}")


@pytest.mark.fault(KIND, "hundreds of MB on stdout", "head and tail kept; the disk stays empty")
def test_output_is_cut(run, seen):
    project, _, _ = run
    log = _recording(project, "prints")["log_tail"]
    assert "the first line" in log
    assert "bytes left out" in log
    assert log.endswith("the last line\n")
    assert len(log) < LONGEST_LOG
    assert project.heaviest < MOST_TEMPORARY
    seen(f"{len(log)} characters kept, at most {project.heaviest >> 20} MiB on disk")


@pytest.fixture(scope="module")
def imports(tmp_path_factory, nox_environments):
    """One harmless case under settings that each break the import of TensorFlow, and the run of it."""
    project = Weighed(tmp_path_factory.mktemp("imports") / "project", nox_environments).create()
    settings = ["\n[settings.default]\n"]
    for name, (_, does, _) in IMPORTS.items():
        package = project.root / "broken" / name / "tensorflow"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(does + "\n")
        settings.append(f'[settings.{name}]\nvariables = {{ PYTHONPATH = "{package.parent}" }}\n')
    project.matrix(matrix_text("2.15", rest="".join(settings) + CUSTOM_LAYER))
    return project, project.nox("-s", "matrix", "--", "--no-fixes")


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(name, marks=pytest.mark.fault(KIND, f"import tensorflow: {what}", f"import-failed {reason}"))
        for name, (what, _, reason) in IMPORTS.items()
    ],
)
def test_import(imports, seen, setting):
    project, found = imports
    assert found.status == INCOMPLETE
    row = project.outcomes()[ENVIRONMENT, setting, "custom_layer"]
    assert row.outcome == "import-failed"
    assert IMPORTS[setting][2] in row.reason
    assert project.outcomes()[ENVIRONMENT, SETTING, "custom_layer"].outcome == "recorded"
    assert not alive_in(project.root)
    assert project.heaviest < MOST_TEMPORARY
    project.assert_clean()
    seen(row.reason)
