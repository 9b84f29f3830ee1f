"""Create locks with ``uv pip compile``, as of a date.

Old releases need source archives (termcolor 1.1.0, wrapt and gast of TensorFlow 2.4 have no compatible
wheels), so builds are allowed: to learn such a package's dependencies, uv may run its ``setup.py``.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import uv
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from savedmodel_matrix.domain.errors import LockError, PackageError
from savedmodel_matrix.environments.addresses import without_addresses
from savedmodel_matrix.environments.index import SimpleIndex, configured_index
from savedmodel_matrix.environments.locks.lock import UNRESOLVABLE, Lock, LockInput, parse_lock, render_lock
from savedmodel_matrix.environments.locks.sizes import download_mb
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from savedmodel_matrix.environments.index import PackageIndex

UV_PLATFORMS = {
    "linux-x86_64": "x86_64-manylinux_2_28",
    "linux-aarch64": "aarch64-manylinux_2_28",
    "macos-arm64": "aarch64-apple-darwin",
    "macos-x86_64": "x86_64-apple-darwin",
    "windows-x86_64": "x86_64-pc-windows-msvc",
}
# Distributions with the same files: if two are installed, it is arbitrary whose files end up on disk.
# tf-keras, for example, depends on tensorflow even where tensorflow-cpu is installed.
_TWINS = (("tensorflow", "tensorflow-cpu"), ("tf-nightly", "tf-nightly-cpu"))
_CONSTRAINTS = "constraints.txt"
_TIME_LIMIT_S = 600.0
_NO_SOLUTION = "No solution found"
# With these in the message, "no solution" only means that uv could not see every package. An index that dies
# in the middle of a wheel, for example, gives a package of an invalid format.
_BLINDED = (
    "the network was disabled",
    "could not be queried",
    "not found in the package registry",
    "an invalid package format",
    "invalid metadata",
    "inconsistent metadata",
)
# uv settings in the user's environment that would change what a definition resolves to.
_MEDDLING = re.compile(
    r"UV_(EXCLUDE_NEWER|CONSTRAINT|OVERRIDE|EXCLUDE|BUILD_CONSTRAINT|PRERELEASE|RESOLUTION|FORK_STRATEGY"
    r"|NO_BUILD|NO_BINARY|ONLY_BINARY|PYTHON|PYTHON_PLATFORM|TORCH_BACKEND|NO_DEPS)(_PACKAGE)?"
)


def resolve(
    lock_input: LockInput, python_executable: Path | None, to: Path, index: PackageIndex | None = None
) -> Lock:
    """Resolve ``lock_input``, write its lock to ``to`` and return it.

    ``python_executable``: an interpreter of that minor, for packages that must be built to learn their
    dependencies; uv looks for one if it is None. ``index`` provides file sizes; the user's own by default.
    A definition without a solution is written as an unresolvable lock. Raises LockError, and writes nothing,
    if uv reaches no result: no network, a failed build, no suitable interpreter.
    """
    found = _run_uv(lock_input, python_executable)
    today = dt.datetime.now(dt.UTC).date()
    resolved = min(lock_input.exclude_newer or today, today)
    if found.returncode == 0:
        size = _download_mb(lock_input, resolved, found.stdout, index)
        text = render_lock(lock_input, resolved, size, found.stdout)
    elif _NO_SOLUTION in found.stderr and not any(words in found.stderr for words in _BLINDED):
        text = render_lock(lock_input, resolved, None, commented(found.stderr))
    else:
        raise LockError(
            f"{lock_input.environment_id} could not be resolved; nothing was written:",
            *scrubbed(found.stderr).splitlines(),
        )
    lock = parse_lock(text, to.name)
    write_text(to, text)
    return lock


def uv_arguments(lock_input: LockInput, python: list[str]) -> list[str]:
    """Return uv's command line; uv reads the requirements from standard input."""
    as_of = lock_input.exclude_newer
    return [
        "pip",
        "compile",
        "-",
        *python,
        f"--python-platform={UV_PLATFORMS[lock_input.platform]}",
        *([f"--exclude-newer={as_of}T23:59:59Z"] if as_of else []),
        f"--constraints={_CONSTRAINTS}",
        *(f"--no-emit-package={name}" for name in (*twins(lock_input.requirements), *lock_input.without)),
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--no-python-downloads",
        "--no-progress",
        "--color=never",
    ]


