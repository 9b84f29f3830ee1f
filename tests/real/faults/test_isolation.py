"""Untrusted models: isolated, they see no network and no files of the user, and change only their own."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from project import CNN, TIME_LIMIT_S, alive_in
from savedmodel_matrix.domain.arrays import Output
from savedmodel_matrix.environments.isolation import confine as ways
from savedmodel_matrix.probe.arrays import read_array

KIND = "isolation"
INCOMPLETE = 4
UNSHARE = shutil.which("unshare")
SECRET = "hunter2-hunter2"  # no one's
END_OF_ALL_S = 30.0
#: Without a noise floor: nothing here is about numbers.
MATRIX = """
baseline = "tf2.15*"
noise_floor.replicates = 0

[[environments]]
tensorflow = "2.15"
"""
STAGE = """
import os, signal, socket, time
from pathlib import Path

import numpy as np

ROOT, HOME, PORT = {root!r}, {home!r}, {port}


def connected():
    socket.create_connection(("127.0.0.1", PORT), 5).close()
    return "connected"


def written(path):
    Path(path).write_text("forged")
    return "wrote"


ATTEMPTS = {{
    "secret file": lambda: Path(HOME, "secret").read_text(),
    "home": lambda: sorted(os.listdir(HOME)),
    "network": connected,
    "token": lambda: os.environ["MY_TOKEN"],
    "its parents' token": lambda: Path("/proc/1/environ").read_text(),
    "processes": lambda: [name for name in os.listdir("/proc") if name.isdigit()],
    "users": lambda: Path("/etc/passwd").read_text(),
    "sockets": lambda: os.listdir("/run"),
    "matrix": lambda: Path(ROOT, "matrices/default.toml").read_text(),
}}
WRITES = {{
    "recording": lambda: written(ROOT + "/results/recordings/forged.json"),
    "report": lambda: written(ROOT + "/results/latest/report.json"),
    "model": lambda: written(ROOT + "/examples/models/cnn/forged"),
    "kernel": lambda: written("/proc/sys/kernel/domainname"),
}}


def look(outputs):
    return results(ATTEMPTS)


def look_and_write(outputs):
    return results(dict(ATTEMPTS, **WRITES))


def results(attempts):
    found = {{}}
    for name, attempt in attempts.items():
        try:
            found[name] = np.array([str(attempt()).encode()], dtype=object)
        except Exception as error:
            found[name] = np.array([b"refused: " + type(error).__name__.encode()], dtype=object)
    return found


def ends_itself(outputs):
    os.kill(os.getpid(), signal.SIGSEGV)


def ends_the_probe(outputs):
    os.kill(os.getppid(), signal.SIGSEGV)
    time.sleep(60)


def sleeps(outputs):
    time.sleep(300)


def takes_memory(outputs):
    taken = np.ones(1 << 28)
    time.sleep(300)
"""


def _stage(project, function, *, port=0):
    """Write a matrix with the examples' model and a stage after it."""
    _write_stage(project, port=port)
    project.matrix(MATRIX + CNN + f'postprocess = "stage.py:{function}"\nruns = 1\n')


def _write_stage(project, *, port=0):
    home = Path(project.variables.get("HOME") or Path.home())
    text = STAGE.format(root=str(project.root), home=str(home), port=port)
    (project.root / "stage.py").write_text(text)


def _recording(project, measurement, *, isolated):
    """Return the newest recording of a kind."""
    found = []
    for path in project.recordings():
        content = json.loads(path.read_text())
        if content["identity"]["measurement"] == measurement and content["identity"]["isolated"] == isolated:
            found.append(content)
    return max(found, key=lambda each: each["ended"])


def _texts(project, recording):
    return {
        each["name"]: read_array(str(project.results / "objects"), each["array"])[0].decode()
        for each in recording["outputs"]
    }


def _problem(way):
    """Return why a way does not work here; None if it does."""
    return ways._problem(ways.WAYS[way]) if sys.platform == "linux" else "it needs Linux"


@pytest.fixture(params=list(ways.WAYS))
def isolating(request, faulty_new):
    """A project on a machine that has only this way to isolate."""
    problem = _problem(request.param)
    if problem is not None:
        pytest.skip(f"{request.param}: {problem}")
    if request.param != "bubblewrap":
        faulty_new.variables["PATH"] = str(Path(sys.executable).parent)
        assert shutil.which("bwrap", path=faulty_new.variables["PATH"]) is None
    return faulty_new


