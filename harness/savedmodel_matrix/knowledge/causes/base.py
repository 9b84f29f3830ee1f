"""The type of a knowledge base entry, and the reader of all entries. The data are the TOML files here."""

from __future__ import annotations

import re
import string
import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass

from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.domain.outcome import Outcome
from savedmodel_matrix.knowledge.missing_ops import ALWAYS, FACTS, MissingOp

DATA = Path(__file__).parent

#: Braces in a remedy that are filled in from the environment, in addition to the pattern's named groups.
MINOR = "minor"

#: Features of a model that entries may name, in addition to ``op:NAME`` for an operation in its graph.
FEATURES = {
    "assets-read-late": "a signature reads an asset itself, and not just what initialises the model",
    "bfloat16": "it computes in bfloat16",
    "compiled": "Keras saved it with its loss and metrics",
    "custom-objects": "it names classes that are not Keras's own",
    "files-outside": "its graph reads files outside it, at constant paths",
    "lambda-bytecode": "it holds a Lambda layer, and so Python bytecode",
    "optimizer-slots": "its object graph holds an optimizer's slot variables",
    "own-signature": "its signature takes other inputs than the model that Keras saved",
    "pointer-files": "a file of it is a git-lfs pointer, without the content",
    "reference-variables": "it has variables of TensorFlow 1 that are references and not resources",
    "signature-defaults": "a signature gives inputs default values",
    "tables-left-out": "its main operation does not fill all the tables that its signatures look up in",
    "tables-without-main-op": "it has table initialisers, and no main operation that runs them",
    "variables-without-value": "its signatures read variables that its saver leaves out",
    "web-pages": "a file of it is a web page",
    "v1": "it has no object graph: TensorFlow 1 saved it, or an API of that time",
}

_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


#: Braces that are filled in from the failed case's model: the function that takes a signature's inputs in one
#: argument, and the names of those inputs.
ENDPOINT, TAKES = "at_once", "takes"
_OF_MODEL = frozenset({ENDPOINT, TAKES})


class RemedyKind(StrEnum):
    """What a remedy changes, and hence what its value means."""

    LOADER = "loader"
    """Another loader; value: its name."""
    ENDPOINT = "endpoint"
    """Another function of the model is called in a layer; value: its name."""
    PACKAGE = "package"
    """A package is added to the environment; value: a requirement."""
    PIN = "pin"
    """An installed package is held at other versions; value: a requirement."""
    RESOLVE = "resolve"
    """Dependencies as of another date; value: "release" or a date."""
    VARIABLE = "variable"
    """An environment variable; value: NAME=VALUE."""
    RE_EXPORT = "re-export"
    """The model is saved again in the environment that made it; value: how."""
    IMPORT = "import"
    """An installed module is imported before the model is loaded; value: its name."""
    MODULE = "module"
    """The model's own Python code must be present; value: what to name in ``modules``."""
    FEED = "feed"
    """Placeholders of the graph are fed; value: NAME = VALUE."""
    ONE_ROW = "one-row"
    """The model is called once for each row; without a value."""
    RELOAD = "reload"
    """The model is loaded again for each request; without a value."""
    DETERMINISTIC = "deterministic"
    """Op determinism is on, with a seed; without a value."""
    UPGRADE = "upgrade"
    """Another TensorFlow; value: a range of versions."""
    ADVICE = "advice"
    """For a person; value: what to do, in a sentence."""


_APPLIED = {
    RemedyKind.LOADER, RemedyKind.ENDPOINT, RemedyKind.IMPORT, RemedyKind.PACKAGE, RemedyKind.PIN,
    RemedyKind.RESOLVE, RemedyKind.VARIABLE,
}  # fmt: skip


def _told(kind: RemedyKind) -> frozenset[str]:
    """Return the braces that may be filled in for a remedy that is applied."""
    return FACTS | {MINOR} | ({ENDPOINT} if kind is RemedyKind.ENDPOINT else frozenset())


def _specifier(text: object) -> object:
    try:
        return SpecifierSet(text) if isinstance(text, str) else text
    except InvalidSpecifier as error:
        raise ValueError(f"not a range of versions: {text!r}") from error


