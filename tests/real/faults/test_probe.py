"""Models and stages that end their process, leave others, fill disks, or harm what runs them."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from faulty_project import Faulty
from probe_requests import Probing, stage
from project import CUSTOM_LAYER, alive_in, matrix_text

KIND = "probe"
CELL = "tf2.15.1-py3.11-cpu/default"
ENVIRONMENT, SETTING = CELL.split("/")
INCOMPLETE = 4
FAULT_OF_OURS = 5
RECORDED = ("recorded", "")
ENDED_ITS_PARENT = "it ended the process that started it with signal"
DAEMON = """
import os, subprocess, sys
command = [sys.executable, "-c", "import time; time.sleep(600)", __file__]
subprocess.Popen(command, start_new_session=True)
os._exit(5)
"""
#: What may lie in temporary files at any time: far less than is printed, and more than a run puts aside.
MOST_TEMPORARY = 64 << 20
#: More than a pipe holds; ``whole`` prints what no disk should have to hold.
MEBIBYTES, WHOLE_MEBIBYTES = 300, 10_000
LONGEST_LOG = 12_000
LONGEST_WAIT_S = 120

#: By stage: the fault, the outcome, and the end of the reason or a part of it.
STAGES = {
    "daemon": ("leaves a daemon", *RECORDED),
    "fifty": ("leaves 50 processes", *RECORDED),
    "bereaved": ("leaves a daemon and kills its parent", "crashed", f"{ENDED_ITS_PARENT} SIGKILL (9)"),
    "hoards": ("takes memory in another session", "crashed", "memory limit of 1024 MiB exceeded"),
    "exit_0": ("exits 0", "crashed", "ended with exit status 0 and no result, while running preprocess"),
    "terminate_itself": ("raises SIGTERM", "crashed", "killed by signal SIGTERM (15), while running"),
    "interrupt_itself": ("raises SIGINT", "crashed", "killed by signal SIGINT (2), while running"),
    "interrupt_raised": ("raises KeyboardInterrupt", "run-failed", "preprocess: KeyboardInterrupt"),
    "kill_parent": ("kills its parent", "crashed", f"{ENDED_ITS_PARENT} SIGKILL (9)"),
    "terminate_parent": ("terminates its parent", "crashed", f"{ENDED_ITS_PARENT} SIGTERM (15)"),
    "interrupt_parent": ("interrupts its parent", "crashed", f"{ENDED_ITS_PARENT} SIGINT (2)"),
    "stop_parent": ("stops its parent", "crashed", f"{ENDED_ITS_PARENT} SIGKILL (9)"),
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
    "native_parent": ("kills its parent", "kill(getppid(), SIGKILL), sleep(60)", "signal SIGKILL (9)"),
}  # fmt: skip
#: By setting: the fault, what ``tensorflow/__init__.py`` does, and the reason.
IMPORTS = {
    "exits_5": ("_exit(5)", "import os; os._exit(5)", "ended the process with exit status 5"),
    "exits_2": ("_exit(2)", "import os; os._exit(2)", "ended the process with exit status 2"),
    "exits_0": ("_exit(0)", "import os; os._exit(0)", "ended the process with exit status 0"),
    "asks_for_2": ("sys.exit(2)", "import sys; sys.exit(2)", "SystemExit: 2"),
    "interrupts": ("raises KeyboardInterrupt", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    "aborts": ("abort()", "import os; os.abort()", "ended the process with signal SIGABRT (6)"),
    "prints": (
        "prints without end, then _exit(5)",
        "import os\nfor _ in range(300): os.write(2, b'x' * (1 << 20))\nos._exit(5)",
        "ended the process with exit status 5",
    ),
    "daemon": ("leaves a daemon, then _exit(5)", DAEMON, "ended the process with exit status 5"),
}  # fmt: skip
#: What CI runs; the others are ``whole``.
SOME_CASES = (
    "daemon", "fifty", "bereaved", "exit_0", "close_all", "prints", "writes", "writes_again", "reads",
    "reads_unlisted", "native_raise",
)  # fmt: skip
SOME_IMPORTS = ("exits_5", "prints", "daemon")


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
    for place, _, names in os.walk(folder):  # folders may vanish meanwhile
        for name in names:
            with contextlib.suppress(OSError):
                found += Path(place, name).lstat().st_blocks * 512
    return found


def _case(name):
    """Return the text of the case of a stage or a library."""
    text = (
        f'[cases.{name}]\npath = "examples/models/custom_layer"\nruns = 1\ninputs = [{{ npz = "x.npz" }}]\n'
    )
    if name in LIBRARIES:
        return f'{text}libraries = ["{name}.so"]\n'
    if name == "hoards":
        text += 'memory_limit = "1GiB"\n'
    listed = ', reads = ["data/scale.txt"]' if name == "reads" else ""
    function = name.removesuffix("_again").removesuffix("_unlisted")
    return f'{text}preprocess = {{ call = "faulty_stage.py:{function}"{listed} }}\n'


def _rows(kind, some, faults):
    """Return the parameters (which run, what) for ``faults``, each with the row that it is in the table."""
    return [
        pytest.param(
            "some" if name in some else "others",
            name,
            marks=[
                pytest.mark.fault(KIND, f"{kind} {what}", f"{outcome} {reason}".strip()),
                *([] if name in some else [pytest.mark.whole]),
            ],
            id=name,
        )
        for name, (what, outcome, reason) in faults.items()
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory, nox_environments):
    """A function that returns a run of "some" or of the "others", which is made once."""
    return functools.cache(lambda which: _run(which == "some", tmp_path_factory, nox_environments))


def _run(some, tmp_path_factory, nox_environments):
    """Run stages and libraries in one environment, each beside all the others."""
    project = Weighed(tmp_path_factory.mktemp("faulty") / "project", nox_environments).create()
    shutil.copy(Path(__file__).with_name("faulty_stage.py"), project.root)
    np.savez(project.root / "x.npz", pixels=np.ones([4, 64], np.float32))
    (project.root / "data").mkdir()
    (project.root / "data/scale.txt").write_text("2")
    names = [name for name in (*STAGES, *LIBRARIES) if (name in SOME_CASES) == some or name == "prints"]
    for name in names:
        if name in LIBRARIES:
            source, does = Path(__file__).with_name("native.cc"), f"-DDOES={LIBRARIES[name][1]}"
            command = [os.environ.get("CXX", "g++"), "-shared", "-fPIC", does, source]
            subprocess.run([*command, "-o", project.root / f"{name}.so"], check=True)
    printed = MEBIBYTES if some else WHOLE_MEBIBYTES
    setting = f'\n[settings.default]\nvariables = {{ TRIED_MEBIBYTES = "{printed}" }}\n'
    project.matrix(matrix_text("2.15", rest=setting + "".join(map(_case, names)) + CUSTOM_LAYER))
    before = set(project.root.rglob("*"))
    found = project.nox("-s", "matrix", "--", "--no-fixes")
    return project, found, set(project.root.rglob("*")) - before


def _ended(project, setting, case):
    row = project.outcomes()[ENVIRONMENT, setting, case]
    return row.outcome, row.reason or ""


STAGE_ROWS = _rows("a stage", SOME_CASES, STAGES)
LIBRARY_ROWS = _rows(
    "native code", SOME_CASES, {name: (what, "crashed", said) for name, (what, _, said) in LIBRARIES.items()}
)
IMPORT_ROWS = _rows(
    "import tensorflow:",
    SOME_IMPORTS,
    {name: (what, "import-failed", said) for name, (what, _, said) in IMPORTS.items()},
)


@pytest.mark.parametrize(("which", "case"), STAGE_ROWS)
def test_stage(run, seen, which, case):
    outcome, reason = _ended(run(which)[0], SETTING, case)
    assert outcome == STAGES[case][1], reason
    assert STAGES[case][2] in reason
    seen(reason or outcome)


@pytest.mark.parametrize(("which", "case"), LIBRARY_ROWS)
def test_native(run, seen, which, case):
    outcome, reason = _ended(run(which)[0], SETTING, case)
    assert outcome == "crashed"
    assert LIBRARIES[case][2] in reason
    seen(reason)


BOTH_RUNS = ["some", pytest.param("others", marks=pytest.mark.whole)]


@pytest.mark.fault(KIND, "all of these in one run", "the neighbours are recorded; nothing is left")
@pytest.mark.parametrize("which", BOTH_RUNS)
def test_the_neighbours_are_unharmed(run, seen, which):
    project, found, new = run(which)
    assert project.outcomes()[ENVIRONMENT, SETTING, "custom_layer"].outcome == "recorded"
    assert found.status == INCOMPLETE
    assert found.environments == {ENVIRONMENT: "success"}
    assert project.report().faults == []
    assert "runs again next time" not in found.text, "all is settled"
    tops = {path.relative_to(project.root).parts[0] for path in new}
    assert tops <= {"results", "tmp", "nox-report.json", "__pycache__"}
    project.assert_clean()
    seen(f"status {found.status}")


@pytest.mark.fault(KIND, "hundreds of MB, or 10 GB, on stdout", "head and tail kept; the disk stays empty")
@pytest.mark.parametrize("which", BOTH_RUNS)
def test_output_is_cut(run, seen, which):
    project, _, _ = run(which)
    recordings = [json.loads(path.read_text()) for path in project.recordings()]
    (log,) = [
        each["log_tail"]
        for each in recordings
        if (each["identity"]["case"], each["identity"]["measurement"]) == ("prints", "stage")
    ]
    assert "the first line" in log
    assert "bytes left out" in log
    assert log.endswith("the last line\n")
    assert len(log) < LONGEST_LOG
    assert project.heaviest < MOST_TEMPORARY
    seen(f"{len(log)} characters kept, at most {project.heaviest >> 20} MiB on disk")


@pytest.fixture(scope="module")
def imports(tmp_path_factory, nox_environments):
    """A function that returns a run of "some" or of the "others", which is made once."""
    return functools.cache(lambda which: _run_imports(which == "some", tmp_path_factory, nox_environments))


def _run_imports(some, tmp_path_factory, nox_environments):
    """Run one harmless case under settings that each break the import of TensorFlow."""
    project = Weighed(tmp_path_factory.mktemp("imports") / "project", nox_environments).create()
    settings = ["\n[settings.default]\n"]
    for name, (_, does, _) in IMPORTS.items():
        if (name in SOME_IMPORTS) == some:
            package = project.root / "broken" / name / "tensorflow"
            package.mkdir(parents=True)
            (package / "__init__.py").write_text(does + "\n")
            settings.append(f'[settings.{name}]\nvariables = {{ PYTHONPATH = "{package.parent}" }}\n')
    project.matrix(matrix_text("2.15", rest="".join(settings) + CUSTOM_LAYER))
    return project, project.nox("-s", "matrix", "--", "--no-fixes")


@pytest.mark.parametrize(("which", "setting"), IMPORT_ROWS)
def test_import(imports, seen, which, setting):
    project, found = imports(which)
    assert found.status == INCOMPLETE
    outcome, reason = _ended(project, setting, "custom_layer")
    assert outcome == "import-failed"
    assert IMPORTS[setting][2] in reason
    assert _ended(project, SETTING, "custom_layer") == RECORDED
    assert project.heaviest < MOST_TEMPORARY
    project.assert_clean()
    seen(reason)


STARTER = """
import json, os, pathlib, subprocess, sys
path = pathlib.Path(sys.argv[-1])
path.write_text(json.dumps({**json.loads(path.read_text()), "parent": os.getpid()}))
subprocess.Popen(sys.argv[1:], start_new_session=True).wait()
"""


@pytest.mark.whole
@pytest.mark.fault(KIND, "whoever started the probe is killed while a daemon lives", "nothing is left")
def test_the_starter_is_killed(environment, tmp_path, seen):
    shutil.copy(Path(__file__).with_name("faulty_stage.py"), tmp_path)
    probing = Probing(tmp_path, tmp_path, python=environment(ENVIRONMENT))
    probing.add("lasts", measure=stage(tmp_path / "faulty_stage.py", "lasts"), time_limit_s=600)
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, *probing.request()], env=probing.environ()
    ) as starter:
        _wait_until(lambda: any("time.sleep(600)" in line for line in alive_in(tmp_path)))
        starter.kill()
    _wait_until(lambda: not alive_in(tmp_path))
    assert not list((tmp_path / "tmp").iterdir()), "temporary files are removed"
    seen("nothing is left")


def _wait_until(condition):
    deadline = time.monotonic() + LONGEST_WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
