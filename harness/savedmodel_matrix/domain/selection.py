"""Which cells and cases of a matrix are wanted, and what else one run is asked for."""

from __future__ import annotations

import datetime as dt
import difflib
import secrets
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pydantic import Field

from savedmodel_matrix.domain.errors import NothingSelectedError
from savedmodel_matrix.domain.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan

_MOST_NEAR = 3
_LEAST_ALIKE = 0.6  # of difflib's ratio, whose own default it is


@dataclass(frozen=True)
class Selection:
    """Which cells and cases are wanted, and whether what is recorded may stand for them.

    Globs add up: a cell is selected if any of ``cells`` matches it. No glob selects everything.
    """

    cells: tuple[str, ...] = ()
    """Globs on environments, or with a ``/`` on ENVIRONMENT/SETTING."""
    cases: tuple[str, ...] = ()
    """Globs on names of cases."""
    fresh: bool = False

    def wants(self, job: Job) -> bool:
        """Whether this job is selected."""
        return self._wants_cell(job) and (
            not self.cases or any(fnmatchcase(job.case, glob) for glob in self.cases)
        )

    def _wants_cell(self, job: Job) -> bool:
        return not self.cells or any(job.cell.matches(glob) for glob in self.cells)

    @property
    def is_partial(self) -> bool:
        """Whether anything of the matrix may be left out."""
        return bool(self.cells or self.cases)

    def __str__(self) -> str:
        """The options as a person types them."""
        options = [("--only", glob) for glob in self.cells] + [("--case", glob) for glob in self.cases]
        return " ".join(f"{option} '{glob}'" for option, glob in options)


class Request(Stored):
    """What a person asks of one run: every door makes one of these, and nothing else reads arguments."""

    selection: Selection = Selection()
    separate: bool = False
    """Whether to add the cells that the last report suggests."""
    fixes: bool = True
    """Whether to try fixes for failures."""
    jobs: int | None = Field(default=None, ge=1)
    """How many environments run at the same time; None for as many as the machine holds."""
    verbose: bool = False
    """Whether to show everything that nox, uv and the environments print."""


def new_run_id() -> str:
    """Return the id of a new run. It begins with the UTC time, so ids sort by age."""
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{now}-{secrets.token_hex(3)}"


def require_matches(selection: Selection, plans: Sequence[Plan]) -> None:
    """Raise unless every glob matches something of the plans, and all together leave something to run.

    Raises:
        NothingSelectedError: naming each glob that matches nothing, with the names nearest to it.
    """
    names = "' and '".join(plan.matrix for plan in plans)
    cells = [cell for plan in plans for cell in plan.cells()]
    cases = [case for plan in plans for case in plan.cases]
    problems = []
    for glob in selection.cells:
        if not any(cell.matches(glob) for cell in cells):
            known = [str(cell) for cell in cells] if "/" in glob else [cell.environment for cell in cells]
            problems.append(f"--only '{glob}' matches no cell of matrix '{names}'{_near(glob, known)}")
    problems += [
        f"--case '{glob}' matches no case of matrix '{names}'{_near(glob, cases)}"
        for glob in selection.cases
        if not any(fnmatchcase(case, glob) for case in cases)
    ]
    if not problems and not any(selection.wants(job) for plan in plans for job in plan.jobs()):
        problems.append(
            f"{selection or 'no option'} selects nothing that matrix '{names}' can run: all of it is "
            f"unavailable or excluded; `savedmodel-matrix plan {plans[0].matrix}` says why"
        )
    if problems:
        raise NothingSelectedError("\n".join(problems))


def _near(glob: str, known: Iterable[str]) -> str:
    names, word = list(dict.fromkeys(known)), glob.replace("*", "")
    alike = {name: _likeness(word, name) for name in names}
    near = [name for name in sorted(names, key=alike.__getitem__, reverse=True) if alike[name] > _LEAST_ALIKE]
    listed = (near or names)[:_MOST_NEAR]
    more = "" if near or len(names) <= _MOST_NEAR else ", ..."
    return f"; {'did you mean' if near else 'there are'} {', '.join(listed)}{more}"


def _likeness(word: str, name: str) -> float:
    """Return how alike they are, from 0 to 1: a glob is often only the beginning or the end of a name."""
    parts = {name, name[: len(word)], name[-len(word) :] if word else ""}
    return max(difflib.SequenceMatcher(None, word, part).ratio() for part in parts)
