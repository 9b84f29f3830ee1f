"""Which status nox ends with, decided without ending anything."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from savedmodel_matrix.domain.errors import LockError, NothingSelectedError
from savedmodel_matrix.doors import exit_status


class SessionError(Exception):
    pass


class FakeSession:
    parallel = False

    def error(self, text):
        raise SessionError(text)


@pytest.fixture
def ended(tmp_path, monkeypatch):
    """A function that ends nox as ``atexit`` would and returns the status, None for nox's own."""
    registered = []
    monkeypatch.setattr(exit_status.atexit, "register", lambda *call: registered.append(call))
    exit_status.watch(tmp_path)

    def end():
        statuses = []
        monkeypatch.setattr(exit_status, "os", SimpleNamespace(_exit=statuses.append, getpid=os.getpid))
        for function, *arguments in registered:
            function(*arguments)
        return statuses[0] if statuses else None

    return end


def test_nothing_changes_where_no_session_of_ours_ended(ended, tmp_path):
    assert ended() is None
    assert list(tmp_path.iterdir()) == []


def test_a_session_that_succeeds_leaves_nothing(ended, tmp_path):
    with exit_status.reported(FakeSession(), tmp_path):
        exit_status.require_zero(0)
    assert ended() is None


@pytest.mark.parametrize(
    ("raised", "status"), [(NothingSelectedError("no cell"), 3), (LockError("no lock"), 4)]
)
def test_what_a_user_can_act_on_keeps_its_status(ended, tmp_path, raised, status):
    with pytest.raises(SessionError, match=str(raised)), exit_status.reported(FakeSession(), tmp_path):
        raise raised
    assert ended() == status


def test_a_fault_of_ours_is_5_and_keeps_its_traceback(ended, tmp_path):
    said = r"(?s)please report it:.*Traceback.*: a\\x1b\[31mb\n$"
    with pytest.raises(SessionError, match=said), exit_status.reported(FakeSession(), tmp_path):
        raise ZeroDivisionError("a\x1b[31mb")
    assert ended() == 5


def test_the_most_severe_of_several_counts(ended, tmp_path):
    for status in (1, 4, 1):
        with pytest.raises(SessionError), exit_status.reported(FakeSession(), tmp_path):
            exit_status.require_zero(status)
    assert ended() == 4


def test_a_parallel_session_says_it_to_the_nox_that_the_user_started(tmp_path, monkeypatch):
    session = FakeSession()
    session.parallel = True
    with pytest.raises(SessionError), exit_status.reported(session, tmp_path):
        exit_status.require_zero(4)
    assert (tmp_path / str(os.getppid()) / "4").exists()


def test_what_a_killed_process_of_this_number_left_does_not_count(tmp_path, monkeypatch):
    (tmp_path / str(os.getpid())).mkdir()
    (tmp_path / str(os.getpid()) / "4").touch()
    monkeypatch.setattr(exit_status.atexit, "register", lambda *_: None)
    exit_status.watch(tmp_path)
    assert list(tmp_path.iterdir()) == []
