"""Inputs made from what a model's graph wants, run in the baseline, and improved by measuring.

Every candidate is a case of a matrix in ``results/inputs``, with the project's own locks and environments:
what it notices is its power, as in a report, and what was measured before is not measured again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from savedmodel_matrix.commands.init import NOXFILE
from savedmodel_matrix.commands.run import measured
from savedmodel_matrix.commands.say import say
from savedmodel_matrix.commands.toml_text import inline, quoted
from savedmodel_matrix.domain.errors import NoSignatureError, UsageError
from savedmodel_matrix.domain.exit_status import ExitStatus
from savedmodel_matrix.domain.loader import Loader
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.domain.selection import Request
from savedmodel_matrix.domain.wording import count, shortened
from savedmodel_matrix.evidence.recorded import Evidence
from savedmodel_matrix.measurements import work
from savedmodel_matrix.models.inputs.improve import Candidate, longer, rescaled, smaller, varied
from savedmodel_matrix.models.inputs.save import existing, save_batch
from savedmodel_matrix.models.inputs.suggest import shapes_of, suggest_inputs
from savedmodel_matrix.models.inputs.supply import file_lines, supply_lines
from savedmodel_matrix.models.savedmodel.facts import read_facts
from savedmodel_matrix.models.savedmodel.input_wants import wants_of
from savedmodel_matrix.models.savedmodel.reader import Kind
from savedmodel_matrix.models.savedmodel.signature_graph import (
    FittingShapes,
    as_taken,
    same_tensors,
    together_of,
)
from savedmodel_matrix.planning.first_cases import case_name, loader_for, main_graph, releases_from
from savedmodel_matrix.planning.load import load_definition
from savedmodel_matrix.planning.workspace import Workspace
from savedmodel_matrix.report.power import power_row
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from savedmodel_matrix.commands.run import Place
    from savedmodel_matrix.domain.ready_case import ReadyCase
    from savedmodel_matrix.models.savedmodel.facts import MetaGraphFacts, ModelFacts
    from savedmodel_matrix.models.savedmodel.reader import Signature
    from savedmodel_matrix.models.savedmodel.sparse_inputs import Together
    from savedmodel_matrix.models.savedmodel.wants import Want
    from savedmodel_matrix.report.document import PowerRow

_LONGEST = 300


@dataclass(frozen=True)
class Wish:
    """What to make inputs for.

    ``signatures`` are all if it is empty. ``tensorflow`` is the release to run in; None for the model's own,
    or the first that should load it. ``seconds`` bound the measured time for each signature. ``folder`` is
    where files go.
    """

    model: Path
    signatures: tuple[str, ...]
    tensorflow: str | None
    seconds: float
    folder: Path


@dataclass
class _Measured:
    """A candidate, what became of it, and what it cost in seconds."""

    candidate: Candidate
    outcome: Outcome
    reason: str | None
    power: PowerRow | None
    seconds: float
    ready: ReadyCase | None

    @property
    def runs(self) -> bool:
        return self.outcome is Outcome.RECORDED

    @property
    def rank(self) -> tuple[bool, list[float]]:
        levels = [] if self.power is None else self.power.levels
        return self.runs, [each.noticed / each.tried for each in levels]

    @property
    def is_perfect(self) -> bool:
        """Whether no other candidate can be better."""
        levels = [] if self.power is None else self.power.levels
        return self.runs and all(each.noticed == each.tried for each in levels)


@dataclass
class _Search:
    """The candidates of one signature."""

    case: str
    name: str
    signature: Signature
    wants: Mapping[str, Want]
    fitting: FittingShapes
    together: list[Together]
    same: Mapping[str, str]
    tried: list[_Measured] = field(default_factory=list)

    @property
    def best(self) -> _Measured:
        """The best candidate; the first of several equals, which is the simplest."""
        return max(self.tried, key=lambda each: each.rank)

    def fits(self, candidate: Candidate) -> bool:
        """Whether nothing known is against the candidate's shapes."""
        return self.fitting.misfit(shapes_of(self.signature, candidate.spec), useful=True) is None

    def left(self, seconds: float) -> int:
        """Return how many more candidates there is time for."""
        spent = sum(each.seconds for each in self.tried)
        cost = max(each.seconds for each in self.tried)
        return int((seconds - spent) / cost) if cost > 0 else 0


