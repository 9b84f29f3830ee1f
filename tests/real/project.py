"""A project of its own in a folder of its own, and nox in it: what a user would do, as a test does it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.report.document import Report

REPOSITORY = Path(__file__).parents[2]
NOXFILE = "from savedmodel_matrix import register\n\nregister(__file__)\n"
TIME_LIMIT_S = 600.0

#: Two cases over a setting and its opposite; every test matrix is made of these parts.
CNN = """
[cases.cnn]
path = "examples/models/cnn"
inputs = [{ npz = "examples/inputs/cnn-1.npz" }, { npz = "examples/inputs/cnn-2.npz" }]
"""
CUSTOM_LAYER = """
[cases.custom_layer]
path = "examples/models/custom_layer"
inputs = [{ warmup = 20 }]
"""
SETTINGS = """
[settings.default]

[settings.onednn-off]
variables = { TF_ENABLE_ONEDNN_OPTS = "0" }
"""


def matrix_text(*tensorflow, rest, baseline=None):
    """Return a matrix over releases such as ``"2.15"``, with the first one's environment as its baseline."""
    return (
        f'baseline = "{baseline or f"tf{tensorflow[0]}*"}"\n\n'
        f"[[environments]]\ntensorflow = {json.dumps(tensorflow)}\n{rest}"
    )


@dataclass(frozen=True)
class Run:
    """What one command came to."""

    status: int
    output: str
    sessions: dict[str, str]
    """Results of the nox sessions that were run, by name."""
    seconds: float
    environments: dict[str, str] = field(default_factory=dict)
    """Results of the sessions of environments that those started, by name, in whichever round."""

    @property
    def text(self):
        """The output with all white space as single spaces: a report wraps its lines."""
        return " ".join(self.output.split())


@dataclass
class RealProject:
    """A folder with a noxfile, matrices, committed locks and the examples.

    ``environments`` is where nox makes its environments: shared by tests, since a lock that is
    installed already is left alone. ``variables`` change the environment of every command; None removes.
    """

    root: Path
    environments: Path
    variables: dict[str, str | None] = field(default_factory=dict)

    def create(self, noxfile=NOXFILE):
        """Fill the folder, and return the project."""
        self.root.mkdir(parents=True)
        (self.root / "noxfile.py").write_text(noxfile)
        shutil.copytree(REPOSITORY / "matrices/locks", self.root / "matrices/locks")
        shutil.copytree(REPOSITORY / "examples/models", self.root / "examples/models")
        shutil.copytree(REPOSITORY / "examples/inputs", self.root / "examples/inputs")
        return self

    def copied_to(self, root):
        """Return a copy of the project, with all that is recorded in it."""
        shutil.copytree(self.root, root, symlinks=True)
        return RealProject(root, self.environments, dict(self.variables))

    def matrix(self, text, name="default"):
        """Write a matrix."""
        (self.root / "matrices" / f"{name}.toml").write_text(text)

    def nox(self, *arguments, time_limit_s=TIME_LIMIT_S):
        """Run nox here, and return what it came to."""
        said = self.root / "nox-report.json"
        said.unlink(missing_ok=True)
        before = self._rounds()
        found = self.run(*self.nox_command("--report", str(said), *arguments), time_limit_s=time_limit_s)
        sessions = json.loads(said.read_text())["sessions"] if said.exists() else []
        results = {each["name"]: each["result"] for each in sessions}
        started = {}
        for path in [
            path for folder in self._rounds() if folder not in before for path in folder.glob("*.nox.json")
        ]:
            (session,) = json.loads(path.read_text())["sessions"]
            started[session["name"]] = session["result"]
        return Run(found.status, found.output, results, found.seconds, started)

    def nox_command(self, *arguments):
        """Return the command line of nox; options go before whatever follows ``--``."""
        return [sys.executable, "-m", "nox", "--envdir", str(self.environments), *arguments]

    def harness(self, *arguments):
        """Run the command line here."""
        return self.run(sys.executable, "-m", "savedmodel_matrix", *arguments, time_limit_s=TIME_LIMIT_S)

    def run(self, *command, time_limit_s):
        """Run a command here to its end, which is the test's failure if it does not come in time."""
        begun = time.monotonic()
        with self.start(*command) as process:
            try:
                output = process.communicate(timeout=time_limit_s)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                kill_tree(process.pid)
                raise
        sys.stdout.write(output)  # shown by pytest where the test fails
        return Run(process.returncode, output, {}, time.monotonic() - begun)

    def start(self, *command):
        """Start a command here, its output to be read."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _environ(self):
        # These tests are run by a nox session themselves: the nox they start is not a part of that run.
        inner = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("NOX", "SAVEDMODEL_MATRIX_", "PYTEST_", "VIRTUAL_ENV"))
        }
        temporary = self.root / "tmp"
        temporary.mkdir(exist_ok=True)
        changed = {"TMPDIR": str(temporary), "NO_COLOR": "1", **self.variables}
        return {name: value for name, value in {**inner, **changed}.items() if value is not None}

    def report(self):
        """Return the newest report, held to its own types."""
        return Report.model_validate_json((self.results / "latest/report.json").read_text())

    def markdown(self):
        """Return the newest report for people, without the marks that keep text from being Markdown."""
        return (self.results / "latest/report.md").read_text().replace("\\", "")

    def outcomes(self):
        """Return {(environment, setting, case): row} of the newest report."""
        return {(row.environment, row.setting, row.case): row for row in self.report().cells}

    @property
    def results(self):
        """The folder of results."""
        return self.root / "results"

    def recordings(self):
        """Return {path: identity} of every recording; the identity changes when a file is replaced."""
        return {
            path: (path.stat().st_ino, path.stat().st_mtime_ns)
            for path in self.results.glob("recordings/*/*.json")
        }

    def _rounds(self):
        """Return the folders of the rounds of every run, the oldest first."""
        return sorted((self.results / "logs").glob("*/*-*/"), key=lambda path: path.stat().st_ctime)

    def plan(self, *arguments):
        """Return the dry run, as the command line gives it to scripts."""
        return json.loads(self.harness("plan", "--json", *arguments).output)

    def lock_path(self, environment):
        """Return where an environment's lock lies."""
        return self.root / f"matrices/locks/{platform_name()}/{environment}.txt"


def kill_tree(pid):
    """Kill a process and all its descendants, whatever sessions and groups they made, at one moment."""
    stopped = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        # Stopped first, until no new one appears: between the look and the kill a process may start another.
        while new := [each for each in [root, *root.children(recursive=True)] if each.pid not in stopped]:
            for process in new:
                stopped[process.pid] = process
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
    for process in stopped.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def alive_in(folder):
    """Return the command lines of the processes that name something in ``folder``, zombies left out."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if any(str(folder) in word for word in words) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(words))
    return found
