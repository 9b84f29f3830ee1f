"""Locks on disk: what an environment installs, byte for byte, and the definition it was made from.

A lock is a requirements file with hashes (any installer reads it) under a header of comments::

    # savedmodel-matrix lock, format 1
    # environment: tf2.15.1-py3.11-cpu
    # python: 3.11
    # platform: linux-x86_64
    # as of: 2024-03-22                    or: today (2026-11-23), with the day it was resolved
    # requirement: tensorflow-cpu==2.15.1  one line each
    # without: h5py                        one line for each package left out
    # definition: sha256:...               of the fields above, see LockInput.digest
    # download: 512 MB                     total of the pinned files; or: unknown

A resolution without a solution is a lock too, so that it can be committed. It has no pins; the resolver's
message follows the line ``# unresolvable:``.

Why not ``pylock.toml`` (PEP 751), which ``uv pip compile --format pylock.toml`` writes and
``packaging.pylock`` reads: each file in it needs a ``url`` or a ``path``, so the address of the index that
resolved the lock would be committed and installed from. A requirements file holds only hashes, and each
user's own index serves the files.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1
# A release was tested with the dependencies of its own time. On the release day a dependency may still lack
# a matching version, and later they drift (TensorFlow 2.9.3 resolved today fails at import).
RELEASE_GRACE = dt.timedelta(days=14)

UNRESOLVABLE = "# unresolvable:"
_TITLE = "# savedmodel-matrix lock, format "
_FIELD = re.compile(r"# ([a-z ]+): (.+)")
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)((?: --hash=sha256:[0-9a-f]{64})+)")
_AGAIN = "run 'nox -s lock' to write it again"


@dataclass(frozen=True)
class LockInput:
    """Everything that determines a lock.

    ``python`` is a minor (``"3.8"``), ``platform`` one of savedmodel_matrix.knowledge.releases.PLATFORMS.
    ``exclude_newer`` hides files uploaded after that day (UTC); None resolves as of today.
    """

    environment_id: str
    python: str
    requirements: tuple[str, ...]
    exclude_newer: dt.date | None
    platform: str
    without: tuple[str, ...] = ()
    """Packages left out of the pins, even if others require them."""

    def digest(self) -> str:
        """Return the SHA-256 of the definition, as hex digits."""
        fields = [
            self.environment_id,
            self.python,
            self.platform,
            _as_of(self.exclude_newer),
            list(self.requirements),
            *([list(self.without)] if self.without else []),
        ]
        return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


@dataclass(frozen=True)
class Lock:
    """A lock as read from disk.

    ``pins``: name -> version. ``hashes``: name -> SHA-256 hex digests of the files allowed.
    ``unresolvable``: the resolver's message if it found no solution. ``resolved``: the day as of which
    packages were resolved; earlier than ``made_from.exclude_newer`` if that day was still in the future.
    ``download_mb``: sum of the files' sizes in MB (10**6 bytes), None if unknown. ``digest``: SHA-256 of
    everything but comments, so equal digests install equal packages.
    """

    made_from: LockInput
    resolved: dt.date
    download_mb: int | None
    pins: Mapping[str, str]
    hashes: Mapping[str, tuple[str, ...]]
    unresolvable: str | None
    digest: str


def render_lock(lock_input: LockInput, resolved: dt.date, download_mb: int | None, body: str) -> str:
    """Return a lock's text. ``body``: the requirements with hashes, or UNRESOLVABLE and comments."""
    as_of = _as_of(lock_input.exclude_newer)
    header = [
        f"{_TITLE}{FORMAT}",
        f"# environment: {lock_input.environment_id}",
        f"# python: {lock_input.python}",
        f"# platform: {lock_input.platform}",
        f"# as of: {as_of}{f' ({resolved})' if lock_input.exclude_newer != resolved else ''}",
        *(f"# requirement: {requirement}" for requirement in lock_input.requirements),
        *(f"# without: {name}" for name in lock_input.without),
        f"# definition: sha256:{lock_input.digest()}",
        f"# download: {'unknown' if download_mb is None else f'{download_mb} MB'}",
    ]
    return "\n".join([*header, body.rstrip("\n"), ""])


@dataclass(frozen=True)
class _Header:
    """What the header of a lock says; the fields are those of ``Lock``."""

    made_from: LockInput
    resolved: dt.date
    download_mb: int | None


def read_lock(path: Path) -> Lock:
    """Read a lock. Raises LockError if it is missing, damaged, or in another format."""
    return parse_lock(_text(path), path.name)


