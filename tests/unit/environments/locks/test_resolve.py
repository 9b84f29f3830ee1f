"""How uv is asked, and what its answers become. The answers are what uv 0.13.9 really wrote."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

import pytest
from savedmodel_matrix.domain.errors import LockError, PackageError
from savedmodel_matrix.environments.locks import resolve as module
from savedmodel_matrix.environments.locks.lock import LockInput, read_lock
from savedmodel_matrix.environments.locks.resolve import UV_PLATFORMS, resolve, scrubbed, twins
from savedmodel_matrix.knowledge.releases import PLATFORMS

INPUT = LockInput(
    "tf2.4.4-py3.8-cpu", "3.8", ("tensorflow-cpu==2.4.4", "six"), dt.date(2021, 11, 15), "linux-x86_64"
)
DIGEST = "1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926"
SOLVED = f"six==1.16.0 \\\n    --hash=sha256:{DIGEST}\n"
PYTHON = Path("/opt/python3.8/bin/python")

CONFLICT = """\
error: No solution found when resolving dependencies
  cause: Because tensorflow-cpu==2.15.1 depends on numpy>=1.23.5,<2.0.0 and you require \
tensorflow-cpu==2.15.1, we can conclude that you require numpy>=1.23.5,<2.0.0.
         And because you require numpy==2.0.0, we can conclude that your requirements are unsatisfiable.
