"""Generate ``op_packages.json``: which ops other packages register, in which release, on which TensorFlow.

::

    python -m maintenance.refresh_op_packages                        every package, every TensorFlow minor
    python -m maintenance.refresh_op_packages scann 2.9 2.15         some of them

For each package and minor it installs, in a throwaway environment, the release that the resolver chooses
beside that TensorFlow, imports it and records what it registers. The file is written after each, and what it
holds is not tried again: start it once more after an interruption, and remove a row to have it made anew.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import parse_wheel_filename
from packaging.version import Version
from savedmodel_matrix.domain.errors import HarnessError, InstallError, LockError
from savedmodel_matrix.environments.backends.uv import UvBackend
from savedmodel_matrix.environments.host import platform_name
from savedmodel_matrix.environments.index import SimpleIndex
from savedmodel_matrix.environments.interpreters import find_interpreter
from savedmodel_matrix.environments.locks.lock import RELEASE_GRACE, Lock, LockInput
from savedmodel_matrix.environments.locks.resolve import resolve, scrubbed
from savedmodel_matrix.knowledge.op_packages import DATA, FORMAT
from savedmodel_matrix.knowledge.ops import Knowledge
from savedmodel_matrix.knowledge.releases import ReleaseTable
from savedmodel_matrix.store.atomic import write_text

from maintenance.refresh_releases import minors_and_platforms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Asked:
    """A package: what to require, so that its TensorFlow is part of it, and what to import."""

    requirement: str
    module: str


PACKAGES = {
    "tensorflow-text": Asked("tensorflow-text", "tensorflow_text"),
    "scann": Asked("scann[tf]", "scann"),
    "tensorflow-addons": Asked("tensorflow-addons[tensorflow]", "tensorflow_addons"),
    "tensorflow-io": Asked("tensorflow-io[tensorflow]", "tensorflow_io"),
    "tensorflow-decision-forests": Asked("tensorflow-decision-forests", "tensorflow_decision_forests"),
    "struct2tensor": Asked("struct2tensor", "struct2tensor"),
    "tfx-bsl": Asked("tfx-bsl", "tfx_bsl"),
    "tensorflow-compression": Asked("tensorflow-compression", "tensorflow_compression"),
    "larq-compute-engine": Asked("larq-compute-engine[tensorflow]", "larq_compute_engine"),
    "tensorflow-recommenders-addons": Asked(
        "tensorflow-recommenders-addons[tensorflow]", "tensorflow_recommenders_addons"
    ),
    "tensorflow-ranking": Asked("tensorflow-ranking", "tensorflow_ranking"),
    "tensorflow-probability": Asked("tensorflow-probability", "tensorflow_probability"),
    "tensorflow-quantum": Asked("tensorflow-quantum", "tensorflow_quantum"),
    "tf-sentencepiece": Asked("tf-sentencepiece", "tf_sentencepiece"),
    "horovod": Asked("horovod", "horovod.tensorflow"),
}
#: uv offers older Pythons to nobody, and importlib.metadata starts here.
OLDEST_PYTHON = (3, 8)
#: A package's release for a TensorFlow can be this much later than that TensorFlow; then the date is noted.
LATER = (RELEASE_GRACE, dt.timedelta(days=240))
#: TensorFlow's patches are tried from the newest on: some packages pin one of them.
MOST_PATCHES = 2
#: Releases that are installed beside one TensorFlow before it is given up.
MOST_INSTALLED = 3
TIME_LIMIT_S = 400
#: What of a failure's text is kept.
MOST_CHARACTERS = 200


def refresh(packages: Iterable[str], minors: Iterable[str]) -> None:
    """Fill in what is missing of these packages and minors, and say what was found."""
    data: dict[str, Any] = {"format": FORMAT, "packages": {}}
    if DATA.exists():
        data = json.loads(DATA.read_text(encoding="utf-8"))
    wanted = list(minors)
    with SimpleIndex() as index:
        for name in packages:
            row = data["packages"].setdefault(
                name, {"imports": PACKAGES[name].module, "tried": {}, "wheels": {}, "registers": []}
            )
            wheels = _wheels(index, name)
            for minor in wanted:
                if minor in row["tried"]:
                    continue
                found: dict[str, Any] = {"problem": "it has no wheels"}
                if wheels:
                    found = _try_minor(index, name, minor)
                _add(row, minor, found, wheels)
                write_text(DATA, render(data))
                ops = len([op for group in found.get("registers", []) for op in group["ops"]])
                print(name, minor, row["tried"][minor], f"{ops} ops", flush=True)  # noqa: T201 - its answer


def _try_minor(index: SimpleIndex, name: str, minor: str) -> dict[str, Any]:
    """Return what the package is in a TensorFlow of this minor: ``release`` and ``registers``, or why not."""
    table = ReleaseTable.load()
    patches = [each for each in table.versions if each.startswith(f"{minor}.") and Version(each).pre is None]
    failed = []
    for tensorflow in patches[::-1][:MOST_PATCHES]:
        found = _try_patch(index, name, table, tensorflow)
        if "problem" not in found:
            return found
        failed.append(found)
    return _telling(failed)


def _try_patch(index: SimpleIndex, name: str, table: ReleaseTable, tensorflow: str) -> dict[str, Any]:
    failed: list[dict[str, Any]] = []
    for python, later in product(_pythons(table, tensorflow), LATER):
        requirement, as_of = PACKAGES[name].requirement, table.released(tensorflow) + later
        while len(releases := {each["release"] for each in failed if "release" in each}) < MOST_INSTALLED:
            found = _try(index, name, requirement, table, tensorflow, python, as_of, releases)
            if later is not RELEASE_GRACE and "release" in found:
                found["as_of"] = as_of.isoformat()
            if "problem" not in found:
                return found
            failed.append(found)
            if "release" not in found:
                break
            # Some packages do not say which TensorFlow they are built for: an older one may be.
            requirement = f"{PACKAGES[name].requirement}<{found['release']}"
    return _telling(failed)


def _telling(failed: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the failure of the newest release that was installed; if there is none, nothing could be."""
    installed = [each for each in failed if "release" in each]
    return max(installed, key=lambda each: Version(each["release"]), default=failed[0])


