"""The report and the benchmark judge by the same floor."""

from __future__ import annotations

from pathlib import Path

import savedmodel_matrix

import benchmarks


def test_one_function_decides_which_floor_judges_a_case():
    roots = [Path(module.__file__).parent for module in (savedmodel_matrix, benchmarks)]
    makers = [
        file.relative_to(root).as_posix()
        for root in roots
        for file in sorted(root.rglob("*.py"))
        if "JudgedCase(" in file.read_text(encoding="utf-8")
    ]
    assert makers == ["evidence/judged.py"]
