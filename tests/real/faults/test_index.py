"""A package index that asks for a password, dies in a download, or sends what it did not announce."""

from __future__ import annotations

import random
import shutil
import subprocess

import pytest
from local_index import LocalIndex
from project import CUSTOM_LAYER, REPOSITORY, TIME_LIMIT_S, matrix_text

KIND = "package index"
INCOMPLETE = 4
#: A release that no other test runs, so that its environment can be one of our own wheels.
REAL, TINY = "tf2.15.1-py3.11-cpu", "tf2.13.1-py3.11-cpu"
PACKED = """
[cases.packed]
package = "tiny-model==1.0"
path = "models/custom_layer"
inputs = [{ warmup = 5 }]
"""
AGAIN = ("--no-fixes", "--fresh", "--only", TINY)
USER, PASSWORD = "somebody-of-the-index", "p4ssw0rd-of-the-index"


def _index(credentials=None):
    model = REPOSITORY / "examples/models/custom_layer"
    files = {
        f"models/custom_layer/{path.relative_to(model)}": path.read_bytes()
        for path in model.rglob("*")
        if path.is_file()
    }
    # Large enough that half of it is not sent in one piece with the rest.
    weight = random.Random(13).randbytes(400_000).hex()
    tensorflow = {"tensorflow/__init__.py": "raise ImportError('a tiny one')\n", "tensorflow/weight": weight}
    return LocalIndex(
        [("tensorflow-cpu", "2.13.1", tensorflow), ("tiny-model", "1.0", files)], credentials=credentials
    )


@pytest.fixture
def project(recorded, faulty_new):
    """A project of a real environment that is installed already, and of one from the local index."""
    faulty_new.matrix(matrix_text("2.15", "2.13", rest="[settings.default]\n" + CUSTOM_LAYER + PACKED))
    faulty_new.lock_path(TINY).unlink()
    faulty_new.variables.update(
        {"UV_CACHE_DIR": str(faulty_new.root / "uv"), "PIP_FIND_LINKS": None, "UV_HTTP_RETRIES": "0"}
    )
    _forget(faulty_new)
    return faulty_new


def _forget(project):
    """Remove what was downloaded: the tiny environment, uv's cache, and the model."""
    for folder in (project.environments / TINY.replace(".", "-"), project.root / "uv"):
        shutil.rmtree(folder, ignore_errors=True)


def _outcome(project, environment, case):
    row = project.outcomes()[environment, "default", case]
    return row.outcome, row.reason


@pytest.mark.whole
@pytest.mark.fault(KIND, "a download ends in the middle, or is another file", "one line; the next run works")
@pytest.mark.parametrize(
    ("fault", "installing", "fetching"),
    [("dies", "end of file", "did not answer"), ("swaps", "Hash mismatch", "does not match the index")],
    ids=["dies", "another file"],
)
def test_download(project, seen, fault, installing, fetching):
    with _index() as index:
        project.variables["UV_DEFAULT_INDEX"] = index.address
        assert project.nox("-s", "lock", "--", TINY).status == 0
        _forget(project)
        index.fault = fault
        found = project.nox("-s", "matrix", "--", "--no-fixes")
        assert found.status == INCOMPLETE
        assert _outcome(project, REAL, "custom_layer")[0] == "recorded", "the rest runs"
        outcome, reason = _outcome(project, TINY, "custom_layer")
        assert outcome == "install-failed"
        assert installing in reason
        assert "\n" not in reason
        assert "check the network and the package index, and run again" in reason
        skipped, why = _outcome(project, REAL, "packed")
        assert skipped == "skipped"
        assert fetching in why
        assert not list(project.results.rglob("*.whl")), "nothing of it is kept"

        index.fault = None
        project.nox("-s", "matrix", "--", "--no-fixes")
        assert _outcome(project, REAL, "packed")[0] == "recorded"
        assert _outcome(project, TINY, "custom_layer") == ("import-failed", "ImportError: a tiny one")
    seen(f"status {found.status}: {reason[:80]}")


@pytest.mark.fault(KIND, "it dies, or lacks a package, while a lock is made", "status 4, no lock")
@pytest.mark.parametrize("fault", ["dies", "lacks"])
def test_resolution(project, seen, fault):
    with _index() as index:
        project.variables["UV_DEFAULT_INDEX"] = index.address
        missing = index.files.pop("tensorflow-cpu") if fault == "lacks" else None
        index.fault = fault
        found = project.nox("-s", "lock", "--", TINY)
        assert found.status == INCOMPLETE
        assert not project.lock_path(TINY).exists(), "that there is no solution is not known"
        assert found.text.count("nothing was written") == 2, "for the environment, and in the end"

        index.fault = None
        index.files.update({"tensorflow-cpu": missing} if missing else {})
        assert project.nox("-s", "lock", "--", TINY).status == 0
        assert project.lock_path(TINY).exists()
    seen(f"status {found.status}")


@pytest.mark.fault(KIND, "it asks for a password", "a lock is written; neither password nor host is written")
def test_credentials(project, seen):
    with _index(f"{USER}:{PASSWORD}") as index:
        host = index.host
        project.variables["UV_INDEX_URL"] = index.address
        outputs = [project.nox("-s", "lock", "--", TINY), project.nox("-s", "matrix", "--", "--no-fixes")]
        assert outputs[0].status == 0
        assert "tensorflow-cpu==2.13.1" in project.lock_path(TINY).read_text()
        assert "download: 1 MB" in project.lock_path(TINY).read_text(), "our own client is let in, too"
        assert _outcome(project, TINY, "custom_layer") == ("import-failed", "ImportError: a tiny one")
        assert _outcome(project, REAL, "packed")[0] == "recorded"
        _forget(project)
        project.variables["UV_INDEX_URL"] = index.address.replace(PASSWORD, f"{PASSWORD}-before")
        outputs.append(project.nox("-s", "matrix", "--", *AGAIN))
        assert _outcome(project, TINY, "custom_layer")[0] == "install-failed"
    _forget(project)
    outputs += [project.nox("-s", "matrix", "--", *AGAIN), project.nox("-s", "lock", "--", TINY)]
    assert _outcome(project, TINY, "custom_layer")[0] == "install-failed", "it is gone"

    files = [path for name in ("results", "matrices") for path in (project.root / name).rglob("*")]
    written = {str(path): path.read_bytes() for path in files if path.is_file()}
    printed = {f"output {number}": found.output.encode() for number, found in enumerate(outputs)}
    for secret in (USER, PASSWORD, host):
        assert [name for name, text in {**written, **printed}.items() if secret.encode() in text] == []
    seen(f"{len(written)} files and {len(printed)} outputs without it")


@pytest.mark.fault(KIND, "no network, everything locked and cached", "environments are made from the cache")
def test_offline(recorded, faulty_new, seen):
    alone = ["unshare", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not run a program without network")
    faulty_new.environments = faulty_new.root / "nox"
    faulty_new.matrix(matrix_text("2.15", rest="[settings.default]\n" + CUSTOM_LAYER))
    faulty_new.variables["UV_HTTP_RETRIES"] = "0"
    command = faulty_new.nox_command("-s", "matrix", "--", "--no-fixes")
    found = faulty_new.run(*alone, *command, time_limit_s=TIME_LIMIT_S)
    assert found.status == 0
    assert _outcome(faulty_new, REAL, "custom_layer") == ("recorded", None)
    seen(f"status {found.status}")