def twins(requirements: tuple[str, ...]) -> dict[str, str]:
    """Return the distributions with the same files as a requested one, with that one's version bounds.

    A dependency on such a twin must agree with the requested version, but the requested distribution
    provides the files. Raises InvalidRequirement.
    """
    asked: dict[str, str] = {
        canonicalize_name(each.name): str(each.specifier) for each in map(Requirement, requirements)
    }
    return {
        twin: asked[name]
        for pair in _TWINS
        for name, twin in (pair, pair[::-1])
        if name in asked and twin not in asked
    }


def commented(stderr: str) -> str:
    """Return the resolver's message as the body of an unresolvable lock."""
    return "\n".join([UNRESOLVABLE, *(f"# {line}".rstrip() for line in scrubbed(stderr).splitlines())])


def scrubbed(text: str) -> str:
    """Remove this machine's addresses and folders from ``text``: they mean nothing elsewhere."""
    text = without_addresses(text)
    return re.sub(r"(?<![\w.)])(?:[A-Za-z]:)?[/\\][^\s`'\"):,]+", "(path)", text).strip()


def _run_uv(lock_input: LockInput, python_executable: Path | None) -> subprocess.CompletedProcess[str]:
    # In an empty folder: a pyproject.toml or uv.toml near this project is not part of the definition.
    with tempfile.TemporaryDirectory() as empty:
        bounds = "".join(f"{twin}{version}\n" for twin, version in twins(lock_input.requirements).items())
        Path(empty, _CONSTRAINTS).write_text(bounds, encoding="utf-8")
        python = [f"--python-version={lock_input.python}"]
        if python_executable:
            # uv takes a bare minor as its .0, which packages that require, say, 3.9.2 reject.
            full = _full_version(python_executable, lock_input.python)
            python = [f"--python={python_executable.absolute()}", f"--python-version={full}"]
        try:
            return subprocess.run(
                [uv.find_uv_bin(), *uv_arguments(lock_input, python)],
                input="".join(f"{requirement}\n" for requirement in lock_input.requirements),
                capture_output=True,
                text=True,
                encoding="utf-8",
                cwd=empty,
                env=_environment(os.environ.copy()),
                timeout=_TIME_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LockError(
                f"{lock_input.environment_id}: uv did not finish within {_TIME_LIMIT_S:.0f} s; "
                "check the network and try again"
            ) from None


def _environment(environ: dict[str, str]) -> dict[str, str]:
    """Return uv's environment: the configured index, and nothing else that affects the result."""
    kept = {name: value for name, value in environ.items() if not _MEDDLING.fullmatch(name)}
    if address := configured_index(kept):
        kept["UV_DEFAULT_INDEX"] = address
        kept.pop("UV_INDEX_URL", None)
    return kept


def _full_version(python_executable: Path, minor: str) -> str:
    program = "import sys; print('.'.join(map(str, sys.version_info[:3])))"
    try:
        answer = subprocess.run(
            [python_executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LockError(f"{python_executable} does not work as a Python interpreter ({error})") from error
    full = answer.stdout.strip()
    if full.rpartition(".")[0] != minor:
        raise LockError(f"{python_executable} is Python {full}, but Python {minor} is needed")
    return full


def _download_mb(
    lock_input: LockInput, resolved: dt.date, body: str, index: PackageIndex | None
) -> int | None:
    """Return the download size for the lock's header; unknown if the index fails, which is not an error."""
    hashes = parse_lock(render_lock(lock_input, resolved, None, body), "the resolution").hashes
    try:
        if index is not None:
            return download_mb(hashes, lock_input.python, lock_input.platform, index)
        with SimpleIndex() as opened:
            return download_mb(hashes, lock_input.python, lock_input.platform, opened)
    except PackageError:
        return None
