"""What an isolated process sees of the file system. Everything that is not listed does not exist for it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from savedmodel_matrix.domain.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from savedmodel_matrix.domain.probe_request import CaseRequest

#: Programs, libraries and what finds them; the CPUs, by which libraries size their thread pools. Of /etc,
#: only what a program needs to start: other files there may hold credentials.
SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store",
    "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/sys/devices/system",
)  # fmt: skip
#: What the CUDA driver looks up to find its GPUs.
_GPU_SYSTEM = ("/sys/bus/pci", "/sys/devices")
_GPU_DEVICES = ("nvidia*", "nvidia-caps/*", "dxg")
#: Folders of an interpreter's installation. Its other folders may hold anything: ~/.local is a common one.
_INSTALLATION = ("bin", "lib", "lib64")
#: Variables that list folders of libraries and modules.
PATH_VARIABLES = ("LD_LIBRARY_PATH", "PYTHONPATH", "CUDA_HOME")
_MOST_LINKS = 40  # as in Linux, which calls more of them a loop


@dataclass(frozen=True)
class Step:
    """One step of building the view, at ``path``.

    ``read``: the file or folder itself, read-only. ``own``: the folder ``source``, writable. ``empty``: an
    empty folder. ``link``: a link to ``source``.
    """

    kind: Literal["read", "own", "empty", "link"]
    path: str
    source: str = ""


@dataclass(frozen=True)
class View:
    """The files that a process sees, the folders that it may write to, and whether it has GPUs."""

    shown: frozenset[Path]
    own: Mapping[Path, Path] = field(default_factory=dict)
    """Where each writable folder appears, and where it really is."""
    gpu: bool = False

    def steps(self) -> list[Step]:
        """Return the steps that build it: every folder before what is inside it, links last."""
        links: dict[Path, str] = {}
        found: dict[Path, Step] = {}
        system = [Path(path) for path in (*SYSTEM, *(_GPU_SYSTEM if self.gpu else ()))]
        for path in (*system, *sorted(self.shown)):
            real = _followed(path, links)
            if real.exists():
                found[real] = Step("read", str(real))
        home = _followed(Path.home(), links)
        if home not in found and any(home.is_relative_to(path) for path in system):
            found[home] = Step("empty", str(home))  # it would be seen as a part of the system
        for path, source in self.own.items():
            real = _followed(path, links)
            found[real] = Step("own", str(real), str(source))
        kept: dict[Path, Step] = {}
        for path in sorted(found):
            if found[path].kind != "read" or _around(path, kept) != "read":
                kept[path] = found[path]
        made = [Step("link", str(path), to) for path, to in links.items() if _around(path, kept) != "read"]
        return [*kept.values(), *sorted(made, key=lambda step: step.path)]

    def devices(self) -> list[str]:
        """Return the devices in addition to the harmless ones that every program expects."""
        if not self.gpu:
            return []
        found = [path for pattern in _GPU_DEVICES for path in Path("/dev").glob(pattern)]
        return sorted(str(path) for path in found if not path.is_dir())


def _around(path: Path, steps: Mapping[Path, Step]) -> str | None:
    """Return the kind of the innermost step that ``path`` is inside of; None if there is none."""
    return next((steps[parent].kind for parent in path.parents if parent in steps), None)


def _followed(path: Path, links: dict[Path, str]) -> Path:
    """Return what ``path`` leads to, and add every link on the way to ``links``."""
    here, waiting = Path("/"), list(reversed(Path(os.path.abspath(path)).parts[1:]))  # noqa: PTH100 - not the links
    most = _MOST_LINKS
    while waiting:
        part = waiting.pop()
        if part == "..":
            here = here.parent
            continue
        here /= part
        if most and here.is_symlink():
            most -= 1
            links[here] = target = str(here.readlink())
            waiting += [each for each in reversed(Path(target).parts) if each != "/"]
            here = Path("/") if target.startswith("/") else here.parent
    return here


def of_interpreter(python: Path) -> Iterator[Path]:
    """Yield what an environment's interpreter needs: its environment, and the installation behind it.

    Raises:
        InstallError: if it does not start.
    """
    code = "import sys; print(sys.base_prefix); print(sys.base_exec_prefix)"
    try:
        # Not ``site``: nothing of what is installed in the environment is run here.
        asked = subprocess.run(
            [str(python), "-I", "-S", "-c", code], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise InstallError(f"{python} does not start: {error}") from error
    yield python.parent.parent
    yield python
    for prefix in dict.fromkeys(asked.stdout.splitlines()):
        yield from (Path(prefix) / name for name in _INSTALLATION)


def of_variables(variables: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders that a process's variables name as places of libraries and modules."""
    for name in PATH_VARIABLES:
        for text in variables.get(name, "").split(os.pathsep):
            if text.startswith("/"):
                yield Path(text)


def of_cases(cases: Sequence[CaseRequest]) -> Iterator[Path]:
    """Yield the files and folders that the cases name: models, modules, libraries and what stages read."""
    for case in cases:
        measure: dict[str, Any] = case.measure.to_json()
        named = [case.model, measure["program"], measure.get("file")]
        named += [*case.modules, *case.libraries, *measure.get("modules", ()), *measure.get("reads", ())]
        named += [source.path for source in case.sources]  # some are links to files elsewhere
        yield from (Path(path) for path in named if path is not None)
