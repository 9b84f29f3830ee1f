"""A machine that refuses: a full disk, links that lead nowhere, files where folders belong."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project import CUSTOM_LAYER, TIME_LIMIT_S, matrix_text
from savedmodel_matrix.probe import unfinished

KIND = "machine"
#: Patches ``fcntl`` in every Python process, as a file system would behave that refuses locks.
NO_LOCKS = """
import errno, fcntl, os

def refuse(*_):
    raise OSError({number}, os.strerror({number}))

fcntl.flock = refuse
"""
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


@contextlib.contextmanager
def mounted(folder, options):
    """Mount an empty file system in memory on a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.fault(KIND, "results/ on a full disk of this many kB", "status 4, says so; nothing is left")
@pytest.mark.parametrize("kilobytes", [24, 120, 300])
def test_full_disk(faulty, seen, kilobytes):
    shutil.rmtree(faulty.results)
    with mounted(faulty.results, f"size={kilobytes}k"):
        # Not ``nox``: the reports of its sessions that it reads are as incomplete as everything else there.
        found = faulty.run(*faulty.nox_command("-s", "matrix"), time_limit_s=TIME_LIMIT_S)
    assert found.status == INCOMPLETE
    assert "No space left" in found.output
    seen(f"status {found.status}: {found.output.strip().splitlines()[-1][-80:]}")


@pytest.mark.fault(KIND, "results/ without inodes left", "status 4, says so; nothing is left")
def test_no_inodes(faulty, seen):
    shutil.rmtree(faulty.results)
    with mounted(faulty.results, "nr_inodes=40"):
        found = faulty.run(*faulty.nox_command("-s", "matrix"), time_limit_s=TIME_LIMIT_S)
    assert found.status == INCOMPLETE
    assert "No space left" in found.output
    seen(f"status {found.status}: {found.output.strip().splitlines()[-1][-80:]}")


@pytest.mark.fault(KIND, "results/ that is read-only", "status 4, names it; nothing is lost")
@pytest.mark.parametrize("command", [("report",), ("-s", "matrix")], ids=["report", "matrix"])
def test_read_only(faulty, seen, command):
    before = faulty.recordings()
    mounting = ["mount", "--bind", "-o", "ro", faulty.results, faulty.results]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        found = faulty.harness(*command) if command == ("report",) else faulty.nox(*command)
    finally:
        subprocess.run(["umount", "-l", faulty.results], check=True)
    assert found.status == INCOMPLETE
    assert "Read-only file system; make it writable" in found.text
    assert faulty.recordings() == before
    seen(f"status {found.status}: {found.output.strip().splitlines()[-1][-80:]}")


@pytest.mark.fault(KIND, "environments on a disk that is too small", "said beforehand; status 4")
def test_environments_on_a_small_disk(faulty_new, seen):
    faulty_new.environments = faulty_new.root / "nox"
    faulty_new.matrix(matrix_text("2.15", rest="[settings.default]\n" + CUSTOM_LAYER))
    with mounted(faulty_new.environments, "size=50m"):
        found = faulty_new.nox("-s", "matrix", "--", "--no-fixes")
    assert found.status == INCOMPLETE
    assert "low on disk: the environments may take 12" in found.text
    assert found.text.index("low on disk") < found.text.index("tf2.15.1-py3.11-cpu: done")
    (row,) = faulty_new.report().cells
    assert row.outcome == "install-failed"
    assert "No space left" in row.reason
    assert "free some space and run again" in row.reason
    assert "\n" not in row.reason
    seen(f"status {found.status}: {row.reason[:80]}")


@pytest.mark.fault(KIND, "results/ on a file system without locks", "status 4, names the file; all is kept")
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(errno.ENOLCK, id="ENOLCK"),
        pytest.param(errno.EOPNOTSUPP, id="EOPNOTSUPP", marks=pytest.mark.whole),
        pytest.param(errno.ENOSYS, id="ENOSYS", marks=pytest.mark.whole),
    ],
)
def test_no_locks(faulty, seen, number):
    patch = faulty.root / "patch"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(NO_LOCKS.format(number=number))
    before = faulty.recordings()
    shutil.rmtree(faulty.results / "cases")  # so that the cases are prepared again, which one process does
    faulty.variables["PYTHONPATH"] = str(patch)
    found = faulty.nox("-s", "matrix")
    assert found.status == INCOMPLETE
    assert "results/cases.lock" in found.text
    assert "put the project on a local disk, and run again" in found.text
    assert faulty.recordings() == before
    del faulty.variables["PYTHONPATH"]
    faulty.nox("-s", "matrix")
    assert faulty.recordings() == before, "nothing has to run again"
    seen(f"status {found.status}: {found.output.strip().splitlines()[-1][-80:]}")


