"""Faults: what breaks, the expected outcome, and a table of both that the suite prints itself."""

from __future__ import annotations

import re

import pytest
from project import RealProject, alive_in
from tabulate import tabulate

#: A status of 1 says "something differs"; a fault of this tool or of the machine never ends in it.
DIFFERS = 1


class Faulty(RealProject):
    """A project to break: every command is held to what is true of every fault.

    ``differs`` is set by a test whose cells really differ, because then the status may say so.
    """

    differs = False

    def run(self, *command, time_limit_s):
        """Run a command; no traceback is shown, and a fault is never reported as a difference."""
        found = super().run(*command, time_limit_s=time_limit_s)
        assert "Traceback (most recent call last)" not in found.output
        assert re.search(r"\x1b\]|\x07", found.output) is None, (
            "no escape sequence of a name reaches the terminal"
        )
        assert self.differs or found.status != DIFFERS, "a fault is not a difference"
        return found

    def assert_clean(self):
        """Assert that no process works here and that no temporary file is left."""
        assert not alive_in(self.root)
        left = [path for path in (self.root / "tmp").glob("*") if path.name != "uv.lock"]
        assert not left, "temporary files are removed"
        assert not list(self.root.rglob(".*.tmp")), "half-written files are removed"


@pytest.fixture
def faulty(recorded, tmp_path, nox_environments):
    """Return a copy of a recorded project; at the end nothing is left of what ran in it."""
    project = Faulty(recorded.project.copied_to(tmp_path / "project").root, nox_environments)
    yield project
    project.assert_clean()


@pytest.fixture
def faulty_new(tmp_path, nox_environments):
    """Return a project without a matrix or recordings; at the end nothing is left of what ran in it."""
    project = Faulty(tmp_path / "elsewhere", nox_environments).create()
    yield project
    project.assert_clean()


@pytest.fixture
def seen(record_property):
    """Return a function that says, for the table, what was seen."""
    return lambda text: record_property("seen", text)


@pytest.fixture(autouse=True)
def _row(request, record_property):
    """Put the test's fault into the table: it has to say what breaks and what is expected."""
    marker = request.node.get_closest_marker("fault")
    assert marker is not None, "mark it: @pytest.mark.fault(kind, fault, expected)"
    kind, fault, expected = marker.args
    parameters = f" [{request.node.callspec.id}]" if hasattr(request.node, "callspec") else ""
    record_property("fault", (kind, fault + parameters, expected))


def pytest_terminal_summary(terminalreporter):
    """Print the table of all faults, made from what was run."""
    rows = []
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            known = dict(getattr(report, "user_properties", []))
            if "fault" in known and (report.when == "call" or outcome == "error"):
                rows.append(
                    (*known["fault"], known.get("seen", ""), "OK" if outcome == "passed" else "WRONG")
                )
    if rows:
        terminalreporter.section(f"{len(rows)} faults")
        headers = ("kind", "fault", "expected", "seen", "")
        terminalreporter.write_line(
            tabulate(sorted(rows), headers=headers, maxcolwidths=[14, 44, 36, 36, None])
        )