def _regex(text: object) -> object:
    try:
        return re.compile(text) if isinstance(text, str) else text
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


def _failure(outcome: Outcome) -> Outcome:
    if outcome in {Outcome.RECORDED, Outcome.SKIPPED}:
        raise ValueError(f"{outcome} is not a failure")
    return outcome


def _feature(name: str) -> str:
    if name not in FEATURES and not name.startswith("op:"):
        raise ValueError(f"no feature {name!r}; known: op:NAME, {', '.join(sorted(FEATURES))}")
    return name


def _fields(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


Line = Annotated[str, Field(min_length=1, pattern=r"^\S.*\S$|^\S$")]
Versions = Annotated[SpecifierSet, BeforeValidator(_specifier)]
Feature = Annotated[str, AfterValidator(_feature)]
Regex = Annotated[re.Pattern[str], BeforeValidator(_regex)]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Remedy:
    """A candidate fix, for the harness or the user to try."""

    kind: RemedyKind
    value: Line
    """``{minor}`` becomes the TensorFlow minor, ``{name}`` the match of the pattern's group ``name``, and
    other names the facts about a missing op (``Cause.missing_op``)."""

    @property
    def fields(self) -> frozenset[str]:
        """Return the names in braces."""
        return _fields(self.value)

    @model_validator(mode="after")
    def _can_be_applied(self) -> Self:
        # A name taken from an error's text must never decide what is installed: the tables do.
        if self.kind in _APPLIED and (foreign := self.fields - _told(self.kind)):
            raise ValueError(
                f"a {self.kind} is applied as it is: {', '.join(sorted(foreign))} cannot be in it"
            )
        if self.kind in {RemedyKind.PACKAGE, RemedyKind.PIN}:
            try:
                Requirement(self.value.format_map({MINOR: "2.1", "requirement": "name==1"}))
            except KeyError as error:
                raise ValueError(f"{{requirement}} is a requirement, {{{error.args[0]}}} is none") from error
            except InvalidRequirement as error:
                raise ValueError(f"not a requirement: {self.value!r}") from error
        if self.kind is RemedyKind.VARIABLE and not re.fullmatch(r"[A-Za-z_]\w*=\S+", self.value):
            raise ValueError(f"not NAME=VALUE: {self.value!r}")
        return self


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Cause:
    """One reviewed entry: how a failure shows, what causes it, what may fix it, and the sources."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Line
    named: Line | None = None
    """The title with what the patterns' groups found, used if all of them did."""
    outcomes: Annotated[frozenset[Outcome], Field(min_length=1)]
    pattern: Regex | None = None
    """Searched in the normalised reason and traceback."""
    log: Regex | None = None
    """Searched in the normalised end of what was printed. With ``pattern``, both must be found."""
    exception: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")] | None = None
    """Name of the exception's class, anywhere in the chain."""
    tensorflow: Versions | None = None
    """Releases in which it happens."""
    producer: Versions | None = None
    """Releases that saved the affected models."""
    features: frozenset[Feature] = frozenset()
    """Features of such a model's graph. A match does not need them, but they confirm it if they are known."""
    needs_features: bool = False
    """The text is not specific enough: matches only if the model is known to have all ``features``."""
    missing_op: MissingOp | None = None
    """Matches only if the op that the pattern's group ``op`` finds is missing for this reason. The facts of
    the tables then fill in braces, also in the title and the explanation."""
    missing_module: bool = False
    """Matches only if the module that the pattern's group ``imported`` finds belongs to a package of the
    tables, whose facts then fill in braces."""
    general: bool = False
    """Ranks behind every entry that is not general: it says what happened rather than why."""
    explanation: Annotated[str, Field(min_length=20)]
    remedies: tuple[Remedy, ...] = ()
    source: Line
    """An address, or "measured here" with where."""
    seen: bool
    """Whether a real failure was reproduced and is among the tests."""
    example: Line | None = None
    """For an unseen failure: the text as its source quotes it."""

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        for outcome in self.outcomes:
            _failure(outcome)
        if self.pattern is None and self.log is None:
            raise ValueError("give pattern, log or both: without a text nothing is matched")
        if self.seen == (self.example is not None):
            raise ValueError("give an example if and only if seen = false; a seen failure has its own text")
        if self.needs_features and not self.features:
            raise ValueError("needs_features without features")
        return self

    @model_validator(mode="after")
    def _fills_its_braces(self) -> Self:
        if self.missing_op is not None and "op" not in self.groups:
            raise ValueError("missing_op needs a group 'op' in the pattern")
        if self.missing_module and "imported" not in self.groups:
            raise ValueError("missing_module needs a group 'imported' in the pattern")
        facts: frozenset[str] = frozenset()
        if self.is_explained_by_tables:
            facts = FACTS
            if taken := self.groups & FACTS:
                raise ValueError(f"{', '.join(sorted(taken))} comes from the tables, and cannot be a group")
            always = {"package"} if self.missing_op is None else ALWAYS[self.missing_op]
            told = self.groups | always
            if unknown := _fields(self.title + self.explanation) - told:
                raise ValueError(f"nothing always fills in {', '.join(sorted(unknown))}")
        if taken := self.groups & _OF_MODEL:
            raise ValueError(f"{', '.join(sorted(taken))} comes from the model, and cannot be a group")
        known = self.groups | facts | _OF_MODEL | {MINOR}
        if self.named is not None and (unknown := _fields(self.named) - known):
            raise ValueError(f"named {self.named!r}: nothing fills in {', '.join(sorted(unknown))}")
        for remedy in self.remedies:
            told = _told(remedy.kind) - (FACTS - facts)
            if remedy.kind in _APPLIED and (foreign := remedy.fields - told):
                raise ValueError(
                    f"{remedy.kind} is applied: only tables may fill in {', '.join(sorted(foreign))}"
                )
            if unknown := remedy.fields - known:
                raise ValueError(f"remedy {remedy.value!r}: nothing fills in {', '.join(sorted(unknown))}")
        return self

    @property
    def is_explained_by_tables(self) -> bool:
        """Whether facts of the tables fill in braces."""
        return self.missing_op is not None or self.missing_module

    @property
    def groups(self) -> frozenset[str]:
        """Return the names of the groups of both patterns."""
        return frozenset(name for regex in (self.pattern, self.log) if regex for name in regex.groupindex)


_FILE = TypeAdapter(dict[str, list[dict[str, Any]]])
_CAUSE = TypeAdapter(Cause)


def load_causes(folder: Path) -> dict[str, tuple[Cause, ...]]:
    """Return the entries of every TOML file in ``folder``, by the file's name without its ending.

    Raises:
        HarnessError: with every problem, each with its file and entry.
    """
    problems: list[str] = []
    themes: dict[str, tuple[Cause, ...]] = {}
    homes: dict[str, str] = {}
    for path in sorted(folder.glob("*.toml")):
        found = []
        for number, entry in enumerate(_entries(path), 1):
            where = f"{path.name}: {entry.get('id', f'entry {number}')}"
            try:
                cause = _CAUSE.validate_python(entry)
            except ValidationError as error:
                problems += [f"{where}: {_problem(detail)}" for detail in error.errors()]
                continue
            if cause.id in homes:
                problems.append(f"{where}: this id is taken, in {homes[cause.id]}")
            homes.setdefault(cause.id, path.name)
            found.append(cause)
        themes[path.stem] = tuple(found)
    if problems:
        raise HarnessError(*problems)
    return themes


@cache
def known_causes() -> tuple[Cause, ...]:
    """Return every entry that ships with the package. Read once, when a failure first needs it."""
    return tuple(cause for theme in load_causes(DATA).values() for cause in theme)


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        content = _FILE.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HarnessError(f"{path.name}: not TOML: {error}") from error
    except ValidationError as error:
        raise HarnessError(f"{path.name}: hold [[causes]] and nothing else") from error
    if set(content) - {"causes"}:
        raise HarnessError(f"{path.name}: hold [[causes]] and nothing else")
    return content.get("causes", [])


def _problem(detail: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails, which mypy knows as a TypedDict
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "unexpected_keyword_argument":
        message = "unknown key"
    where = ".".join(str(part) for part in detail["loc"])
    return f"{where}: {message}" if where else str(message)
