"""What one call of nox or of the command line asks for."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import secrets
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.domain.job import Job

#: Nox runs parallel sessions in processes of their own; this names the run they all belong to.
RUN_VARIABLE = "SAVEDMODEL_MATRIX_RUN"


@dataclass(frozen=True)
class Selection:
    """Which cells and cases are wanted, and whether what is recorded may stand for them."""

    cells: str = "*"
    cases: str = "*"
    fresh: bool = False
    separate: bool = False
    """Whether cells are added that tell apart what the last report could not."""
    remedies: bool = True
    """Whether what may mend a failure is tried."""

    def wants(self, job: Job) -> bool:
        """Whether this job is selected."""
        return job.cell.matches(self.cells) and fnmatchcase(job.case, self.cases)

    @property
    def is_partial(self) -> bool:
        """Whether anything of the matrix may be left out."""
        return (self.cells, self.cases) != ("*", "*")


def parse_selection(arguments: Sequence[str]) -> Selection:
    """Read what stands after ``--`` on nox's command line.

    Raises:
        SystemExit: with status 2 and a usage message where an argument is not known.
    """
    parser = argparse.ArgumentParser(prog="nox -s matrix --", allow_abbrev=False)
    parser.add_argument("--only", metavar="GLOB", default="*", help="environments, or ENVIRONMENT/SETTING")
    parser.add_argument("--case", metavar="GLOB", default="*", help="names of cases")
    parser.add_argument("--fresh", action="store_true", help="run again what is already recorded")
    parser.add_argument("--separate", action="store_true", help="add the cells that the last report proposes")
    parser.add_argument(
        "--no-remedies", dest="remedies", action="store_false", help="do not try what may mend failures"
    )
    parsed = parser.parse_args(list(arguments))
    return Selection(parsed.only, parsed.case, parsed.fresh, parsed.separate, parsed.remedies)


def run_id() -> str:
    """Return the id of the run this process belongs to, starting one if there is none.

    It begins with the UTC time, so sorting ids by name sorts runs by age.
    """
    if RUN_VARIABLE not in os.environ:
        now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        os.environ[RUN_VARIABLE] = f"{now}-{secrets.token_hex(3)}"
    return os.environ[RUN_VARIABLE]
