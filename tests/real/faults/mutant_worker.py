"""Runs the command line's ``inspect`` on mutants, each in a process of its own with limits.

``python mutant_worker.py SEED FIRST COUNT FOLDER BASE...`` prints one JSON object a mutant. The processes are
forks of this one, which has imported the command line: a mutant costs its own work only.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from mutants import mutant
from savedmodel_matrix.commands import inspect  # noqa: F401 - loaded here, once
from savedmodel_matrix.doors.command_line import main
from savedmodel_matrix.models.preflight.predict import knowledge

MOST_MEMORY = 2 << 30
MOST_SECONDS = 10


def inspected(folder, output, *, as_json):
    """Run ``inspect`` and return its facts: status or signal, seconds, bytes of memory, and its output."""
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        _become(folder, output, as_json=as_json)
    _, status, used = os.wait4(child, 0)
    printed = output.read_bytes()
    return {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - begin,
        "memory": used.ru_maxrss * 1024,
        "printed": len(printed),
        "traceback": b"Traceback (most recent call last)" in printed,
        "escapes": b"\x1b" in printed or b"\x07" in printed,
        "lines": printed.count(b"\n"),
        "said": printed[-2000:].decode(errors="replace"),
    }


def _become(folder, output, *, as_json):
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(MOST_SECONDS)  # without a handler it ends the process, wherever that is
    stream = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    sys.argv = ["savedmodel-matrix", "inspect", str(folder), *(["--json"] if as_json else [])]
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


def work(seed, first, count, scratch, bases):
    """Yield the facts of each mutant."""
    knowledge()
    for at in range(first, first + count):
        with TemporaryDirectory(dir=scratch) as place:
            folder = Path(place) / "model"
            done = mutant(bases, f"{seed}:{at}", folder)
            found = inspected(folder, Path(place) / "output", as_json=at % 4 == 3)
        yield {"mutant": f"{seed}:{at}", "done": done, **found}


if __name__ == "__main__":
    seed, first, count, scratch, *bases = sys.argv[1:]
    for facts in work(seed, int(first), int(count), Path(scratch), [Path(base) for base in bases]):
        print(json.dumps(facts), flush=True)  # noqa: T201 - the parent reads it
