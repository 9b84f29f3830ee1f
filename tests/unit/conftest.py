"""Unit tests cannot spawn or download: what they test must do its work without."""

from __future__ import annotations

import multiprocessing.process
import os
import socket
import subprocess

import psutil
import pytest
from hypothesis import HealthCheck, settings

# The same tiny project for every room that needs one.
from small_project import (  # noqa: F401
    install,
    key_in,
    plan,
    project,
    record,
    staged,
    write_inputs,
    write_lock,
    write_model,
)

# The same examples in every run, however busy the machine: `--hypothesis-profile default` looks for others.
settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")

_FORBIDDEN = [
    # The constructor, not the class: others derive theirs from it while they are imported.
    (subprocess.Popen, "__init__"),
    (psutil.Popen, "__init__"),
    (multiprocessing.process.BaseProcess, "start"),
    *(
        (os, name)
        for name in ("system", "fork", "forkpty", "posix_spawn", "posix_spawnp")
        if hasattr(os, name)
    ),
    (socket.socket, "connect"),
    (socket.socket, "connect_ex"),
    (socket, "create_connection"),
    (socket, "getaddrinfo"),
]


@pytest.fixture(autouse=True)
def attempts():
    """Forbidden calls that were made; a test fails for them also where they were caught."""
    called = []

    def refuse(name):
        def refused(*_args, **_kwargs):
            called.append(name)
            raise AssertionError(f"unit tests cannot spawn or download: {name}")

        return refused

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in _FORBIDDEN:
            patch.setattr(owner, name, refuse(f"{owner.__name__}.{name}"))
        yield called
    assert not called, f"unit tests cannot spawn or download: {', '.join(called)}"
