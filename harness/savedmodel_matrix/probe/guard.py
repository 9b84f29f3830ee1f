"""The outermost process, on Linux: it outlives the one that works, names its end, and ends all it has left.

A broken import or a model can end or stop the process that imported TensorFlow, whatever that process does
about it. So it is a child of this one, which imports nothing and runs no model.
"""

import contextlib
import os
import sys

from . import child, exchange, log, processes

#: What the working process says of its own end. Without it, other code has ended it, whatever the status.
_DONE, _REFUSED, _FAULT = b"done", b"refused", b"fault"
#: The exit status that stands for each of these words.
_STATUSES = {_DONE: 0, _REFUSED: 4, _FAULT: 5}


def run(request, work, supervise):
    """Call ``supervise()`` in a process of its own; return the exit status, negative for a signal.

    ``supervise`` returns ``None``, or the part of every result if TensorFlow cannot be imported.
    """
    processes.adopt_orphans()
    failure = os.path.join(work, "failed.json")
    output, parent = log.Capture(passed_on=2), os.getpid()
    words, say = os.pipe()
    pid = os.fork()
    if not pid:
        _work(parent, output, say, failure, supervise)
    os.close(say)
    process = processes.Forked(pid)
    output.begin()
    try:
        process.wait()
    finally:
        processes.end_descendants()
        printed = output.end().text()
    said = b""
    os.set_blocking(words, False)
    with contextlib.suppress(BlockingIOError), open(words, "rb", buffering=0) as file:
        said = file.read(1 << 16) or b""
    for word in (_REFUSED, _FAULT):
        if said.endswith(word):
            return _STATUSES[word]
    failed = _failed(request, process.returncode, said, failure)
    if failed is not None:
        exchange.write_failed(request, work, failed, printed)
        return 0
    if said.endswith(_DONE):
        return 0
    # 0, 2, 4 or 5 would be the probe's own word, and it has said nothing.
    return 1 if process.returncode in (0, 2, 4, 5) else process.returncode


def tell_refusal(error):
    """Say on stderr what the operating system refuses; it is the last line there."""
    sys.stderr.write("probe: {}: {}\n".format(error.filename, error.strerror or error))


def _work(parent, output, say, failure, supervise):
    """Be the process that works, to its end."""
    word = _FAULT
    try:
        processes.default_signals()
        processes.die_with_parent(parent)
        os.dup2(output.write, 1)
        os.dup2(output.write, 2)
        os.close(output.write)
        processes.adopt_orphans()
        failed = supervise()
        if failed is not None:
            exchange.write_json(failure, failed)
        word = _DONE
    except OSError as error:
        word = _REFUSED
        tell_refusal(error)
    finally:
        try:
            os.write(say, word)
        finally:
            child.leave(_STATUSES[word])


def _failed(request, returncode, said, failure):
    """Return the part of every result if the import failed or ended the process, otherwise ``None``."""
    if os.path.exists(failure):
        return exchange.read_json(failure)
    outside = -returncode in processes.STOPS
    if said.endswith(_DONE) or os.path.exists(request["imported"]) or outside:
        return None
    name = "tensorflow" if request["tensorflow"] else "numpy"
    reason = "import {} ended the process with {}".format(name, processes.ended(returncode))
    return {"outcome": "import-failed", "reason": reason}
