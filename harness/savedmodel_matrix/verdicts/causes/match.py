"""The entries that match a failure's text, and the part of a traceback worth showing if none does."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from packaging.version import InvalidVersion, Version

from savedmodel_matrix.knowledge.causes.base import MINOR, Cause, Remedy, known_causes
from savedmodel_matrix.knowledge.missing_ops import Answer, MissingOp, explain_module, explain_op
from savedmodel_matrix.knowledge.ops import Knowledge
from savedmodel_matrix.verdicts.causes.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from packaging.specifiers import SpecifierSet

    from savedmodel_matrix.domain.outcome import Outcome

#: Frames in these packages belong to TensorFlow, or to the import machinery between it and its caller.
_INSIDE = re.compile(
    r"(?:^|[/\\>])(?:tensorflow|tensorflow_core|tensorflow_estimator|keras|tf_keras|keras_preprocessing)[/\\]"
    r"|^<frozen |[/\\>]importlib[/\\]"
)
# Two spaces: TensorFlow indents the frames of a node's origin more deeply.
_FRAME = re.compile(r'^  File "(?P<path>[^"]+)", line \d+')
_CHAINED = re.compile(
    r"\n(?:The above exception was the direct cause of|During handling of the above exception, another)"
    r"[^\n]*\n\n"
)
#: The probe's mark where it cuts a traceback.
_LEFT_OUT = re.compile(r"\.\.\. \d+ lines left out")
#: Limit of a text to search. Recorded texts have 60 lines; no pattern needs what this leaves out.
_MOST_CHARACTERS = 40_000
_MOST_OF_A_LINE = 2_000
_MOST_LINES = 4
_LONGEST_LINE = 300


@dataclass(frozen=True, slots=True)
class Match:
    """An entry that matches a failure, with its pattern's matches."""

    cause: Cause
    found: Mapping[str, str]
    """The matches of the patterns' named groups, ``minor`` if TensorFlow's version is known, and the facts
    about a missing op."""
    confirmed: frozenset[str]
    """Features of the entry that the model is known to have."""
    in_reason: bool
    """Whether the pattern matches the reason itself, not only the traceback."""

    @property
    def title(self) -> str:
        """Return the entry's title, which names what the patterns found if they found all of it."""
        with suppress(KeyError):
            if self.cause.named is not None:
                return self.cause.named.format_map(self.found)
        return self._filled(self.cause.title)

    @property
    def explanation(self) -> str:
        """Return the entry's explanation in one line, with its braces filled in."""
        return self._filled(" ".join(self.cause.explanation.split()))

    def _filled(self, text: str) -> str:
        return text.format_map(self.found) if self.cause.is_explained_by_tables else text

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """Return the entry's remedies with their braces filled in, without those that cannot be filled in."""
        return tuple(
            Remedy(kind=remedy.kind, value=remedy.value.format_map(self.found))
            for remedy in self.cause.remedies
            if remedy.fields <= self.found.keys()
        )


def find_causes(
    outcome: Outcome,
    reason: str | None,
    traceback: str | None,
    log_tail: str | None,
    tensorflow: str | None,
    features: frozenset[str] = frozenset(),
    *,
    producer: str | None = None,
    installed: Mapping[str, str] | None = None,
    imported: Collection[str] = (),
    platform: str = "linux-x86_64",
    of_model: Mapping[str, str] | None = None,
    causes: Sequence[Cause] | None = None,
) -> list[Match]:
    """Return the entries that explain a failure, the most specific first; none if it is unknown.

    ``tensorflow`` and ``producer`` are the versions that failed and that saved the model. If one is unknown
    (None), ranges of it exclude nothing. ``features`` are the known features of the model's graph;
    ``installed`` are the environment's packages with their versions, ``imported`` the modules that the case
    imports, and ``platform`` is that of the wheels. ``of_model`` fills in braces from the model's files.
    """
    head, trace, log = (normalise(_bounded(text or "")) for text in (reason, traceback, log_tail))
    text = f"{head}\n{trace}"
    running, made = _release(tensorflow), _release(producer)
    minor = {} if running is None else {MINOR: f"{running.major}.{running.minor}"}

    def explained(cause: Cause, groups: dict[str, str]) -> dict[str, str] | None:
        if not cause.is_explained_by_tables:
            return groups
        if running is None:
            return None
        known_minor, _ = _knowledge().known_minor(minor[MINOR])
        if cause.missing_op is None:
            facts = explain_module(_knowledge(), groups["imported"], known_minor, platform, installed or {})
            return None if facts is None else {**groups, **facts}
        answer = explain_op(_knowledge(), groups["op"], known_minor, platform, installed or {}, imported)
        return _with_facts(cause.missing_op, groups, answer)

    found = []
    for cause in known_causes() if causes is None else causes:
        if outcome not in cause.outcomes or not (
            _within(running, cause.tensorflow) and _within(made, cause.producer)
        ):
            continue
        if cause.exception is not None and not _raises(text, cause.exception):
            continue
        if cause.needs_features and not cause.features <= features:
            continue
        groups = _groups(cause, text, log)
        if groups is not None:
            groups = explained(cause, groups)
        if groups is not None:
            in_reason = _groups(cause, head, log) is not None
            found.append(
                Match(cause, {**(of_model or {}), **groups, **minor}, cause.features & features, in_reason)
            )
    return sorted(found, key=_rank)


