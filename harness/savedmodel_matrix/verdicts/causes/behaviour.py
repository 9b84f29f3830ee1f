"""What in a model's graph explains a failed check; nothing if the graph does not tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.knowledge.check_causes import CheckCause, check_causes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from savedmodel_matrix.domain.check import CheckResult
    from savedmodel_matrix.domain.trait import Trait

#: A network may have a dropout in every layer.
_MOST_NAMED = 3


@dataclass(frozen=True)
class Explained:
    """One explanation of a failed check: a sentence, what is known of it, and the findings behind it."""

    says: str
    cause: CheckCause
    traits: tuple[Trait, ...]


def explain_check(
    result: CheckResult, traits: Mapping[str, Sequence[Trait]] | None, outputs: Collection[str]
) -> list[Explained]:
    """Return what explains a failed check.

    ``traits`` are those of each output of the signature, None if they are not known, and ``outputs`` the
    names of those that failed; none means that the check does not say which.
    """
    there = [
        trait
        for name, found in (traits or {}).items()
        if not outputs or name in outputs
        for trait in found
        # If the outputs do not show it, what is written is not what they are computed from.
        if trait.read or result.kind == "state" or not outputs
    ]
    kinds = {trait.kind.value for trait in there}
    explained = []
    for kind, cause in check_causes().items():
        if result.kind is None or not set(result.kind.split(" and ")) & set(
            cause.shows.get(result.check, ())
        ):
            continue
        if cause.needs and not kinds.intersection(cause.needs):
            continue
        own = tuple(dict.fromkeys(trait for trait in there if trait.kind == kind))
        if own:
            said = list(dict.fromkeys(cause.says.format_map(_words(trait)) for trait in own))
            explained.append(Explained(listed(said, _MOST_NAMED, "; "), cause, own))
    return explained


def _words(trait: Trait) -> dict[str, str]:
    value = str(trait.value).lower() if isinstance(trait.value, bool) else str(trait.value)
    return {"place": trait.place, "subject": trait.subject, "value": value, "signature": trait.signature}
