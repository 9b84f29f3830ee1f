"""Candidate fixes for failed cells, as a plan: each set of steps is tried in its own new cell.

The smallest sets come first: single steps, then pairs that belong together (``knowledge.together``). Where
nothing works yet, sets follow that continue where a failure *changed*: the steps of its next cause are added,
and two steps that each changed it are put together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.cell import CellId
from savedmodel_matrix.domain.plan import Plan
from savedmodel_matrix.knowledge.causes.base import RemedyKind
from savedmodel_matrix.knowledge.ops import minor_of
from savedmodel_matrix.knowledge.together import partners
from savedmodel_matrix.questions.steps import Step, applied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from savedmodel_matrix.domain.environment import Environment
    from savedmodel_matrix.knowledge.causes.base import Remedy
    from savedmodel_matrix.questions.steps import Changed, Failure
    from savedmodel_matrix.verdicts.causes.match import Match

    #: A cell and case of the plan of attempts.
    Place = tuple[CellId, str]

#: Causes of a failure whose steps are tried. Causes and their steps are ranked; later ones are guesses.
_MOST_CAUSES = 2
#: The budget for a failure: single steps, and attempts of any kind.
_MOST_SINGLE = 5
_MOST_ATTEMPTS = 12
#: Steps in a set.
MOST_STEPS = 3
_PAIR = 2
#: The order in which steps are applied and named: what is installed comes first.
_ORDER = (
    RemedyKind.PACKAGE, RemedyKind.PIN, RemedyKind.RESOLVE, RemedyKind.IMPORT, RemedyKind.VARIABLE,
    RemedyKind.LOADER, RemedyKind.ENDPOINT, RemedyKind.RE_EXPORT, RemedyKind.MODULE, RemedyKind.UPGRADE,
    RemedyKind.ADVICE,
)  # fmt: skip
_NOT_TRIED = "no part of any attempt"
#: Why a set was not tried.
BUDGET = f"at most {_MOST_SINGLE} single steps and {_MOST_ATTEMPTS} attempts for each failure"
NO_ENVIRONMENT = "its environment cannot be created here"


@dataclass(frozen=True)
class Attempt:
    """One set of steps for one failure: ``variant`` of the case in ``cell`` of the fix plan."""

    failed: CellId
    case: str
    cause: str
    steps: tuple[Remedy, ...]
    cell: CellId
    variant: str

    @property
    def place(self) -> Place:
        """The cell and case of the fix plan."""
        return self.cell, self.variant


@dataclass(frozen=True)
class Result:
    """What became of an attempt that ran, or that never can."""

    mended: bool = False
    """Whether the case runs and agrees with the baseline."""
    next_causes: Sequence[Match] | None = None
    """If the failure changed, and came no earlier than before: the causes of the new one, best first."""


@dataclass(frozen=True)
class Untried:
    """An attempt that would follow and is not made, and why not."""

    attempt: Attempt
    because: str


@dataclass(frozen=True)
class Remedies:
    """The attempts, the plan that runs them all, and what is left out."""

    plan: Plan
    attempts: tuple[Attempt, ...]
    untried: tuple[Untried, ...] = ()


@dataclass(frozen=True)
class _Set:
    """Steps that are applied together, in a fixed order, so that the same set is the same cell and case."""

    steps: tuple[Step, ...]
    cause: str

    @property
    def remedies(self) -> frozenset[Remedy]:
        return frozenset(step.remedy for step in self.steps)

    def with_step(self, step: Step) -> _Set:
        return _Set(tuple(sorted((*self.steps, step), key=_order)), self.cause)


@dataclass(frozen=True)
class _Chosen:
    steps: _Set
    attempt: Attempt
    changed: Changed


def plan_remedies(
    plan: Plan,
    failures: Sequence[Failure],
    can_exist: Callable[[Environment], bool],
    results: Mapping[Place, Result] | None = None,
) -> Remedies:
    """Return the attempts to fix failures, as far as the results so far tell: a few for each failure.

    Settings that fail alike with the same loader in one environment have the same fix, so only the first of
    them is tried.
    ``can_exist`` says whether an environment can be created here. ``results`` has every attempt that ran or
    never can; larger sets for a failure follow only once all smaller ones for it have a result.
    """
    attempts: list[Attempt] = []
    untried: list[Untried] = []
    changed: dict[Place, Changed] = {}
    seen: set[tuple[str, str, str, tuple[str, ...]]] = set()
    for failure in failures:
        causes = tuple(match.cause.id for match in failure.matches[:_MOST_CAUSES])
        loader = plan.settings[failure.cell.setting].loader or plan.cases[failure.case].loader
        if (kind := (failure.cell.environment, failure.case, loader, causes)) in seen:
            continue
        seen.add(kind)
        search = _Search(plan, failure, can_exist, results or {})
        search.go()
        attempts += [each.attempt for each in search.chosen]
        changed |= {each.attempt.place: each.changed for each in search.chosen}
        untried += search.untried
    return Remedies(plan_of(plan, "remedies", changed), tuple(attempts), tuple(untried))


class _Search:
    """The search for the smallest sets of steps that fix one failure."""

    def __init__(
        self,
        plan: Plan,
        failure: Failure,
        can_exist: Callable[[Environment], bool],
        results: Mapping[Place, Result],
    ) -> None:
        self.chosen: list[_Chosen] = []
        self.untried: list[Untried] = []
        self._plan, self._failure, self._can_exist = plan, failure, can_exist
        self._results = results

    def go(self) -> None:
        """Choose attempts, round by round, until one of them has no result yet."""
        self._choose(self._single(), _MOST_SINGLE)
        if self._is_waiting():
            return
        self._choose(self._belonging_together(), _MOST_ATTEMPTS)
        for size in range(2, MOST_STEPS + 1):
            if self._is_waiting() or self._mended():
                return
            self._choose(self._continued(size), _MOST_ATTEMPTS)

    def _is_waiting(self) -> bool:
        return any(each.attempt.place not in self._results for each in self.chosen)

    def _mended(self) -> list[frozenset[Remedy]]:
        return [
            each.steps.remedies
            for each in self.chosen
            if (result := self._results.get(each.attempt.place)) is not None and result.mended
        ]

    def _choose(self, candidates: Iterator[_Set], most: int) -> None:
        """Add the candidates that can be tried and are not; beyond ``most`` attempts they are left out."""
        mended, known = self._mended(), {each.attempt.place for each in self.chosen}
        for steps in list(candidates):
            changed = applied(self._plan, self._failure, steps.steps)
            if changed is None or any(part <= steps.remedies for part in mended):
                continue
            cell = CellId(changed.environment.id, changed.setting[0])
            if (place := (cell, changed.case[0])) in known:
                continue
            known.add(place)
            failure, remedies = self._failure, tuple(step.remedy for step in steps.steps)
            attempt = Attempt(failure.cell, failure.case, steps.cause, remedies, *place)
            if not self._can_exist(changed.environment):
                self.untried.append(Untried(attempt, NO_ENVIRONMENT))
            elif len(self.chosen) >= most:
                self.untried.append(Untried(attempt, BUDGET))
            else:
                self.chosen.append(_Chosen(steps, attempt, changed))

    def _single(self) -> Iterator[_Set]:
        return (_Set((step,), step.match.cause.id) for step in _steps(self._failure.matches))

    def _belonging_together(self) -> Iterator[_Set]:
        """Yield the pairs of the knowledge base, and before each the step that no cause names, alone."""
        minor = minor_of(self._plan.environments[self._failure.cell.environment].tensorflow)
        mended = self._mended()
        for single in self._single():
            (step,) = single.steps
            changed = applied(self._plan, self._failure, single.steps)
            if changed is not None and not self._can_exist(changed.environment):
                continue
            for partner in partners(step.remedy, minor):
                if not any(part <= single.remedies for part in mended):
                    yield _Set((Step(partner, step.match),), single.cause)
                    yield single.with_step(Step(partner, step.match))

    def _continued(self, size: int) -> Iterator[_Set]:
        """Yield sets of ``size`` steps that continue where a smaller set changed the failure."""
        near = [
            (each.steps, result.next_causes)
            for each in self.chosen
            if len(each.steps.steps) == size - 1
            and (result := self._results[each.attempt.place]).next_causes is not None
        ]
        for steps, causes in near:
            yield from (steps.with_step(step) for step in _steps(causes or ()))
        if size == _PAIR:  # of larger sets too many would follow
            for (one, _), (other, _) in combinations(near, 2):
                yield one.with_step(*other.steps)


def _steps(matches: Sequence[Match]) -> Iterator[Step]:
    for match in matches[:_MOST_CAUSES]:
        yield from (Step(remedy, match) for remedy in match.remedies)


def _order(step: Step) -> tuple[int, str]:
    return _ORDER.index(step.remedy.kind), step.remedy.value


def plan_of(plan: Plan, what: str, changed: Mapping[Place, Changed]) -> Plan:
    """Return the plan of changed cells and cases alone, named after ``what`` it is for."""
    environments = {found.environment.id: found.environment for found in changed.values()}
    settings = dict(found.setting for found in changed.values())
    cases = dict(found.case for found in changed.values())
    cells = [CellId(name, setting) for name, setting in product(environments, settings)]
    return Plan(
        matrix=f"{plan.matrix}, {what}",
        baseline=plan.baseline,
        environments=environments,
        settings=settings,
        cases=cases,
        limits={place: found.limits for place, found in changed.items()},
        given={place: found.given for place, found in changed.items() if found.given is not None},
        excluded={
            (cell, case): _NOT_TRIED for cell, case in product(cells, cases) if (cell, case) not in changed
        },
        isolate=plan.isolate,
    )
