"""Verdicts on known changes: planted changes must be detected, and benign ones must not.

One project runs every model in ``planted`` over neighbouring releases, and over settings that only change the
order of arithmetic. It also runs the changed copies in the baseline. This tool judges the recordings, and so
do the fixed tolerances that are the defaults elsewhere.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.verdicts.cost import costs
from benchmarks.verdicts.judge import judge_all
from benchmarks.verdicts.project import run
from benchmarks.verdicts.table import show


def main(source: Path) -> None:
    """Run all of it in a temporary project and print the tables.

    Raises:
        BenchError: if a model was not recorded in the baseline.
    """
    with tempfile.TemporaryDirectory(prefix="verdicts-") as folder:
        root = Path(folder).resolve()
        run(root, source)
        show(*judge_all(root), costs(root))
