"""Which cells and cases of a matrix are selected, and the other options of a run."""

from __future__ import annotations

import datetime as dt
import difflib
import secrets
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pydantic import Field

from savedmodel_matrix.domain.bisect import Bisect
from savedmodel_matrix.domain.errors import NothingSelectedError
from savedmodel_matrix.domain.stored import Stored
from savedmodel_matrix.domain.upgrade import Upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from savedmodel_matrix.domain.job import Job
    from savedmodel_matrix.domain.plan import Plan

_RUN_TIME = "%Y%m%dT%H%M%SZ"
_MOST_NEAR = 3
_LEAST_ALIKE = 0.6  # ratio; the default cutoff of difflib


@dataclass(frozen=True)
class Selection:
    """Which cells and cases are selected, and whether existing recordings may be reused.

    Globs add up: a cell is selected if any of ``cells`` matches it. Without globs, everything is selected.
    """

    cells: tuple[str, ...] = ()
    """Globs on environments, or if they contain ``/`` on ENVIRONMENT/SETTING."""
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
        """Whether it may leave out any part of the matrix."""
        return bool(self.cells or self.cases)

    def __str__(self) -> str:
        """The options as typed on the command line."""
        options = [("--only", glob) for glob in self.cells] + [("--case", glob) for glob in self.cases]
        return " ".join(f"{option} '{glob}'" for option, glob in options)


class Request(Stored):
    """The options of one run: every door creates one of these, and nothing else reads arguments."""

    selection: Selection = Selection()
    separate: bool = False
    """Whether to add the cells that the last report suggests."""
    fixes: bool = True
    """Whether to try fixes for failures."""
    isolate: bool = False
    """Whether to isolate models and stages even if the definition does not say so."""
    jobs: int | None = Field(default=None, ge=1)
    """How many environments run at the same time; None for as many as the machine can hold."""
    upgrade: Upgrade | None = None
    """The upgrade to plan; None to run a matrix."""
    bisect: Bisect | None = None
    """The bisection to make; None to run a matrix or plan an upgrade."""
    verbose: bool = False
    """Whether to show everything that nox, uv and the environments print."""


def new_run_id(newest: str | None = None) -> str:
    """Return the id of a new run. It begins with the UTC time, so ids sort by age.

    ``newest`` is the newest id so far: where the clock was set back since, the new one still sorts after it.
    """
    now = dt.datetime.now(dt.UTC).strftime(_RUN_TIME)
    if newest is not None and now <= (before := newest.partition("-")[0]):
        now = (dt.datetime.strptime(before, _RUN_TIME) + dt.timedelta(seconds=1)).strftime(_RUN_TIME)  # noqa: DTZ007
    return f"{now}-{secrets.token_hex(3)}"


def require_matches(selection: Selection, plans: Sequence[Plan]) -> None:
    """Check that every glob matches something in the plans, and that something is left to run.

    Raises:
        NothingSelectedError: with each glob that matches nothing, and the closest names.
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
            f"unavailable or excluded; `savedmodel-matrix plan {plans[0].matrix}` shows why"
        )
    if problems:
        raise NothingSelectedError(*problems)


def _near(glob: str, known: Iterable[str]) -> str:
    names, word = list(dict.fromkeys(known)), glob.replace("*", "")
    alike = {name: _likeness(word, name) for name in names}
    near = [name for name in sorted(names, key=alike.__getitem__, reverse=True) if alike[name] > _LEAST_ALIKE]
    listed = (near or names)[:_MOST_NEAR]
    more = "" if near or len(names) <= _MOST_NEAR else ", ..."
    return f"; {'did you mean' if near else 'there are'} {', '.join(listed)}{more}"


def _likeness(word: str, name: str) -> float:
    """Return the similarity, from 0 to 1: a glob is often only the beginning or the end of a name."""
    parts = {name, name[: len(word)], name[-len(word) :] if word else ""}
    return max(difflib.SequenceMatcher(None, word, part).ratio() for part in parts)