def make_inputs(project: Workspace, wish: Wish, place: Place) -> ExitStatus:
    """Make, run and improve inputs of a model's signatures, and write the best of each.

    ``place`` is where sessions run; its noxfile is not used. Prints what was chosen and what it notices, and
    for signatures that do not run what to supply. Returns INCOMPLETE if there is one of them.

    Raises:
        UnreadableModelError: if the folder holds no readable SavedModel.
        NoSignatureError: if it has no such signature.
        UsageError: if a file that would be written exists already; nothing is overwritten.
    """
    model = wish.model.resolve()
    facts = read_facts(model)
    graph = main_graph(facts.meta_graphs)
    searches = _searches(model, graph, wish)
    release, loader = _where(project, facts, graph, wish.tensorflow)
    trial = _Trial(project, model, graph, release, loader, place)
    signatures = count(len(searches), "signature")
    say(f"measures for at most {wish.seconds:g} s for each of {signatures}, not counting the set-up")
    trial.run([(each, [_first(each)]) for each in searches])
    trial.run([(each, _scales(each)[: each.left(wish.seconds)]) for each in searches])
    trial.run([(each, _variations(each)[: each.left(wish.seconds)]) for each in searches])
    for search in searches:
        for line in _told(project, wish, trial, search):
            say(line)
    return ExitStatus.OK if all(each.best.runs for each in searches) else ExitStatus.INCOMPLETE


def _searches(model: Path, graph: MetaGraphFacts, wish: Wish) -> list[_Search]:
    if not graph.signatures:
        raise NoSignatureError(
            f"{wish.model}: the model has no signatures; inputs of functions come from files"
        )
    if unknown := [each for each in wish.signatures if each not in graph.signatures]:
        has = ", ".join(map(repr, graph.signatures))
        raise NoSignatureError(f"{wish.model}: no signature {', '.join(map(repr, unknown))}; it has {has}")
    names: set[str] = set()
    found = []
    for name, signature in graph.signatures.items():
        case = case_name(model.name, name, names)
        if wish.signatures and name not in wish.signatures:
            continue
        if (path := existing(wish.folder, case)) is not None:
            raise UsageError(f"{path} already exists; move it away, or choose another folder with --output")
        found.append(
            _Search(
                case,
                name,
                as_taken(model, name, signature),
                wants_of(model, name),
                FittingShapes(model, name),
                together_of(model, name),
                same_tensors(model, name),
            )
        )
    return found


def _where(
    project: Workspace, facts: ModelFacts, graph: MetaGraphFacts, tensorflow: str | None
) -> tuple[str, Loader]:
    """Return the first release and loader that should run the model; the first of all if none should."""
    if tensorflow is not None:
        project.releases.resolve(tensorflow)
    minors = (
        [tensorflow]
        if tensorflow is not None
        else releases_from(project.releases, graph.tensorflow_version)[0]
    )
    releases = [project.releases.resolve(minor) for minor in minors]
    for release in releases:
        loader = loader_for(facts, release)
        if loader is not None:
            return release, loader
    return releases[0], Loader.SAVED_MODEL


def _first(search: _Search) -> Candidate:
    return Candidate(suggest_inputs(search.signature, search.fitting, search.wants).generate)


def _scales(search: _Search) -> list[Candidate]:
    """Return what to try after the guess: other scales, or a single sample of what does not run."""
    best = search.best
    if best.is_perfect:
        return []
    if not best.runs:
        return list(smaller(search.signature, best.candidate))
    others = [*longer(best.candidate), *rescaled(search.signature, search.wants, best.candidate)]
    return [each for each in others if search.fits(each)]


def _variations(search: _Search) -> list[Candidate]:
    best = search.best
    if not best.runs or best.is_perfect:
        return []
    return [each for each in varied(search.signature, best.candidate) if search.fits(each)]


