"""What the end of a case's process says, and what it does not say."""

from __future__ import annotations

import signal
from types import SimpleNamespace

import pytest
from savedmodel_matrix.probe import exchange, supervise, watch


@pytest.fixture
def ended(tmp_path, monkeypatch):
    """A function from the last activity and the exit status of a process to its part of the result."""
    monkeypatch.setattr(watch, "watch", lambda *_: None)

    def end(doing, returncode):
        places = exchange.Places(str(tmp_path))
        (tmp_path / places.doing).write_text(doing)
        return supervise.part_of(SimpleNamespace(returncode=returncode), {}, places, frozenset())

    return end


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_import_that_is_stopped_from_outside_is_not_recorded(ended, number):
    part = ended(watch.IMPORTING, -number)
    assert "outcome" not in part
    assert number.name in part["unfiled"]


@pytest.mark.parametrize("status", [-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGILL, 1])
def test_an_import_that_fails_by_itself_is_recorded(ended, status):
    assert ended(watch.IMPORTING, status)["outcome"] == "import-failed"


@pytest.mark.parametrize("status", [-signal.SIGKILL, -signal.SIGSEGV, 0])
def test_a_case_that_ends_its_process_crashed(ended, status):
    assert ended("running batch 0", status)["outcome"] == "crashed"