def _pythons(table: ReleaseTable, tensorflow: str) -> list[str]:
    """Return the Pythons to try: the newest but one, which most packages have wheels for, then the oldest."""
    known = [
        each
        for each in table.pythons(tensorflow, "cpu", platform_name())
        if _numbers(each) >= OLDEST_PYTHON and find_interpreter(each)
    ]
    return list(dict.fromkeys([known[-2:][0], known[0]]))


def _try(
    index: SimpleIndex,
    name: str,
    requirement: str,
    table: ReleaseTable,
    tensorflow: str,
    python: str,
    as_of: dt.date,
    failed: Collection[str],
) -> dict[str, Any]:
    """Install the package beside a TensorFlow and return what it registers, or the problem.

    A release that ``failed`` there already is not installed again.
    """
    own = table.requirement(tensorflow, "cpu", platform_name(), python)
    wanted = LockInput("op-packages", python, (own, requirement), as_of, platform_name())
    tried: dict[str, Any] = {"tensorflow": tensorflow, "python": python}
    with tempfile.TemporaryDirectory(prefix="op-packages-") as folder:
        path = Path(folder, "lock.txt")
        try:
            lock = resolve(wanted, Path(str(find_interpreter(python))), path, index)
        except LockError as error:
            return {**tried, "problem": _short(str(error))}
        if lock.unresolvable is not None:
            return {**tried, "problem": "no release fits"}
        if (release := str(Version(lock.pins[name]))) in failed:
            return {**tried, "problem": "no other release fits"}
        tried["release"] = release
        return {**tried, **_installed(lock, path, Path(folder, "venv"), python, name)}