def _with_facts(kind: MissingOp, groups: dict[str, str], answer: Answer | None) -> dict[str, str] | None:
    """Return the groups with the facts about the missing op; None if it is missing for another reason."""
    return {**groups, **answer.facts} if answer is not None and answer.kind is kind else None


@cache
def _knowledge() -> Knowledge:
    return Knowledge()


def useful_part(traceback: str) -> str:
    """Return the shortest useful part of a traceback: the last frame outside TensorFlow, and the exception.

    In a chain of exceptions, the last one counts. The exception's own text is cut after a few lines.
    """
    last = _CHAINED.split(traceback.strip("\n"))[-1]
    lines = [line for line in last.splitlines() if line.strip()]
    paths = {number: frame["path"] for number, line in enumerate(lines) if (frame := _FRAME.match(line))}
    # Indented lines after the last frame are its source; the exception begins at the margin.
    start = max(paths, default=-1) + 1
    while paths and start < len(lines) and lines[start].startswith(" "):
        start += 1
    outside = [number for number, path in paths.items() if not _INSIDE.search(path)]
    shown: list[str] = []
    if outside:
        end = min((number for number in paths if number > outside[-1]), default=start)
        shown = [line for line in lines[outside[-1] : end] if line.strip(" ~^")]
    return "\n".join([*shown, *_exception(lines[start:])])


def _bounded(text: str) -> str:
    """Return the end of a text, with long lines cut: an exception's text may be of any length."""
    return "\n".join(line[:_MOST_OF_A_LINE] for line in text.splitlines())[-_MOST_CHARACTERS:]


def _exception(lines: list[str]) -> list[str]:
    """Return the relevant lines of an exception's text: the first, and those after a node's origin."""
    lines = [line for line in lines if not _LEFT_OUT.fullmatch(line)]
    heads = [n for n, line in enumerate(lines[:-1]) if line.startswith(("Node: ", "<stack traces unav"))]
    if heads:
        lines = [lines[0], *lines[heads[-1] + 1 :]]
    elif lines and lines[0].endswith("in user code:"):
        lines = [lines[0], lines[-1]]
    return [
        line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines[:_MOST_LINES]
    ]


def _release(version: str | None) -> Version | None:
    """Return a version's final release: 2.16.0rc1 and a nightly behave like the release they become."""
    try:
        return None if version is None else Version(Version(version).base_version)
    except InvalidVersion:
        return None


def _within(version: Version | None, versions: SpecifierSet | None) -> bool:
    return version is None or versions is None or version in versions


def _raises(text: str, exception: str) -> bool:
    return re.search(rf"(?m)(?:^|: |\.){re.escape(exception)}(?::|$)", text) is not None


def _groups(cause: Cause, text: str, log: str) -> dict[str, str] | None:
    """Return the matches of the named groups; None if one of the entry's patterns does not match."""
    groups: dict[str, str] = {}
    for regex, where in ((cause.pattern, text), (cause.log, log)):
        if regex is None:
            continue
        match = regex.search(where)
        if match is None:
            return None
        groups |= {name: value for name, value in match.groupdict().items() if value is not None}
    return groups


def _rank(match: Match) -> tuple[object, ...]:
    """Return a key that sorts the most specific first; equal entries keep the order of the files."""
    cause = match.cause
    conditions = (cause.pattern, cause.log, cause.exception, cause.tensorflow, cause.producer)
    return (
        cause.general,
        -len(match.confirmed),
        not match.in_reason,
        -sum(condition is not None for condition in conditions),
    )
