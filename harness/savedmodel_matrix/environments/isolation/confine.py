"""The ways to confine a process to a view, and the one that works on this machine."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import MachineError
from savedmodel_matrix.environments.isolation import namespaces
from savedmodel_matrix.environments.isolation.view import View, of_interpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    #: Makes the command that runs a command in a view, in a working folder. The last argument is an empty
    #: folder of its own, which the command does not see.
    Confine = Callable[[View, Path, Sequence[str], Path], list[str]]

#: What each of them writes before anything else when it fails, with exit status 1.
COMPLAINTS = ("bwrap: ", namespaces.COMPLAINT)
_FLAGS = {"read": "--ro-bind", "own": "--bind", "empty": "--tmpfs", "link": "--symlink"}
_TRIAL_LIMIT_S = 60.0


def by_bubblewrap(view: View, home: Path, command: Sequence[str], scratch: Path) -> list[str]:  # noqa: ARG001 - as in ``Confine``
    """Return the command that lets bubblewrap run ``command``."""
    words = [
        shutil.which("bwrap") or "bwrap",
        "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
        "--unshare-cgroup-try", "--cap-drop", "ALL", "--die-with-parent", "--proc", "/proc", "--dev", "/dev",
    ]  # fmt: skip
    for name in namespaces.OF_THE_MACHINE:
        words += ["--ro-bind-try", f"/proc/{name}", f"/proc/{name}"]
    for device in view.devices():
        words += ["--dev-bind", device, device]
    empty = []
    for step in view.steps():
        words += [_FLAGS[step.kind], *_operands(step.kind, step.path, step.source)]
        empty += ["--remount-ro", step.path] if step.kind == "empty" else []
    return [*words, *empty, "--remount-ro", "/", "--chdir", str(home), "--", *command]


def _operands(kind: str, path: str, source: str) -> list[str]:
    if kind == "read":
        return [path, path]
    return [path] if kind == "empty" else [source, path]


def by_namespaces(view: View, home: Path, command: Sequence[str], scratch: Path) -> list[str]:
    """Return the command that runs ``command`` in namespaces that this package makes itself."""
    root = scratch / "root"
    root.mkdir()
    asked = scratch / "view.json"
    steps = [[step.kind, step.path, step.source] for step in view.steps()]
    found = {"root": str(root), "home": str(home), "steps": steps, "devices": view.devices()}
    asked.write_text(json.dumps({**found, "parent": os.getpid()}), encoding="utf-8")
    return [sys.executable, "-I", "-S", str(Path(namespaces.__file__)), str(asked), *command]


WAYS: dict[str, Confine] = {"bubblewrap": by_bubblewrap, "user namespaces": by_namespaces}


@functools.cache
def confine() -> Confine:
    """Return the first way that works here: each is tried, because a program may be there and not work.

    Raises:
        MachineError: if none works, with the reason of each.
    """
    if sys.platform != "linux":
        raise MachineError(_refusal("it needs Linux"))
    problems = []
    for name, way in WAYS.items():
        problem = _problem(way)
        if problem is None:
            return way
        problems.append(f"{name}: {problem}")
    raise MachineError(_refusal("; ".join(problems)))


def _refusal(why: str) -> str:
    return (
        f"models cannot be isolated on this machine ({why}), so nothing was started. Install bubblewrap and "
        "allow user namespaces, or run without isolation if you trust the models"
    )


def _problem(way: Confine) -> str | None:
    """Return why a way does not work here; None if it does."""
    with tempfile.TemporaryDirectory(prefix="savedmodel-matrix-") as folder:
        home, scratch = Path(folder) / "home", Path(folder) / "scratch"
        home.mkdir()
        scratch.mkdir()
        seen = View(frozenset(of_interpreter(Path(sys.executable))), {home: home})
        command = way(seen, home, [sys.executable, "-I", "-S", "-c", "pass"], scratch)
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_TRIAL_LIMIT_S, check=False
            )
        except FileNotFoundError:
            return "it is not installed"
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    if done.returncode == 0:
        return None
    return done.stderr.strip().splitlines()[-1].removeprefix("bwrap: ") if done.stderr.strip() else "it fails"
