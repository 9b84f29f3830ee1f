"""The guard in ``conftest.py`` holds."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import subprocess
import sys
import urllib.request

import psutil
import pytest


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        lambda: subprocess.Popen([sys.executable, "-c", ""]),
        lambda: psutil.Popen([sys.executable, "-c", ""]),
        lambda: multiprocessing.Process(target=print).start(),
        lambda: os.system("true"),
        lambda: os.fork(),  # noqa: PLW0108 - looked up when it is called, once it is replaced
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: socket.getaddrinfo("localhost", 9),
        lambda: socket.socket().connect(("127.0.0.1", 9)),
        lambda: urllib.request.urlopen("http://localhost:9/"),
    ],
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_spawning_and_downloading_are_refused(forbidden, attempts):
    with pytest.raises(AssertionError, match="unit tests cannot spawn or download"):
        forbidden()
    assert len(attempts) == 1
    attempts.clear()


def test_what_was_caught_is_still_seen(attempts):
    with contextlib.suppress(AssertionError):
        os.system("true")
    assert attempts == ["os.system"]
    attempts.clear()