class _Trial:
    """A matrix of candidates in a folder of its own, with the locks and environments of the project."""

    def __init__(
        self,
        project: Workspace,
        model: Path,
        graph: MetaGraphFacts,
        release: str,
        loader: Loader,
        place: Place,
    ) -> None:
        self.workspace = Workspace(project.results.root / "inputs")
        self.environment = ""
        self._place = replace(place, noxfile=self.workspace.root / "noxfile.py")
        self._model, self._graph, self._loader = model, graph, loader
        self._head = [
            f'baseline = "tf{release}-*"',
            "",
            "[[environments]]",
            f"tensorflow = {inline([release])}",
        ]
        self._cases: list[str] = []
        write_text(self._place.noxfile, NOXFILE)
        locks = self.workspace.locks
        if locks.resolve() != project.locks.resolve():  # there is none, or the project was moved
            project.locks.mkdir(parents=True, exist_ok=True)
            locks.parent.mkdir(parents=True, exist_ok=True)
            locks.unlink(missing_ok=True)
            locks.symlink_to(project.locks, target_is_directory=True)

    def run(self, wanted: Sequence[tuple[_Search, Sequence[Candidate]]]) -> None:
        """Measure candidates of some signatures, and add what became of them to their searches."""
        new = {
            f"{search.case}.{len(search.tried) + number}": (search, candidate)
            for search, candidates in wanted
            for number, candidate in enumerate(candidates)
        }
        if not new:
            return
        for case, (search, candidate) in new.items():
            self._cases += ["", *self._case(case, search.name, candidate)]
        matrix = "default"
        path = self.workspace.root / "matrices" / f"{matrix}.toml"
        write_text(path, "\n".join([*self._head, *self._cases]) + "\n")
        load_definition(path)
        plan, collection = measured(self.workspace, matrix, Request(), self._place)
        self.environment = plan.baseline.environment
        evidence = Evidence(self.workspace, plan, Request().selection)
        seconds: dict[str, float] = {}
        for job in work(plan):
            recording = evidence.recording(job) if job.case in new else None
            seconds[job.case] = seconds.get(job.case, 0.0) + (recording.seconds if recording else 0.0)
        for row in collection.rows:
            if row.case not in new:
                continue
            search, candidate = new[row.case]
            power = power_row(plan, row.case, collection, self.workspace.results.array)
            ready = collection.ready[row.case]
            problem = ready if isinstance(ready, str) else ready.inputs_problem
            search.tried.append(
                _Measured(
                    candidate,
                    row.outcome,
                    problem or row.reason,
                    power,
                    seconds.get(row.case, 0.0),
                    None if isinstance(ready, str) else ready,
                )
            )

    def _case(self, case: str, signature: str, candidate: Candidate) -> Iterable[str]:
        yield f"[cases.{quoted(case)}]"
        yield f"path = {quoted(str(self._model))}"
        yield f"signature = {quoted(signature)}"
        yield f"loader = {quoted(self._loader)}"
        yield f"tags = {inline(list(self._graph.tags))}"
        generate = candidate.spec.model_dump(mode="json", exclude_defaults=True)
        yield f"inputs = [{{ generate = {inline(generate)} }}]"


def _told(project: Workspace, wish: Wish, trial: _Trial, search: _Search) -> Iterable[str]:
    """Write the best inputs of a signature; yield what was chosen and what it notices, or what to supply."""
    best, first = search.best, search.tried[0]
    where = f"in {trial.environment}"
    if not best.runs:
        reason = shortened(best.reason or "no reason was given", _LONGEST)
        yield f"{search.name}: does not run with generated inputs {where}: {best.outcome}: {reason}"
        yield from _supply(search)
        return
    (batch,) = best.ready.batches if best.ready is not None and best.ready.batches else ((),)
    arrays = {
        part.name if part.component is None else f"{part.name}.{part.component}": (
            part.array.dtype,
            np.asarray(trial.workspace.results.array(part.array)),
        )
        for part in batch
    }
    path = save_batch(wish.folder, search.case, search.name, arrays)
    chosen = best.candidate.says or "the first guess"
    yield f"{search.name}: wrote {path}: {chosen} ({_tried(search, wish.seconds)})"
    yield f"  they run {where}{_power_said(best)}"
    if best is not first and first.runs:
        yield f"  the first guess ran, too{_power_said(first)}"
    inside = path.resolve().is_relative_to(project.root)
    named = path.resolve().relative_to(project.root).as_posix() if inside else str(path.resolve())
    kind = "npz" if path.suffix == ".npz" else "rest"
    yield f"  in the matrix: inputs = [{{ {kind} = {quoted(named)} }}]"
    if best.power is not None and best.power.weak:
        yield "  These inputs notice little. Better ones come from real data:"
        yield from _supply(search)


def _tried(search: _Search, seconds: float) -> str:
    if len(search.tried) > 1:
        return f"the best of {len(search.tried)} tried"
    if search.best.is_perfect or search.left(seconds) > 0:
        return "there is nothing to improve" if search.best.is_perfect else "there is nothing else to try"
    return f"no time was left for others; one takes {search.best.seconds:.0f} s, and --seconds gives more"


def _supply(search: _Search) -> Iterable[str]:
    signature = search.signature
    shapes = shapes_of(signature, search.best.candidate.spec, (Kind.DENSE, Kind.SPARSE, Kind.RAGGED))
    yield "  supply inputs in a file: a .npz with one array for each of"
    for line in supply_lines(signature, search.wants, shapes, search.together, search.same):
        yield f"    {line}"
    for line in file_lines(signature):
        yield f"  {line}"
    yield '  and name it in the matrix: inputs = [{ npz = "FILE.npz" }]'


def _power_said(found: _Measured) -> str:
    return "" if found.power is None else f": {found.power.says}"
