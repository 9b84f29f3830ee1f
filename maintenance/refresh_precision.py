"""Generate ``precision.json`` from what each TensorFlow lacks in bfloat16.

One file per minor release, each made inside an environment of that release, on Linux::

    nox -s tf2.15.1-py3.11-cpu
    .nox/tf2-15-1-py3-11-cpu/bin/python maintenance/dump_precision.py > lacking/2.15.json

and then, from the project's own environment::

    python -m maintenance.refresh_precision lacking/*.json

The same files always produce the same bytes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.knowledge.precision import FORMAT, PRECISION
from savedmodel_matrix.store.atomic import write_text

from maintenance.refresh_ops import read_dumps

if TYPE_CHECKING:
    from collections.abc import Mapping


def render(dumps: Mapping[str, dict[str, Any]]) -> str:
    """Return the text of ``precision.json``: by op and attribute, the minors in which it lacks bfloat16."""
    lacking: dict[str, dict[str, list[str]]] = {}
    for minor, dump in dumps.items():
        for op, kind in dump["lacking"].items():
            lacking.setdefault(op, {}).setdefault(kind, []).append(minor)
    releases = {minor: dump["tensorflow"] for minor, dump in dumps.items()}
    rows = (f"  {json.dumps(op)}: {json.dumps(kinds)}" for op, kinds in sorted(lacking.items()))
    parts = [f' "format": {FORMAT}', f' "releases": {json.dumps(releases)}']
    return "{\n" + ",\n".join([*parts, ' "lacking": {\n' + ",\n".join(rows) + "\n }"]) + "\n}\n"


def main(arguments: list[str]) -> None:
    """Write the table and say what it holds."""
    dumps = read_dumps(map(Path, arguments))
    write_text(PRECISION, render(dumps))
    print(f"{PRECISION.name}: TensorFlow {', '.join(dumps)}")  # noqa: T201 - its answer


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except HarnessError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_status)