def read_identity(path: Path) -> tuple[LockInput, str]:
    """Return what a lock was made from, and its digest.

    The pins are not parsed, which takes most of the time of ``read_lock``: if the digest is that of an
    installed lock, they are what is installed. Raises LockError as ``read_lock`` does.
    """
    lines = _text(path).partition(f"{UNRESOLVABLE}\n")[0].splitlines()
    return _header(lines, path.name).made_from, _digest(_content(lines))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise LockError(f"{path.name} does not exist: {_AGAIN}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise LockError(f"{path.name} cannot be read ({error}): {_AGAIN}") from error


def parse_lock(text: str, name: str) -> Lock:
    """Read a lock's text; messages call it ``name``. Raises LockError, see read_lock."""
    header, _, words = text.partition(f"{UNRESOLVABLE}\n")
    lines = header.splitlines()
    said, content = _header(lines, name), _content(lines)
    pins, hashes = _pins(content, name)
    if bool(words) == bool(pins):
        fault = "both pins and a reason for having none" if pins else "it has no pins"
        raise LockError(f"{name} is damaged ({fault}): {_AGAIN}")
    return Lock(
        made_from=said.made_from,
        resolved=said.resolved,
        download_mb=said.download_mb,
        pins=pins,
        hashes=hashes,
        unresolvable="\n".join(line.removeprefix("#").removeprefix(" ") for line in words.splitlines())
        or None,
        digest=_digest(content),
    )


def _content(lines: list[str]) -> list[str]:
    return [line for line in lines if line.strip() and not line.startswith("#")]


def _digest(content: list[str]) -> str:
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def _header(lines: list[str], name: str) -> _Header:
    _check_format(lines[0] if lines else "", name)
    fields: dict[str, list[str]] = {}
    for line in lines[1:]:
        if line.startswith("#") and (found := _FIELD.fullmatch(line)):
            fields.setdefault(found[1], []).append(found[2])
    try:
        as_of, _, day = fields["as of"][0].partition(" ")
        made_from = LockInput(
            environment_id=fields["environment"][0],
            python=fields["python"][0],
            requirements=tuple(fields["requirement"]),
            exclude_newer=None if as_of == "today" else dt.date.fromisoformat(as_of),
            platform=fields["platform"][0],
            without=tuple(fields.get("without", ())),
        )
        resolved = dt.date.fromisoformat(day.strip("()") or as_of)
        download = fields["download"][0].removesuffix(" MB")
        download_mb = None if download == "unknown" else int(download)
        stated = fields["definition"][0]
    except (KeyError, ValueError) as error:
        raise LockError(f"{name} is damaged (in its header: {error}): {_AGAIN}") from error
    if stated != f"sha256:{made_from.digest()}":
        raise LockError(f"{name} is damaged (its header was edited by hand): {_AGAIN}")
    return _Header(made_from, resolved, download_mb)


def is_current(lock: Lock, lock_input: LockInput) -> str | None:
    """Return None if ``lock`` was made from ``lock_input``, else the changes since then, in one line."""
    old, new = lock.made_from, lock_input
    if old == new:
        return None
    named = {
        "environment": (old.environment_id, new.environment_id),
        "python": (old.python, new.python),
        "platform": (old.platform, new.platform),
        "as of": (_as_of(old.exclude_newer), _as_of(new.exclude_newer)),
    }
    changes = [f"{name}: {before} -> {now}" for name, (before, now) in named.items() if before != now]
    added = [f"+ {each}" for each in new.requirements if each not in old.requirements]
    removed = [f"- {each}" for each in old.requirements if each not in new.requirements]
    if old.without != new.without:
        changes.append(f"without: {', '.join(old.without) or '-'} -> {', '.join(new.without) or '-'}")
    if old.requirements != new.requirements:
        changes.append(f"requirements: {' '.join([*removed, *added]) or 'different order'}")
    return "; ".join(changes)


def _as_of(exclude_newer: dt.date | None) -> str:
    return "today" if exclude_newer is None else exclude_newer.isoformat()


def _check_format(title: str, name: str) -> None:
    number = title.removeprefix(_TITLE)
    if number == title or not number.isdecimal():
        raise LockError(f"{name} is not a lock of this project, or its first line is missing: {_AGAIN}")
    if int(number) != FORMAT:
        raise LockError(
            f"{name} has lock format {number}; this version reads format {FORMAT}: "
            f"upgrade savedmodel-matrix, or {_AGAIN}"
        )


def _pins(content: list[str], name: str) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Read the requirements; a backslash at the end of a line continues it on the next."""
    pins: dict[str, str] = {}
    hashes: dict[str, tuple[str, ...]] = {}
    logical = " ".join(f"{line} " for line in content).replace("\\ ", "").strip()
    for text in re.split(r"\s+(?=[^\s-])", logical) if logical else []:
        found = _PIN.fullmatch(" ".join(text.split()))
        if not found:
            raise LockError(f"{name} is damaged (not a pin with hashes: {text[:60]!r}): {_AGAIN}")
        pins[found[1]] = found[2]
        hashes[found[1]] = tuple(each.removeprefix("--hash=sha256:") for each in found[3].split())
    return pins, hashes
