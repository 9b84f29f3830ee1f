"""What a process prints: read as it comes, however much it is, with the beginning and the end kept."""

import contextlib
import os
import threading

HEAD_BYTES = 2000
TAIL_BYTES = 8000
#: How much ``Capture`` passes on as it comes.
PASSED_ON_BYTES = 1 << 20
_BLOCK = 1 << 16
#: How long to wait for the end of output when every process known to write to it is dead.
_LONGEST_WAIT_S = 2


class Log:
    """The beginning and the end of an output of any length."""

    def __init__(self):
        self.head, self.tail, self.total = b"", bytearray(), 0

    def add(self, data):
        """Add what has been printed next."""
        self.total += len(data)
        room = HEAD_BYTES - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        del self.tail[:-TAIL_BYTES]

    def text(self):
        """Return what is kept, and where some was left out, a line that says how much."""
        left_out = self.total - len(self.head) - len(self.tail)
        if not left_out:
            return (self.head + self.tail).decode("utf-8", "replace")
        tail = self.tail.partition(b"\n")[2] or self.tail
        left_out = self.total - len(self.head) - len(tail)
        said = "\n[... {} bytes left out ...]\n".format(left_out).encode()
        return (self.head + said + tail).decode("utf-8", "replace")


class Capture:
    """A pipe to give to a process as its output, and the log of what comes out of it.

    ``passed_on`` is a descriptor that gets a copy, cut likewise. Reads in a thread: ``begin`` it after the
    fork.
    """

    def __init__(self, passed_on=None):
        self.log = Log()
        self._passed_on = passed_on
        self._read, self.write = os.pipe()
        self._thread = threading.Thread(target=self._drain, daemon=True)

    def begin(self):
        """Leave writing to the other process, and start to read."""
        os.close(self.write)
        self._thread.start()

    def end(self):
        """Return the log, read to its end: all that could write to it has ended."""
        self._thread.join(_LONGEST_WAIT_S)
        if self.log.total > PASSED_ON_BYTES:
            said = "\n[... the beginning is above, the end follows ...]\n".encode()
            self._pass_on(said + bytes(self.log.tail))
        return self.log

    def _drain(self):
        with open(self._read, "rb", buffering=0) as pipe:
            for data in iter(lambda: pipe.read(_BLOCK), b""):
                self._pass_on(data[: max(0, PASSED_ON_BYTES - self.log.total)])
                self.log.add(data)

    def _pass_on(self, data):
        if self._passed_on is not None and data:
            with contextlib.suppress(OSError):  # a full disk
                os.write(self._passed_on, data)