@pytest.fixture
def server():
    """A server of this machine, as a database or a metadata service is one; its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_address[1]
        listening.shutdown()


@pytest.mark.fault(KIND, "a model that looks for secrets and writes to files", "isolated, it finds none")
def test_spy(isolating, server, seen, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret").write_text(SECRET)
    isolating.variables |= {"HOME": str(home), "MY_TOKEN": SECRET}
    for name, place in (("PYENV_ROOT", ".pyenv"), ("UV_CACHE_DIR", ".cache/uv")):  # as before
        isolating.variables[name] = os.environ.get(name) or str(Path.home() / place)
    _stage(isolating, "look", port=server)
    assert isolating.nox("-s", "matrix").status == 0
    open_to_all = _recording(isolating, "stage", isolated=False)
    found = _texts(isolating, open_to_all)
    assert found["secret file"] == SECRET, "otherwise a refusal would prove nothing"
    assert found["network"] == "connected"
    assert "root" in found["users"]
    before = isolating.report()

    _stage(isolating, "look_and_write", port=server)
    run = isolating.nox("-s", "matrix", "--", "--isolate")
    assert run.status == 0
    found = _texts(isolating, _recording(isolating, "stage", isolated=True))
    for name in ("secret file", "network", "token", "users", "sockets", "matrix", "model", "kernel"):
        assert found[name].startswith("refused: "), (name, found[name])
    assert found["home"] in ("refused: FileNotFoundError", "[]")
    assert SECRET not in json.dumps(found)
    assert len(json.loads(found["processes"].replace("'", '"'))) <= 4
    assert not (isolating.root / "examples/models/cnn/forged").exists()
    assert found["recording"] == "wrote"
    assert not list(isolating.results.rglob("forged.json")), "it has results/ of its own"
    remark = "models and stages run isolated"
    assert any(remark in text for text in isolating.report().remarks)
    assert not any(remark in text for text in before.remarks)
    model, isolated = (_recording(isolating, "outputs", isolated=each) for each in (False, True))
    assert model["outcome"] == isolated["outcome"] == "recorded"
    # One is as the probe wrote it, the other as the harness reads it.
    outputs = [[Output.model_validate(each) for each in found["outputs"]] for found in (model, isolated)]
    assert outputs[0] == outputs[1], "the same arrays, named by their hashes"
    assert model["effective"] == isolated["effective"]
    assert isolating.nox("-s", "matrix", "--", "--isolate").environments == {}, "nothing is left to run"
    assert isolating.nox("-s", "report", "--", "--isolate").status == 0
    assert isolating.harness("report", "--isolate").status == 0
    assert isolating.harness("report").status == INCOMPLETE, "this stage ran isolated only"
    seen("refused: " + ", ".join(name for name, text in found.items() if text.startswith("refused")))


@pytest.mark.fault(KIND, "isolated models that crash or exceed limits", "each its own outcome and reason")
def test_crash(isolating, seen):
    ends = {
        "ends_itself": ("crashed", "killed by signal SIGSEGV (11), while"),
        "ends_the_probe": ("crashed", "it ended the process that started it with signal SIGSEGV (11)"),
        "sleeps": ("timed-out", "no result within 5 s, while"),
        "takes_memory": ("crashed", "memory limit of 1024 MiB exceeded"),
    }
    _write_stage(isolating)
    isolating.matrix(MATRIX + "".join(map(_limited, ends)))
    assert isolating.nox("-s", "matrix", "--", "--isolate", "--no-fixes").status == INCOMPLETE
    cells = {row.case: (row.outcome, row.reason) for row in isolating.report().cells}
    for name, (outcome, reason) in ends.items():
        assert cells[name][0] == outcome
        assert reason in cells[name][1]
    seen("; ".join(outcome for outcome, _ in cells.values()))


def _limited(function):
    text = CNN.replace("cases.cnn", f"cases.{function}")
    limit = {"sleeps": "time_limit = 5", "takes_memory": 'memory_limit = "1GiB"'}.get(function, "")
    return text + f'postprocess = "stage.py:{function}"\nruns = 1\n{limit}\n'


@pytest.mark.fault(KIND, "nox killed while an isolated model runs", "no process is left")
def test_killed(isolating, seen):
    _stage(isolating, "sleeps")
    with isolating.start(*isolating.nox_command("-s", "matrix", "--", "--isolate")) as process:
        deadline = time.monotonic() + TIME_LIMIT_S
        while not _sleeping(isolating) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert process.poll() is None
        running = len(alive_in(isolating.root))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    ended = time.monotonic()
    while alive_in(isolating.root) and time.monotonic() - ended < END_OF_ALL_S:
        time.sleep(0.05)
    assert not alive_in(isolating.root)
    shutil.rmtree(isolating.root / "tmp")  # the next run removes it
    seen(f"{running} processes were running, none is left")


def _sleeping(project):
    """Whether a case of an isolated probe runs: it is a child of the probe, which has the same command."""
    confining = (" -- ", "namespaces.py")
    probes = [words for words in alive_in(project.root) if "/probe " in words]
    probes = [words for words in probes if not any(each in words for each in confining)]
    return len(probes) >= 2 and any(project.results.glob("logs/*/*/*.jsonl"))


@pytest.mark.fault(KIND, "a machine that cannot isolate", "status 4, one line; nothing is started")
def test_refusal(faulty_new, seen):
    faulty_new.variables["PATH"] = str(Path(sys.executable).parent)
    _stage(faulty_new, "look")
    command = faulty_new.nox_command("-s", "matrix", "--", "--isolate")
    if _problem("user namespaces") is None:
        if UNSHARE is None:
            pytest.skip("without unshare, this machine cannot be made one that refuses")
        # In namespaces in which no further ones can be made.
        forbidden = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
        unshare = [UNSHARE, "--user", "--map-root-user", "/bin/sh", "-c", forbidden, "sh"]
        command = [*unshare, *command]
    found = faulty_new.run(*command, time_limit_s=TIME_LIMIT_S)
    assert found.status == INCOMPLETE
    assert "models cannot be isolated on this machine" in found.text
    assert "nothing was started" in found.text
    assert not faulty_new.recordings()
    assert not list(faulty_new.results.glob("environments/*/*"))
    seen(found.text.partition("models cannot")[2][:60])
