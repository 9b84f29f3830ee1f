"""Generate preflight's tables, ``ops.json`` and ``keras.json``, from facts dumped by each TensorFlow.

One file per minor release, each made inside an environment of that release::

    nox -s tf2.15.1-py3.11-cpu
    .nox/tf2-15-1-py3-11-cpu/bin/python maintenance/dump_ops.py > facts/2.15.json

and then, from the project's own environment::

    python -m maintenance.refresh_ops facts/*.json

The same files always produce the same bytes. An op that is not in every release, or not the same in all, has
its own line; the rest is one list of names.
"""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.errors import HarnessError, StoreError
from savedmodel_matrix.knowledge.ops import FORMAT, KERAS, OPS, minor_of
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Dumps = dict[str, dict[str, Any]]  # what dump_ops.py printed, by minor, oldest first


def read_dumps(files: Iterable[Path]) -> Dumps:
    """Return the dumps by minor, oldest first. Raises StoreError for two of one minor, or for none."""
    dumps: Dumps = {}
    for file in files:
        dump = json.loads(file.read_text(encoding="utf-8"))
        minor = minor_of(dump["tensorflow"])
        if minor in dumps:
            raise StoreError(f"{file}: a second file of TensorFlow {minor}")
        dumps[minor] = dump
    if not dumps:
        raise StoreError("no file was named; see the head of maintenance/refresh_ops.py")
    return dict(sorted(dumps.items(), key=lambda item: [int(part) for part in item[0].split(".")]))


def render_ops(dumps: Dumps) -> str:
    """Return the text of ``ops.json``."""
    names = sorted({name for dump in dumps.values() for name in dump["ops"]})
    rows = {name: _row(dumps, name) for name in names}
    releases = {
        minor: {"tensorflow": dump["tensorflow"], "graph_version": dump["graph_version"]}
        for minor, dump in dumps.items()
    }
    unchanged = json.dumps([name for name, row in rows.items() if not row])
    return "\n".join(
        [
            "{",
            f' "format": {FORMAT},',
            ' "releases": {',
            _lines(releases),
            " },",
            f' "object_kinds": {json.dumps(_later(dumps, "object_kinds"))},',
            f' "value_kinds": {json.dumps(_later(dumps, "value_kinds"))},',
            ' "unchanged":',
            textwrap.fill(unchanged, 110, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
            + ",",
            ' "changed": {',
            _lines({name: row for name, row in rows.items() if row}),
            " }",
            "}\n",
        ]
    )


def render_keras(dumps: Dumps) -> str:
    """Return the text of ``keras.json``: the layers and metrics of Keras 2, over all releases."""
    first_of_keras_3 = 16
    layers = {
        name
        for minor, dump in dumps.items()
        if int(minor.split(".")[1]) < first_of_keras_3
        for name in dump["keras_layers"]
    }
    filled = textwrap.fill(json.dumps(sorted(layers)), 110, initial_indent="  ", subsequent_indent="  ")
    return f'{{\n "format": {FORMAT},\n "layers":\n{filled}\n}}\n'


def _row(dumps: Dumps, name: str) -> dict[str, Any]:
    """Return how an op deviates from the norm: every release has it, with a CPU kernel."""
    minors = list(dumps)
    registered = _span(dumps, name, lambda dump: name in dump["ops"])
    row: dict[str, Any] = {}
    if registered[0] != minors[0]:
        row["since"] = registered[0]
    if registered[-1] != minors[-1]:
        row["until"] = registered[-1]
    kernels = _span(dumps, name, lambda dump: name in dump["cpu_kernels"])
    if not kernels:
        row["kernel"] = []
    elif (kernels[0], kernels[-1]) != (registered[0], registered[-1]):
        row["kernel"] = [kernels[0], kernels[-1]]
    attributes = {attribute for minor in registered for attribute in dumps[minor]["ops"][name]}
    later = {}
    for attribute in sorted(attributes):
        first = next(minor for minor in registered if attribute in dumps[minor]["ops"][name])
        if first != registered[0]:
            later[attribute] = first
    return {**row, "attributes": later} if later else row


def _span(dumps: Dumps, name: str, holds: Callable[[dict[str, Any]], bool]) -> list[str]:
    """Return the minors for which ``holds``. Raises StoreError if there is a gap between them."""
    minors = list(dumps)
    found = [minor for minor in minors if holds(dumps[minor])]
    if found and minors.index(found[-1]) - minors.index(found[0]) != len(found) - 1:
        raise StoreError(f"{name} comes and goes: it is in {', '.join(found)} only")
    return found


def _later(dumps: Dumps, key: str) -> dict[str, str]:
    """Return what the first release lacks, with the first release that has it."""
    first = next(iter(dumps))
    return {
        name: next(minor for minor, dump in dumps.items() if name in dump[key])
        for name in sorted({name for dump in dumps.values() for name in dump[key]})
        if name not in dumps[first][key]
    }


def _lines(rows: Mapping[str, object]) -> str:
    return ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())


def main(arguments: list[str]) -> None:
    """Write both tables and say what they hold."""
    dumps = read_dumps(map(Path, arguments))
    write_text(OPS, render_ops(dumps))
    write_text(KERAS, render_keras(dumps))
    print(f"{OPS.name}, {KERAS.name}: TensorFlow {', '.join(dumps)}")  # noqa: T201 - its answer


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except HarnessError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_status)
