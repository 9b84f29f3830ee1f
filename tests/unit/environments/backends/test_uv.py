from __future__ import annotations

import subprocess

import pytest
from savedmodel_matrix.domain.errors import InstallError
from savedmodel_matrix.environments.backends.uv import UvBackend

UV = UvBackend()


@pytest.fixture
def uv(monkeypatch):
    """Stands in for uv: its calls, and how the next ones end."""
    calls = []

    def run(command, **_):
        calls.append(command)
        return subprocess.CompletedProcess(command, run.status, "", run.words)

    run.status, run.words, run.calls = 0, "", calls
    monkeypatch.setattr(subprocess, "run", run)
    return run


def test_what_is_installed_is_known_by_the_locks_content(tmp_path, uv):
    assert UV.describe(tmp_path).lock != "d1"
    UV.install(tmp_path, tmp_path / "lock.txt", "d1")
    assert UV.describe(tmp_path).lock == "d1"
    assert UV.describe(tmp_path).lock != "d2"
    UV.install(tmp_path, tmp_path / "lock.txt", "d2")
    assert UV.describe(tmp_path).lock == "d2"
    assert UV.describe(tmp_path).lock != "d1"


def test_only_hashed_files_enter_the_environment(tmp_path, uv):
    UV.install(tmp_path, tmp_path / "lock.txt", "d1")
    (command,) = uv.calls
    assert "--require-hashes" in command
    assert command[command.index("--python") + 1] == str(UV.describe(tmp_path).python)
    assert command[-1] == str(tmp_path / "lock.txt")


def test_a_failure_says_uvs_words_in_one_line(tmp_path, uv):
    uv.status = 2
    uv.words = "  × Failed to download `a==1`\n  ├─▶ Hash mismatch\n  ╰─▶ expected b\n\n"
    with pytest.raises(InstallError) as caught:
        UV.install(tmp_path, tmp_path / "lock.txt", "d1")
    assert str(caught.value) == (
        "Failed to download `a==1`; Hash mismatch; expected b; "
        "check the network and the package index, and run again"
    )


def test_after_a_failure_nothing_passes_for_installed(tmp_path, uv):
    UV.install(tmp_path, tmp_path / "lock.txt", "d1")
    uv.status = 1
    with pytest.raises(InstallError, match="uv gave no reason"):
        UV.install(tmp_path, tmp_path / "lock.txt", "d2")
    # The folder may hold anything by now: neither the new lock nor the one that was there before.
    assert UV.describe(tmp_path).lock != "d1"
    assert UV.describe(tmp_path).lock != "d2"