def _installed(lock: Lock, path: Path, venv: Path, python: str, name: str) -> dict[str, Any]:
    backend = UvBackend()
    try:
        backend.make(venv, python)
        backend.install(venv, path, lock.digest)
    except InstallError as error:
        return {"problem": _short(str(error))}
    python_here, module = str(backend.describe(venv).python), PACKAGES[name].module
    try:
        done = subprocess.run(
            [python_here, "-m", "maintenance.dump_op_package", name, module],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIME_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return {"problem": f"importing it takes more than {TIME_LIMIT_S} s"}
    if done.returncode != 0 or not done.stdout.strip():
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return {"problem": _short(lines[-1] if lines else f"ended with {done.returncode}")}
    found: dict[str, Any] = json.loads(done.stdout)
    return {"problem": _short(found["problem"])} if "problem" in found else found


def _add(row: dict[str, Any], minor: str, found: dict[str, Any], wheels: dict[str, Any]) -> None:
    """Add what was found to the package's row."""
    known = Knowledge()
    row["tried"][minor] = {key: value for key, value in found.items() if key != "registers"}
    row["tried"] = dict(sorted(row["tried"].items(), key=lambda item: _numbers(item[0])))
    if "registers" not in found:
        return
    release = found["release"]
    row["wheels"][release] = wheels.get(release, {})
    row["wheels"] = dict(sorted(row["wheels"].items(), key=lambda item: Version(item[0])))
    places: dict[tuple[str, bool, str], set[str]] = defaultdict(set)
    for each in row["registers"]:
        for op in each["ops"]:
            places[each["by"], each["library"], op].update(each["in"])
    for each in found["registers"]:
        for op in each["ops"]:
            if not known.is_op(op):
                places[each["by"], each["library"], op].add(release)
    groups: dict[tuple[str, bool, tuple[str, ...]], list[str]] = defaultdict(list)
    for (by, library, op), releases in sorted(places.items()):
        groups[by, library, tuple(sorted(releases, key=Version))].append(op)
    row["registers"] = [
        {"by": by, "library": library, "in": list(releases), "ops": ops}
        for (by, library, releases), ops in sorted(
            groups.items(), key=lambda item: (*item[0][:2], [Version(each) for each in item[0][2]])
        )
    ]


def _wheels(index: SimpleIndex, name: str) -> dict[str, dict[str, list[str]]]:
    """Return the Pythons of each release's wheels, by platform."""
    found: dict[str, dict[str, set[str]]] = {}
    for file in index.project_files(name):
        if file.kind != "wheel" or file.version is None:
            continue
        platforms = found.setdefault(str(Version(file.version)), {})
        with suppress(ValueError):
            for python, platform in minors_and_platforms(parse_wheel_filename(file.name)[3]):
                platforms.setdefault(platform, set()).add(python)
    return {
        version: {platform: sorted(pythons, key=_numbers) for platform, pythons in sorted(platforms.items())}
        for version, platforms in found.items()
    }


def render(data: dict[str, Any]) -> str:
    """Return the table as JSON, with every innermost list or object in one line."""
    text = json.dumps(data, indent=1)
    text = re.sub(r"\[[^\[\]{}]*\]", lambda found: _one_line(found[0]), text)
    return re.sub(r"\{[^{}]*\}", lambda found: _one_line(found[0]), text) + "\n"


def _one_line(text: str) -> str:
    return text[0] + " ".join(text[1:-1].split()) + text[-1]


def _short(text: str) -> str:
    return " ".join(scrubbed(text).split())[:MOST_CHARACTERS]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _split(arguments: list[str]) -> Iterator[list[str]]:
    """Yield the packages and the minors that were named, or all."""
    minors = [each for each in arguments if re.fullmatch(r"\d+\.\d+", each)]
    yield [each for each in arguments if each not in minors] or list(PACKAGES)
    yield minors or list(Knowledge().releases)


if __name__ == "__main__":
    try:
        refresh(*_split(sys.argv[1:]))
    except HarnessError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_status)
