"""Run a command in namespaces of its own: ``python namespaces.py VIEW.json COMMAND ...``.

For machines without bubblewrap; it does the same. It has no network but an empty loopback, no other
processes, no capabilities, and of the file system only what the view lists. It ends as the command does: a
signal N that ends the command is the exit status 128 + N, and if this program is killed, so is everything in
the namespaces. If it cannot make them, it says so, after ``COMPLAINT``, and ends with 1.

Started by its path, with the standard library only. The view is a JSON object: ``root``, an empty folder to
build in; ``home``, the working folder; ``steps`` as in ``view.Step``; ``devices``; and ``parent``, the
process with which it ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any, NoReturn

COMPLAINT = "namespaces: "

# linux/sched.h: user, mounts, processes, network, System V IPC, host name, control groups
_NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x02000000
_NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _PRIVATE = 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000  # linux/mount.h
_DETACH = 2
_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE = 442, -100, 0x8000  # Linux 5.12; 442 on every architecture
_ATTR_RDONLY = 0x1
_PDEATHSIG, _CAPBSET_DROP, _NO_NEW_PRIVS = 1, 24, 38  # linux/prctl.h
_CAPABILITY_VERSION_3 = 0x20080522
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1
#: Parts of /proc that change the machine. Root owns them, and needs no privilege to write to its own files.
OF_THE_MACHINE = (
    "acpi", "asound", "bus", "driver", "fs", "irq", "mtrr", "scsi", "sys", "sysrq-trigger",
)  # fmt: skip
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: Any) -> None:  # noqa: ANN401 - as C takes them
    """Call a function of the C library that returns 0, or raise OSError."""
    words = [each.encode() if isinstance(each, str) else each for each in arguments]
    if getattr(_LIBC, name)(*words) != 0:
        number = ctypes.get_errno()
        shown = next((each for each in arguments if isinstance(each, str) and each.startswith("/")), None)
        raise OSError(number, f"{name}: {os.strerror(number)}", shown)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    _call("mount", source, target, kind, ctypes.c_ulong(flags), options)


def _seal(target: str, *, inside: bool) -> None:
    """Make a mount read-only, with what is mounted inside it or alone."""
    attributes = struct.pack("QQQQ", _ATTR_RDONLY, 0, 0, 0)
    flags = _AT_RECURSIVE if inside else 0
    size = ctypes.c_size_t(len(attributes))
    _call("syscall", ctypes.c_long(_MOUNT_SETATTR), _AT_FDCWD, target, flags, attributes, size)


def _enter() -> None:
    """Make the namespaces and enter them; the process namespace is that of the next child."""
    user, group = os.getuid(), os.getgid()
    _call("unshare", _NAMESPACES)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def _build(view: dict[str, Any]) -> None:
    """Build the view, and leave everything else behind."""
    root = view["root"]
    _mount("none", "/", None, _REC | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "mode=755")
    os.mkdir(root + "/proc")  # noqa: PTH102 - paths are texts here, for C
    _mount("proc", root + "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    for name in OF_THE_MACHINE:
        place = f"{root}/proc/{name}"
        if os.path.exists(place):  # noqa: PTH110 - as above
            _bind(place, place)
            _seal(place, inside=True)
    _add_devices(root + "/dev", view["devices"])
    empty = []
    for kind, path, source in view["steps"]:
        place = root + path
        if kind == "link":
            os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 - as above
            os.symlink(source, place)  # noqa: PTH211 - as above
        elif kind == "empty":
            os.makedirs(place)  # noqa: PTH103 - as above
            _mount("tmpfs", place, "tmpfs", _NOSUID | _NODEV, "mode=755")
            empty.append(path)
        else:
            _bind(path if kind == "read" else source, place)
            if kind == "read":
                _seal(place, inside=True)
    os.chdir(root)
    _call("pivot_root", ".", ".")
    _call("umount2", ".", _DETACH)
    os.chdir("/")
    for path in (*empty, "/dev", "/"):
        _seal(path, inside=False)


def _add_devices(folder: str, more: list[str]) -> None:
    os.mkdir(folder)  # noqa: PTH102 - as above
    _mount("tmpfs", folder, "tmpfs", _NOSUID, "mode=755")
    for device in (*(f"/dev/{name}" for name in _DEVICES), *more):
        _bind(device, folder + device.removeprefix("/dev"))
    for name, number in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{number}", f"{folder}/{name}")  # noqa: PTH211 - as above
    os.mkdir(folder + "/shm")  # noqa: PTH102 - as above
    _mount("tmpfs", folder + "/shm", "tmpfs", _NOSUID | _NODEV, "mode=1777")


def _bind(source: str, place: str) -> None:
    """Show a file or a folder, with what is mounted in it, at another place."""
    if os.path.isdir(source):  # noqa: PTH112 - as above
        os.makedirs(place, exist_ok=True)  # noqa: PTH103 - as above
    elif not os.path.exists(place):  # noqa: PTH110 - as above
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 - as above
        Path(place).touch()
    _mount(source, place, None, _BIND | _REC)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def _give_up_privileges() -> None:
    """Drop every capability, for this process and for whatever it starts."""
    with contextlib.suppress(OSError):  # the first that this kernel does not know
        for capability in range(64):
            _call("prctl", _CAPBSET_DROP, capability, 0, 0, 0)
    _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("capset", struct.pack("Ii", _CAPABILITY_VERSION_3, 0), bytes(24))


def _await(process: int) -> int:
    """Wait for a child, and for whatever else ends here; return its exit status, or 128 + its signal."""
    while True:
        ended, status = os.wait()
        if ended == process:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _inside(view: dict[str, Any], command: list[str]) -> NoReturn:
    """The first process of the namespaces: it starts the command, waits for it, and ends with it."""
    _call("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _build(view)
    _raise_loopback()
    _give_up_privileges()
    child = os.fork()
    if not child:
        os.chdir(view["home"])
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    os._exit(_await(child))


def main(asked: str, *command: str) -> int:
    """Run the command, and return its exit status."""
    try:
        view = json.loads(Path(asked).read_text(encoding="utf-8"))
        _call("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != view["parent"]:
            return 1
        _enter()
        child = os.fork()
        if not child:
            _inside(view, list(command))
        return _await(child)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        sys.stderr.write(f"{COMPLAINT}{error.strerror}{where}\n")
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
