"""The page of known causes, generated from the data that failures are matched with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.knowledge.causes.base import DATA, Cause, RemedyKind, load_causes
from savedmodel_matrix.store.atomic import write_text

if TYPE_CHECKING:
    from pathlib import Path

_THEMES = {
    "loading": "Loading a SavedModel",
    "keras": "Keras",
    "packages": "Packages around TensorFlow",
    "sessions": "Variables, tables, signatures",
    "inputs": "Inputs, operations, outputs",
    "hardware": "The machine",
}

_INTRODUCTION = """\
# Known causes of failures

The harness matches every failed cell against these {count} entries. {seen} of them were reproduced in real \
environments; the error texts are in `tests/unit/verdicts/causes/failures/`. The others are marked *unseen*: \
their texts come from their sources. A failure that matches no entry is reported as unknown. This page is \
generated from `knowledge/causes/*.toml`; edit those files.

An entry names a failure and its candidate fixes. The report calls a fix verified only after running it.
"""

_WORDS = {
    RemedyKind.LOADER: "loader `{}`",
    RemedyKind.ENDPOINT: "endpoint `{}`",
    RemedyKind.PACKAGE: "add `{}`",
    RemedyKind.PIN: "pin `{}`",
    RemedyKind.RESOLVE: "dependencies as of `{}`",
    RemedyKind.VARIABLE: "set `{}`",
    RemedyKind.RE_EXPORT: "export again {}",
    RemedyKind.IMPORT: "import `{}` first",
    RemedyKind.MODULE: "`modules`: {}",
    RemedyKind.UPGRADE: "TensorFlow `{}`",
    RemedyKind.ADVICE: "{}",
}


def write_causes(path: Path, *, check: bool) -> str:
    """Write the page, or with ``check`` only compare it; return a message.

    Raises:
        HarnessError: with ``check``, if the file is out of date.
    """
    text = render_causes()
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return f"up to date: {path}"
    if check:
        raise HarnessError(f"out of date: {path}")
    write_text(path, text)
    return f"wrote {path}"


def render_causes() -> str:
    """Return the page as Markdown: an index, then every entry under its theme."""
    themes = load_causes(DATA)
    causes = [cause for theme in themes.values() for cause in theme]
    parts = [_INTRODUCTION.format(count=len(causes), seen=sum(cause.seen for cause in causes))]
    for theme in sorted(themes, key=list(_THEMES).index):
        parts.append(f"## {_THEMES[theme]}\n")
        parts += [_entry(cause) for cause in themes[theme]]
    return "\n".join(parts)


def _entry(cause: Cause) -> str:
    facts = [", ".join(sorted(cause.outcomes))]
    if cause.exception:
        facts.append(f"`{cause.exception}`")
    if cause.tensorflow:
        facts.append(f"TensorFlow {_range(str(cause.tensorflow))}")
    if cause.producer:
        facts.append(f"model made by {_range(str(cause.producer))}")
    if not cause.seen:
        facts.append("*unseen*")
    lines = [
        f"### {cause.title}\n",
        f"`{cause.id}` · {' · '.join(facts)}\n",
        f"{_plain(cause.explanation)}\n",
        *(f"- {_remedy(remedy.kind, remedy.value)}" for remedy in cause.remedies),
        f"\nSource: {_plain(cause.source)}\n",
    ]
    return "\n".join(lines)


def _range(specifier: str) -> str:
    return ", ".join(f"`{part}`" for part in sorted(specifier.split(","), reverse=True))


def _remedy(kind: RemedyKind, value: str) -> str:
    return _WORDS[kind].format(value.replace("{{", "{").replace("}}", "}"))


def _plain(text: str) -> str:
    """Return prose on one line, with everything escaped that Markdown would read as a tag or emphasis."""
    line = " ".join(text.split())
    return line.replace("<", r"\<").replace("_", r"\_").replace("*", r"\*") if "`" not in line else line
