"""Stages that do what no stage should. Each returns its input, if it returns."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = str(Path(__file__).resolve().parent)
#: The folder stands in the command line, by which a test finds those that are left.
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)", HERE]
BLOCK = b"x" * ((1 << 20) - 1) + b"\n"


def daemon(inputs):
    """Leave a process that has left its session and its parent, twice."""
    pid = os.fork()
    if not pid:
        os.setsid()
        if not os.fork():
            os.execv(SLEEPER[0], SLEEPER)
        os._exit(0)
    os.waitpid(pid, 0)
    return inputs


def fifty(inputs):
    """Leave fifty processes, each in a session of its own."""
    for _ in range(50):
        subprocess.Popen(SLEEPER, start_new_session=True)
    return inputs


def hoards(inputs):
    """Let a process in another session take 1.5 GB."""
    taken = "import time; taken = b'x' * (1500 << 20); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", taken, HERE], start_new_session=True).wait()


def lasts(inputs):
    """Leave a daemon and go on for long."""
    daemon(inputs)
    time.sleep(600)


def bereaved(inputs):
    """Leave a daemon and kill the parent."""
    daemon(inputs)
    return kill_parent(inputs)


def exit_0(inputs):
    os._exit(0)


def terminate_itself(inputs):
    return _signal(os.getpid(), signal.SIGTERM)


def interrupt_itself(inputs):
    return _signal(os.getpid(), signal.SIGINT)


def interrupt_raised(inputs):
    raise KeyboardInterrupt


def kill_parent(inputs):
    return _signal(os.getppid(), signal.SIGKILL)


def terminate_parent(inputs):
    return _signal(os.getppid(), signal.SIGTERM)


def interrupt_parent(inputs):
    return _signal(os.getppid(), signal.SIGINT)


def stop_parent(inputs):
    return _signal(os.getppid(), signal.SIGSTOP)


def _signal(pid, number):
    os.kill(pid, number)
    time.sleep(60)  # far more than it takes to die of it


def close_all(inputs):
    os.closerange(0, 1000)
    return inputs


def garbage(inputs):
    """Write to every descriptor that is open."""
    for fd in range(1000):
        with contextlib.suppress(OSError):
            os.write(fd, b"\0garbage\n{}\n")
    return inputs


def prints(inputs):
    """Print a first line, as many MiB as the input says, and a last line."""
    os.write(1, b"the first line\n")
    for _ in range(int(os.environ["TRIED_MEBIBYTES"])):
        os.write(2, BLOCK)
    os.write(1, b"the last line\n")
    return inputs


def writes(inputs):
    """Write files where programs do, having looked that no other case has been there."""
    folders = [Path(), Path.home(), Path(tempfile.gettempdir())]
    left = [path for folder in folders for path in folder.iterdir() if not path.is_symlink()]
    if left:
        raise ValueError(f"other files are here: {left}")
    for folder in folders:
        (folder / "locked").mkdir()
        (folder / "locked/left").write_text("left")
        (folder / "locked").chmod(0)
    return inputs


def reads(inputs):
    """Open a file of the project by its path from there."""
    scale = float(Path("data/scale.txt").read_text())
    return {name: value * scale for name, value in inputs.items()}
