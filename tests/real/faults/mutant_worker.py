"""Runs the command line on mutants, each in a process of its own with limits.

``python mutant_worker.py KIND SEED FIRST COUNT FOLDER BASE...`` prints one JSON object a mutant. KIND is
``models``, which ``inspect`` reads, or ``definitions``, which ``plan`` reads. The processes are forks of this
one, which has imported the command line: a mutant costs its own work only.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import definition_mutants
import mutants
from savedmodel_matrix.commands import inspect, plan  # noqa: F401 - loaded here, once
from savedmodel_matrix.doors.command_line import main
from savedmodel_matrix.environments.interpreters import find_interpreter
from savedmodel_matrix.models.preflight.predict import knowledge

MOST_MEMORY = 2 << 30
#: Of the processor: the machine may be busy.
MOST_SECONDS = 10
#: For what waits without end.
_PATIENCE_S = 300
#: A model is described or refused; a definition is planned or refused, or it leaves nothing to run.
FINE = {"models": {0, 2}, "definitions": {0, 2, 3}}
REPOSITORY = Path(__file__).parents[3]


def batch(kind, first, count, scratch, bases):
    """Return the facts of these mutants, made in a process of their own, and those that are wrong.

    A mutant is wrong that ends with a status that is not fine, that shows a traceback or what controls a
    terminal, or that takes too long or too much memory.
    """
    command = [sys.executable, __file__, kind, kind, str(first), str(count), scratch, *bases]
    path = os.pathsep.join([str(REPOSITORY / "harness"), str(Path(__file__).parent)])
    ended = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    found = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(found) == count
    wrong = [
        (each["mutant"], each["done"], each["status"], each["seconds"], each["said"][-300:])
        for each in found
        if each["status"] not in FINE[kind]
        or each["traceback"]
        or each["escapes"]
        or each["seconds"] > MOST_SECONDS
        or each["memory"] > MOST_MEMORY
    ]
    return found, wrong


def watched(arguments, output):
    """Run a command and return its facts: status or signal, seconds and memory used, and its output."""
    child = os.fork()
    if child == 0:
        _become(arguments, output)
    _, status, used = os.wait4(child, 0)
    printed = output.read_bytes()
    return {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss * 1024,
        "printed": len(printed),
        "traceback": b"Traceback (most recent call last)" in printed,
        "escapes": [repr(each) for each in unprintable(printed.decode(errors="replace"))],
        "lines": printed.count(b"\n"),
        "said": printed[-2000:].decode(errors="replace"),
    }


def unprintable(text):
    """Return the characters that control a terminal or reorder its text."""
    return {each for each in text if not each.isprintable() and each != "\n"}


def _become(arguments, output):
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Without a handler either signal ends the process, wherever that is.
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
    signal.alarm(_PATIENCE_S)
    stream = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    sys.argv = ["savedmodel-matrix", *arguments]
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except BaseException:
        code = 70
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def model(bases, seed, place):
    """Write the model of this seed; return what was done to it and what reads it."""
    done = mutants.mutant(bases, seed, place / "model")
    return done, ["inspect", str(place / "model")]


def definition(bases, seed, place):
    """Write a project with the definition of this seed; return what was done to it and what reads it."""
    content, done = definition_mutants.mutant({base.stem: base.read_text("utf-8") for base in bases}, seed)
    (place / "matrices").mkdir()
    (place / "matrices" / "default.toml").write_bytes(content)
    (place / "examples").symlink_to(bases[0].parent.parent / "examples")
    return done, ["plan", "--project", str(place)]


def work(kind, seed, first, count, scratch, bases):
    """Yield the facts of each mutant."""
    knowledge()
    for minor in range(6, 15):  # once, and not in every fork: it starts interpreters
        find_interpreter(f"3.{minor}")
    make = {"models": model, "definitions": definition}[kind]
    for at in range(first, first + count):
        with TemporaryDirectory(dir=scratch) as place:
            done, arguments = make(bases, f"{seed}:{at}", Path(place))
            as_json = ["--json"] if at % 4 == 3 else []
            size = sum(each.lstat().st_size for each in Path(place).rglob("*"))
            found = watched([*arguments, *as_json], Path(place) / "output")
        yield {"mutant": f"{seed}:{at}", "done": done, "size": size, "json": bool(as_json), **found}


if __name__ == "__main__":
    kind, seed, first, count, scratch, *bases = sys.argv[1:]
    for facts in work(kind, seed, int(first), int(count), Path(scratch), [Path(base) for base in bases]):
        print(json.dumps(facts), flush=True)  # noqa: T201 - the parent reads it
