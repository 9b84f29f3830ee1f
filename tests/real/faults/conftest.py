"""Faults: what breaks, the expected outcome, and a table of both that the suite prints itself."""

from __future__ import annotations

import pytest
from faulty_project import Faulty
from tabulate import tabulate


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
    return lambda text: record_property("seen", str(text))


@pytest.fixture(autouse=True)
def _row(request, record_property):
    """Put the test's fault into the table: it has to say what breaks and what is expected."""
    marker = request.node.get_closest_marker("fault")
    assert marker is not None, "mark it: @pytest.mark.fault(kind, fault, expected)"
    kind, fault, expected = map(str, marker.args)  # plain text: workers send it to the process that prints
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