@pytest.mark.fault(KIND, "half-written files of killed runs", "the next run removes them, not those in use")
def test_half_written(faulty, seen):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folders = ["latest", "recordings/ab", "objects/cd", "cases", "packages", "runs", "cache", "."]
    places = [faulty.results / folder for folder in folders] + [faulty.root / "matrices/locks"]
    planted = {}
    for process in (gone.pid, os.getpid()):
        owner = f"{process}@{unfinished.place()}"
        planted[process] = [place / f".file.{owner}.0123abcd.tmp" for place in places]
        for path in planted[process]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("half")
        planted[process].append(faulty.results / f"re-exports/.model.{owner}.0123abcd.tmp")
        (planted[process][-1] / "variables").mkdir(parents=True)
    found = faulty.nox("-s", "matrix")
    assert found.environments == {}, "they are no reason to run anything"
    assert [path for path in planted[gone.pid] if path.exists()] == []
    assert all(path.exists() for path in planted[os.getpid()])
    for path in planted[os.getpid()]:
        unfinished.remove(path)
    seen(f"{len(planted[gone.pid])} removed")


ONE_CELL = ("--no-fixes", "--fresh", "--only", "tf2.15*/default", "--case", "custom_layer")


@pytest.mark.fault(KIND, "TMPDIR does not exist, or is read-only", "another folder is used")
@pytest.mark.parametrize("exists", [False, True], ids=["missing", "read-only"])
def test_temporary_folder(faulty, seen, exists):
    folder = faulty.root / "temporary"
    before = faulty.recordings()
    faulty.variables["TMPDIR"] = str(folder)
    with mounted(folder, "ro") if exists else contextlib.nullcontext():
        found = faulty.nox("-s", "matrix", "--", *ONE_CELL)
    assert found.status == INCOMPLETE  # of another case, which cannot be loaded in the newest release
    assert len(before) == len(faulty.recordings())
    assert before != faulty.recordings(), "it ran"
    seen(f"status {found.status}")


@pytest.mark.fault(KIND, "the home folder and uv's cache are read-only", "status 4, one line that names it")
def test_home(faulty_new, seen):
    home = faulty_new.root / "home"
    faulty_new.environments = faulty_new.root / "nox"
    faulty_new.matrix(matrix_text("2.15", rest="[settings.default]\n" + CUSTOM_LAYER))
    pyenv = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    faulty_new.variables.update({"HOME": str(home), "PYENV_ROOT": pyenv, "UV_CACHE_DIR": None})
    with mounted(home, "ro"):
        found = faulty_new.nox("-s", "matrix", "--", "--no-fixes")
    assert found.status == INCOMPLETE
    (row,) = faulty_new.report().cells
    assert row.outcome == "install-failed"
    assert "home/.cache/uv" in row.reason
    assert "Read-only file system" in row.reason
    assert "\n" not in row.reason
    seen(f"status {found.status}: {row.reason[:80]}")


@pytest.mark.fault(KIND, "a path that is too long for the system", "status 4, names it")
def test_long_path(faulty, seen):
    name = "m" * 240  # its definition can be written, the file of its run cannot
    shutil.copy(faulty.root / "matrices/default.toml", faulty.root / f"matrices/{name}.toml")
    before = faulty.recordings()
    found = faulty.nox("-s", f"matrix-{name}")
    assert found.status == INCOMPLETE
    assert "File name too long; use a shorter path" in found.text
    assert faulty.recordings() == before
    seen(f"status {found.status}: {found.output.strip().splitlines()[-1][-80:]}")


@pytest.mark.fault(KIND, "the clock was set back by a day since the last run", "the new run is the newest")
def test_clock(faulty, seen):
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).strftime("%Y%m%dT%H%M%SZ")
    earlier = sorted((faulty.results / "runs").glob("*-default.json"))[-1]
    ahead = earlier.rename(earlier.with_name(f"{tomorrow}-abcdef-default.json"))
    for number in range(25):  # more logs than are kept
        (faulty.results / f"logs/{tomorrow}-{number:06x}-default").mkdir()
    before = set(faulty.results.glob("logs/*"))
    found = faulty.nox("-s", "matrix", "--", *ONE_CELL)
    assert found.status == INCOMPLETE
    (new,) = set(faulty.results.glob("logs/*")) - before
    assert list(new.rglob("*.log")), "it is not the one that was dropped"
    assert max((faulty.results / "runs").glob("*-default.json")) != ahead
    assert faulty.report().run in new.name
    seen(f"status {found.status}: {new.name[:15]} after {tomorrow[:15]}")