"""
UNREACHABLE = """\
error: Request failed after 3 retries in 8.0s
  cause: Failed to fetch: https://nohost.invalid/simple/attrs/
  cause: error sending request for url (https://nohost.invalid/simple/attrs/)
  cause: client error (Connect)
  cause: dns error
"""
OFFLINE = """\
error: No solution found when resolving dependencies
  cause: Because xgboost-ray was not found in the cache and you require xgboost-ray, we can conclude that \
your requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled, registry \
packages may only be read from the cache.
"""
REFUSED = """\
error: No solution found when resolving dependencies
  cause: Because six was not found in the package registry and you require six, we can conclude that your \
requirements are unsatisfiable.

hint: An index URL (http://127.0.0.1:8931/simple) could not be queried due to a lack of valid \
authentication credentials (401 Unauthorized)
"""
MISSING = """\
error: No solution found when resolving dependencies
  cause: Because six was not found in the package registry and you require six, we can conclude that your \
requirements are unsatisfiable.
"""
CUT = """\
error: No solution found when resolving dependencies
  cause: Because six==1.16.0 has an invalid package format and you require six==1.16.0, we can conclude that \
your requirements are unsatisfiable.

hint: The structure of `six` (v1.16.0) was invalid:
  Failed to read from zip file
"""
BUILD = """\
error: Failed to build `brokenpkgzz==1.0`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.get_requires_for_build_wheel` failed (exit status: 1)

         [stderr]
         Traceback (most recent call last):
           File "<string>", line 14, in <module>
           File "/home/me/.cache/uv/builds-v0/.tmpylpufg/lib/setuptools/build_meta.py", line 520, in run_setup
             super().run_setup(setup_script=setup_script)
"""


class FakeIndex:
    def project_files(self, project):
        raise PackageError("nobody answered")

    def download(self, project, file, to):
        raise AssertionError("a lock downloads no file")


@pytest.fixture
def uv(monkeypatch):
    """Stands in for every process; ``answer`` is uv's, ``calls`` what was started."""

    class Fake:
        answer = subprocess.CompletedProcess([], 0, SOLVED, "Resolved 1 package in 292ms\n")
        version = "3.8.18"

        def __init__(self):
            self.calls = []

        def run(self, arguments, **options):
            if arguments[0] == PYTHON:
                return subprocess.CompletedProcess([], 0, f"{self.version}\n", "")
            options["constraints"] = Path(options["cwd"], "constraints.txt").read_text()
            self.calls.append((arguments, options))
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    fake = Fake()
    monkeypatch.setattr(module.subprocess, "run", fake.run)
    monkeypatch.setattr(module.uv, "find_uv_bin", lambda: "uv")
    return fake


def fails_with(stderr, code=2):
    return subprocess.CompletedProcess([], code, "", stderr)


def test_how_uv_is_asked(uv, tmp_path):
    resolve(INPUT, PYTHON, tmp_path / "lock.txt", FakeIndex())
    [(arguments, options)] = uv.calls
    assert arguments == [
        "uv",
        "pip",
        "compile",
        "-",
        f"--python={PYTHON}",
        "--python-version=3.8.18",
        "--python-platform=x86_64-manylinux_2_28",
        "--exclude-newer=2021-11-15T23:59:59Z",
        "--constraints=constraints.txt",
        "--no-emit-package=tensorflow",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--no-python-downloads",
        "--no-progress",
        "--color=never",
    ]
    assert options["input"] == "tensorflow-cpu==2.4.4\nsix\n"
    assert options["constraints"] == "tensorflow==2.4.4\n"


def test_today_and_without_an_interpreter(uv, tmp_path):
    today = LockInput("e", "3.8", ("six",), None, "macos-arm64")
    lock = resolve(today, None, tmp_path / "lock.txt", FakeIndex())
    [(arguments, _)] = uv.calls
    assert "--python-version=3.8" in arguments
    assert not [each for each in arguments if each.startswith(("--exclude-newer", "--python="))]
    assert lock.made_from == today


def test_a_day_to_come_is_not_claimed_to_have_been_seen(uv, tmp_path):
    future = dt.date(9999, 1, 1)
    lock = resolve(LockInput("e", "3.8", ("six",), future, "linux-x86_64"), None, tmp_path / "l", FakeIndex())
    assert lock.resolved < lock.made_from.exclude_newer == future


def test_the_users_environment_keeps_its_index_and_loses_what_meddles(uv, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://mine.invalid/simple")
    for name in ("UV_EXCLUDE_NEWER", "UV_CONSTRAINT", "UV_PRERELEASE", "UV_NO_BUILD_PACKAGE", "UV_PYTHON"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("UV_CACHE_DIR", "kept")
    resolve(INPUT, None, tmp_path / "lock.txt", FakeIndex())
    given = {name: value for name, value in uv.calls[0][1]["env"].items() if name.startswith("UV_")}
    assert given["UV_DEFAULT_INDEX"] == "https://mine.invalid/simple"
    assert given["UV_CACHE_DIR"] == "kept"
    assert "x" not in given.values()


def test_what_is_written_is_what_is_returned(uv, tmp_path):
    to = tmp_path / "new" / "lock.txt"
    lock = resolve(INPUT, PYTHON, to, FakeIndex())
    assert lock == read_lock(to)
    assert lock.pins == {"six": "1.16.0"}
    assert lock.download_mb is None  # the index did not answer, and that spoils nothing
    assert to.read_text().endswith(SOLVED)
    assert [path.name for path in to.parent.iterdir()] == ["lock.txt"]


def test_no_solution_is_an_outcome(uv, tmp_path):
    uv.answer = fails_with(CONFLICT, 1)
    lock = resolve(INPUT, PYTHON, tmp_path / "lock.txt", FakeIndex())
    assert lock == read_lock(tmp_path / "lock.txt")
    assert "depends on numpy>=1.23.5,<2.0.0" in lock.unresolvable
    assert lock.pins == {}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (fails_with(UNREACHABLE), "Failed to fetch"),
        (fails_with(OFFLINE, 1), "network was disabled"),
        (fails_with(REFUSED, 1), "401 Unauthorized"),
        (fails_with(MISSING, 1), "not found in the package registry"),
        (fails_with(CUT, 1), "Failed to read from zip file"),
        (fails_with(BUILD, 1), "Failed to build `brokenpkgzz==1.0`"),
        (subprocess.TimeoutExpired("uv", 600), "did not finish within 600 s"),
    ],
)
def test_not_knowing_is_no_outcome(uv, tmp_path, answer, words):
    uv.answer = answer
    with pytest.raises(LockError, match=words) as caught:
        resolve(INPUT, PYTHON, tmp_path / "lock.txt", FakeIndex())
    assert "tf2.4.4-py3.8-cpu" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_was_there_survives_a_failure(uv, tmp_path):
    resolve(INPUT, PYTHON, tmp_path / "lock.txt", FakeIndex())
    before = (tmp_path / "lock.txt").read_bytes()
    uv.answer = fails_with(UNREACHABLE)
    with pytest.raises(LockError):
        resolve(INPUT, PYTHON, tmp_path / "lock.txt", FakeIndex())
    assert (tmp_path / "lock.txt").read_bytes() == before


def test_an_interpreter_of_another_minor_is_refused(uv, tmp_path):
    uv.version = "3.9.18"
    with pytest.raises(LockError, match=r"is Python 3\.9\.18, but Python 3\.8 is needed"):
        resolve(INPUT, PYTHON, tmp_path / "lock.txt", FakeIndex())
    assert uv.calls == []


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        (("six",), {}),
        (("tensorflow-cpu==2.16.2", "tf-keras==2.16.0"), {"tensorflow": "==2.16.2"}),
        (("tensorflow[and-cuda]==2.16.2",), {"tensorflow-cpu": "==2.16.2"}),
        (("tensorflow==2.16.2", "tensorflow_cpu==2.16.2"), {}),
        (("tf-nightly==2.23.0.dev20261026",), {"tf-nightly-cpu": "==2.23.0.dev20261026"}),
    ],
)
def test_twins(requirements, expected):
    assert twins(requirements) == expected


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("url (https://me:secret@host.invalid/simple/a/)", "url ((address))"),
        ("`file:///home/me/x`", "`(address)`"),
        (r'File "C:\Users\me\x.py", line 1', 'File "(path)", line 1'),
        ('File "/home/me/x.py", line 1', 'File "(path)", line 1'),
        ("tf==1 and numpy>=1.2,<2 on and/or 3/4", "tf==1 and numpy>=1.2,<2 on and/or 3/4"),
    ],
)
def test_scrubbed(text, clean):
    assert scrubbed(text) == clean


def test_every_platform_has_a_name_in_uv():
    assert set(UV_PLATFORMS) == set(PLATFORMS)
