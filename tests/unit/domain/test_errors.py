from __future__ import annotations

import inspect
import re
from pathlib import Path

from savedmodel_matrix import errors

PAGE = Path(__file__).parents[3] / "docs/exit-status.md"
CLASSES = {
    name: each
    for name, each in vars(errors).items()
    if inspect.isclass(each) and issubclass(each, errors.HarnessError)
}


def test_every_error_class_is_on_the_page_with_its_status_and_meaning():
    rows = re.findall(r"^\| `(\w+)` \| (\d) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: (int(status), says) for name, status, says in rows} == {
        name: (each.exit_status, inspect.getdoc(each).splitlines()[0]) for name, each in CLASSES.items()
    }


def test_no_error_is_a_divergence_and_only_faults_of_ours_are_5():
    statuses = {name: each.exit_status for name, each in CLASSES.items()}
    assert {name for name, status in statuses.items() if status == 5} == {"HarnessError", "ProbeError"}
    assert set(statuses.values()) == {2, 3, 4, 5}
