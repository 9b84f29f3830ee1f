"""Rules for ops that the target's TensorFlow does not register: its own of other releases, and custom ones.

The error is ``Op type not registered``. Which ops TensorFlow has is in ops.json, which ones packages have in
op_packages.json; *seen* with DisableCopyOnRead and the ops of TensorFlow Text, ScaNN and TF-DF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.domain.wording import joined
from savedmodel_matrix.knowledge.missing_ops import Answer, MissingOp
from savedmodel_matrix.models.preflight.prediction import Finding, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from savedmodel_matrix.models.preflight.question import Question

#: Ops of these kinds may be registered by code that the case brings, and whose ops nobody knows.
_MAYBE_BROUGHT = {MissingOp.NOT_IMPORTED, MissingOp.NAMED, MissingOp.UNKNOWN}
#: A package's ops may be in a library of the case. Python code can only import what is installed.
_LIBRARIES = (".so", ".dylib", ".dll")


def unregistered_ops(asked: Question) -> Iterator[Finding]:
    """See above."""
    for answer, names in asked.unregistered:
        if not _maybe_brought(asked, answer) and (finding := _finding(asked, answer, names)) is not None:
            yield finding


def ops_of_the_case(asked: Question) -> Iterator[str]:
    """Yield a note for ops that only the case's own code can register, which is not known to do so."""
    for answer, names in asked.unregistered:
        if _maybe_brought(asked, answer) and not _is_there(asked, answer):
            yield (
                f"custom {_ops(names)}: unknown, as the case brings {joined(asked.target.brings)}, "
                f"which may register {'it' if len(names) == 1 else 'them'}"
            )


def ops_of_an_installed_package(asked: Question) -> Iterator[str]:
    """Yield a note for each package that is assumed to be imported."""
    if asked.target.imports is not None:
        return
    for answer, _ in asked.unregistered:
        if _is_there(asked, answer):
            yield (
                f"{answer.facts['package']} must be built for this TensorFlow, and its library loaded before "
                "the model"
            )


def _maybe_brought(asked: Question, answer: Answer) -> bool:
    brings = asked.target.brings
    if answer.kind is MissingOp.PACKAGE:
        return any(each.endswith(_LIBRARIES) for each in brings)
    return bool(brings) and answer.kind in _MAYBE_BROUGHT


def _is_there(asked: Question, answer: Answer) -> bool:
    """Whether the op's package is installed, and imported as far as can be known."""
    if answer.kind is not MissingOp.NOT_IMPORTED:
        return False
    imports, module = asked.target.imports, answer.facts.get("module")
    if imports is None or (module is None and "library" not in answer.facts):
        return True
    # A module's package is imported with it.
    return module is not None and any(each == module or each.startswith(f"{module}.") for each in imports)


def _finding(asked: Question, answer: Answer, names: Sequence[str]) -> Finding | None:
    if _is_there(asked, answer):
        return None
    facts = answer.facts
    words = {
        **facts,
        "ops": _ops(names),
        "are": "is" if len(names) == 1 else "are",
        "them": "it" if len(names) == 1 else "them",
        "minor": asked.minor,
        "platform": asked.target.platform,
    }
    words["later"] = _LATER.format_map(words) if "since" in facts else ""
    words["before"] = f": {facts['works']}" if "works" in facts else ""
    says = _SAYS[answer.kind].format_map(words)
    return Finding(says, needs=tuple(_needs(answer, names)))


_LATER = "; TensorFlow {since} is the first whose release has {them}"
_SAYS = {
    MissingOp.LATER_TENSORFLOW: "{ops} {are} registered only from {since} on",
    MissingOp.EARLIER_TENSORFLOW: "{ops} {are} registered only up to {until}",
    MissingOp.PACKAGE: "custom {ops} of {provider}",
    MissingOp.NOT_IMPORTED: "custom {ops} of {package}, which is installed but {state}",
    MissingOp.OLDER_PACKAGE: "custom {ops} of {provider}, but {installed} is installed",
    MissingOp.NEWER_THAN_PACKAGE: (
        "custom {ops} of {provider}, but {release}, which belongs to TensorFlow {minor}, lacks {them}{later}"
    ),
    MissingOp.NO_RELEASE: (
        "custom {ops} of {provider}, of which no release works on TensorFlow {minor} on {platform}{before}"
    ),
    MissingOp.NAMED: "custom {ops}, from {needs}",
    MissingOp.UNKNOWN: (
        "custom {ops}, which no TensorFlow and no package known here provides: ask for the library that "
        "defines {them}, and give it as `libraries`"
    ),
}


def _needs(answer: Answer, names: Sequence[str]) -> Iterator[str]:
    """Yield what would make the ops known in this environment; nothing if only another one can."""
    facts, way = answer.facts, _way(answer)
    match answer.kind:
        case MissingOp.PACKAGE | MissingOp.OLDER_PACKAGE:
            package = facts.get("requirement", facts["package"])
            yield f"{package}, {way}" if way else package
        case MissingOp.NOT_IMPORTED:
            yield f"{facts['package']} {way}"
        case MissingOp.NAMED:
            yield facts["needs"]
        case MissingOp.UNKNOWN:
            yield f"the library with {some(names)}"


def _way(answer: Answer) -> str:
    """Return how the op gets registered once its package is installed; "" if that is not known."""
    if "module" in answer.facts:
        return f"imported as {answer.facts['module']}"
    return f"with a module that loads {answer.facts['library']}" if "library" in answer.facts else ""


def _ops(names: Sequence[str]) -> str:
    return f"{'op' if len(names) == 1 else 'ops'} {some(names)}"
