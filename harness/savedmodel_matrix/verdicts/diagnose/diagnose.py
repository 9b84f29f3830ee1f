"""From two sides of one batch to named, proven differences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from savedmodel_matrix.verdicts.diagnose import levels, unvarying, value_tables
from savedmodel_matrix.verdicts.diagnose.describe import describe
from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis
from savedmodel_matrix.verdicts.diagnose.pair import Array, Decoded, LateError, Pair, never
from savedmodel_matrix.verdicts.diagnose.prove import distance, is_same
from savedmodel_matrix.verdicts.diagnose.recipes import times, words
from savedmodel_matrix.verdicts.diagnose.recipes.remake import remake
from savedmodel_matrix.verdicts.diagnose.search import Chain, most, search
from savedmodel_matrix.verdicts.diagnose.where import where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: The most columns of a table that are diagnosed one by one if they are not explained together.
_MOST_COLUMNS = 256
#: An explanation that costs more than named constants competes with those from the raw input.
_CHEAP = 3.0
#: Names that come from the two sides alone, where times or words in the raw input may say something else.
_ASK_RAW = frozenset({"missing-fill", "padding-value", "timezone", "vocabulary-offset"})
#: This many elements of a batch of images or sequences prove anything, and take little time.
_ENOUGH = 2_000_000


@dataclass(frozen=True)
class Examined:
    """The named differences, and the tensors whose search ended early because the time was over.

    ``stopped`` says what was being tried then, by tensor.
    """

    found: list[Diagnosis]
    stopped: dict[str, str]


def diagnose(
    train: Mapping[str, Array], serve: Mapping[str, Array], raw: Mapping[str, Array] | None = None
) -> list[Diagnosis]:
    """Return the named differences, as ``examine`` does without a limit of time."""
    return examine(train, serve, raw).found


def examine(
    train: Mapping[str, Array],
    serve: Mapping[str, Array],
    raw: Mapping[str, Array] | None = None,
    late: Callable[[], bool] = never,
    decoded: Mapping[str, Decoded] | None = None,
) -> Examined:
    """Return the named differences between two preprocessed forms of one batch, the best proven first.

    ``train`` and ``serve`` map tensor names to arrays: numbers, or object arrays of ``bytes``. ``raw`` is the
    input that both were made from: numbers, or encoded images and sounds or text as object arrays of
    ``bytes``. ``decoded`` has the JPEG files of each input by decoder. An empty list means that the two agree
    up to rounding, or that no correction makes them agree. The same holds for a tensor that no diagnosis has
    in ``tensors``. Tensors on one side only are ignored.
    """
    given = dict(raw or {})
    found: list[Diagnosis] = []
    stopped: dict[str, str] = {}
    for name in train:
        if name in serve and not is_same(train[name], serve[name]):
            pair = _first_samples(Pair(train[name], serve[name], given, decoded or {}, late))
            place = where(pair.train, pair.serve, pair.raw)
            try:
                found += [replace(each, tensors=(name,), where=place) for each in _tensor(pair)]
            except LateError as late_at:
                stopped[name] = str(late_at)
    order = sorted(_joined(found), key=lambda each: (len(each.steps), each.residual, each.id))
    return Examined(order, stopped)


def _first_samples(pair: Pair) -> Pair:
    """Return enough of the first samples; tables stay whole, because statistics need all rows."""
    train, serve = pair.train, pair.serve
    if train.ndim < 3 or train.size <= _ENOUGH or train.shape[:1] != serve.shape[:1]:
        return pair
    count = max(_ENOUGH * len(train) // train.size, 1)
    raw = {
        name: each[:count] if each.shape[:1] == train.shape[:1] else each for name, each in pair.raw.items()
    }
    return replace(pair, train=train[:count], serve=serve[:count], raw=raw)


def _tensor(pair: Pair) -> Iterator[Diagnosis]:
    """Yield the explanation of one whole tensor, or else those of single columns."""
    whole = unvarying.explain(pair) or _explained(pair)
    columns = _different_columns(pair)
    # Constants for each column are no explanation where most columns agree as they are.
    few = columns is not None and len(columns) < pair.train.shape[-1]
    if whole is not None and not (few and whole.steps == ("column-constants",)):
        yield whole
        return
    if columns is None:
        return
    part = _part(pair, columns)
    if few:
        together = _explained(part)
        if together is not None:
            yield replace(together, title=f"{_named(columns)}: {together.title}")
            return
    alone = {column: _explained(_part(pair, column)) for column in columns}
    rest = [column for column, explained in alone.items() if explained is None]
    left = (
        f"{_named(rest)} {'differ' if len(rest) > 1 else 'differs'} too, without a diagnosis" if rest else ""
    )
    if whole is not None and not any(alone.values()):
        yield whole
    for column, explained in alone.items():
        if explained is not None:
            yield replace(explained, title=f"{_named([column])}: {explained.title}", left=left)


def _explained(pair: Pair) -> Diagnosis | None:
    chain = search(pair)
    direct = _diagnosis(pair, chain) if chain else None
    cheap = chain is not None and chain.cost <= _CHEAP
    if direct is not None and cheap and not _ASK_RAW & set(direct.steps):
        return direct
    named = times.explain(pair) or words.explain(pair)
    if cheap:
        return named or direct
    return (
        named or levels.explain(pair) or remake(pair) or value_tables.explain(pair) or direct or _partly(pair)
    )


def _partly(pair: Pair) -> Diagnosis | None:
    """Return the first step that removes most of the difference, with what is left; None if none does.

    What is left is searched again, from the raw input too: two faults at once are two steps.
    """
    found = most(pair)
    if found is None:
        return None
    first, opened = found
    before, after = distance(pair.train, pair.serve), distance(opened.train, opened.serve)
    step = _diagnosis(pair, Chain((first,), after))
    rest = levels.explain(opened) or remake(opened)
    if rest is not None:
        return replace(
            step,
            id=f"{step.id}+{rest.id}",
            title=f"{step.title}; {rest.title}",
            train=f"{step.train}; {rest.train}",
            serve=f"{step.serve}; {rest.serve}",
            mends=f"{step.mends}; then {rest.mends}",
            residual=rest.residual,
            max_abs_after=rest.max_abs_after,
            steps=(*step.steps, *rest.steps),
        )
    removed = 1 - after.relative / before.relative
    return replace(
        step,
        title=f"{step.title}, and something else",
        left=f"this removes {removed:.0%} of the difference; what is left has no diagnosis: "
        f"{describe(opened.train, opened.serve).sentence}",
    )


def _diagnosis(pair: Pair, chain: Chain) -> Diagnosis:
    before = distance(pair.train, pair.serve)
    steps = tuple(step for fix in chain.fixes for step in fix.id.split("+"))
    return Diagnosis(
        id="+".join(steps),
        title="; ".join(fix.title for fix in chain.fixes),
        train="; ".join(fix.train for fix in chain.fixes),
        serve="; ".join(fix.serve for fix in chain.fixes),
        mends="; then ".join(fix.mends for fix in chain.fixes),
        before=before.relative,
        residual=chain.after.relative,
        max_abs_before=before.largest,
        max_abs_after=chain.after.largest,
        steps=steps,
        ties=tuple(tie for fix in chain.fixes for tie in fix.ties),
        experiment="; ".join(fix.experiment for fix in chain.fixes if fix.experiment),
    )


def _different_columns(pair: Pair) -> list[int] | None:
    """Return the columns of a table that differ; None if there are none, or too many to examine."""
    train, serve = pair.train, pair.serve
    if train.shape != serve.shape or train.ndim != 2 or not 1 < train.shape[-1] <= _MOST_COLUMNS:
        return None
    columns = [column for column in range(train.shape[-1]) if not is_same(train[:, column], serve[:, column])]
    return columns or None


def _part(pair: Pair, columns: list[int] | int) -> Pair:
    like = pair.train.shape
    raw = {name: each[..., columns] if each.shape == like else each for name, each in pair.raw.items()}
    return replace(pair, train=pair.train[..., columns], serve=pair.serve[..., columns], raw=raw)


def _named(columns: list[int]) -> str:
    shown = ", ".join(map(str, columns[:8])) + (", ..." if len(columns) > 8 else "")
    return f"column {shown}" if len(columns) == 1 else f"columns {shown}"


def _joined(found: list[Diagnosis]) -> list[Diagnosis]:
    """Merge diagnoses of one name for several tensors or columns; the numbers are the worst of them."""
    joined: dict[str, Diagnosis] = {}
    for each in found:
        other = joined.get(each.id)
        if other is None:
            joined[each.id] = each
            continue
        joined[each.id] = replace(
            max(each, other, key=lambda one: one.before),
            residual=max(each.residual, other.residual),
            max_abs_before=max(each.max_abs_before, other.max_abs_before),
            max_abs_after=max(each.max_abs_after, other.max_abs_after),
            tensors=tuple(dict.fromkeys((*other.tensors, *each.tensors))),
        )
    return list(joined.values())
