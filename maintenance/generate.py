"""Write the files that are generated from code and data: ``python -m maintenance.generate [--check]``.

With ``--check`` nothing is written, and the exit status is 1 if a file is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from savedmodel_matrix.commands.schema import write_schemas
from savedmodel_matrix.domain.errors import HarnessError

from maintenance.causes_page import write_causes

ROOT = Path(__file__).parents[1]


def main(*, check: bool) -> int:
    """Write the schemas and the page of causes, or check them; print the result."""
    stale = False
    for write in (_schemas, _causes):
        try:
            lines = write(check=check)
        except HarnessError as error:
            lines, stale = [f"{error}; run `nox -s generate`"], True
        print("\n".join(lines))  # noqa: T201 - what this program is for
    return 1 if stale else 0


def _schemas(*, check: bool) -> list[str]:
    return write_schemas(ROOT / "schemas", check=check)


def _causes(*, check: bool) -> list[str]:
    return [write_causes(ROOT / "docs" / "causes.md", check=check)]


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
