"""A machine that refuses: a full disk, links that lead nowhere, files where folders belong."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from project import TIME_LIMIT_S

KIND = "machine"
INCOMPLETE = 4


def judged(project):
    """Return what the newest report says of each cell and case."""
    return {(row.cell, row.case): (row.outcome, row.class_, row.verdict) for row in project.report().cells}


def _as_file(path):
    shutil.rmtree(path, ignore_errors=True)
    path.write_text("not a folder")


def _dangling(path):
    shutil.rmtree(path, ignore_errors=True)
    path.symlink_to(path.parent / "nowhere" / "at-all")


def _loop(path):
    shutil.rmtree(path, ignore_errors=True)
    path.symlink_to(path)


@pytest.mark.whole
@pytest.mark.fault(KIND, "a part of results/", "status 4, one line that names it")
@pytest.mark.parametrize(
    "how", [_as_file, _dangling, _loop], ids=["a file", "a dangling link", "a link loop"]
)
@pytest.mark.parametrize(
    "part", ["results", "results/latest", "results/recordings", "results/objects", "results/runs"]
)
@pytest.mark.parametrize("command", [("report",), ("-s", "matrix")], ids=["report", "matrix"])
def test_part(faulty, seen, part, how, command):
    before = judged(faulty)
    place = faulty.root / part
    how(place)
    found = faulty.harness(*command) if command == ("report",) else faulty.nox(*command)
    assert found.status == INCOMPLETE
    if command == ("report",) and part == "results/recordings":
        assert all(row.verdict is None for row in faulty.report().cells), "nothing is recorded here"
    else:
        assert "run again" in found.text
    place.unlink()  # as the message says
    assert faulty.nox("-s", "matrix").status == INCOMPLETE  # one case cannot be loaded in the newest release
    assert judged(faulty) == before
    seen(f"status {found.status}: {found.output.strip().splitlines()[-1][-80:]}")


@pytest.mark.fault(KIND, "results/ on a full disk of this many kB", "status 4, says so; nothing is left")
@pytest.mark.parametrize("kilobytes", [24, 120, 300])
def test_full_disk(faulty, seen, kilobytes):
    shutil.rmtree(faulty.results)
    faulty.results.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", faulty.results],
        capture_output=True, check=False,
    )  # fmt: skip
    if mount.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        # Not ``nox``: the reports of its sessions that it reads are as incomplete as everything else there.
        found = faulty.run(*faulty.nox_command("-s", "matrix"), time_limit_s=TIME_LIMIT_S)
    finally:
        subprocess.run(["umount", "-l", faulty.results], check=True)
    assert found.status == INCOMPLETE
    assert "No space left" in found.output
    seen(f"status {found.status}: {found.output.strip().splitlines()[-1][-80:]}")
