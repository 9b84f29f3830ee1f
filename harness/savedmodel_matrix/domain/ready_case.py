"""A prepared case: its model is in place and its inputs exist, so that any environment can run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from packaging.specifiers import SpecifierSet

from savedmodel_matrix.domain.arrays import Batch
from savedmodel_matrix.domain.call import Call
from savedmodel_matrix.domain.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from savedmodel_matrix.domain.arrays import ArrayEntry

#: Raised when the same definition leads to something else, so that cases are made anew.
CASE_FORMAT: Final = 8


@dataclass(frozen=True)
class ScriptNeeds:
    """What a stage's file requires (PEP 723): requirements as written, and the supported Python versions."""

    dependencies: tuple[str, ...]
    requires_python: str = ""

    def runs_on(self, python: str) -> bool:
        """Whether it supports some patch release of a minor version such as ``"3.11"``."""
        # A minor version's newest patch is not known here: 99 stands for it, and .0 for the oldest.
        bounds = SpecifierSet(self.requires_python)
        return any(bounds.contains(f"{python}.{patch}") for patch in (0, 99))


class ExpectedInput(Stored):
    """What a signature declares about one input; None for what it does not declare reliably."""

    dtype: str | None
    shape: tuple[int | None, ...] | None
    optional: bool


class Archive(Stored):
    """The package file that a model comes from."""

    name: str
    sha256: str


class OutsideFile(Stored):
    """A path outside the model that it reads: a file, a pattern, or the beginning of a checkpoint's names.

    ``digest`` covers the content of what is there on this machine, None if nothing is.
    """

    path: str
    reads: str
    digest: str | None


class ReadyStage(Stored):
    """A stage that any environment can run.

    ``code`` holds the digests of its files by path, None for unreadable files. ``needs`` are its own
    requirements, None if it runs in the cell's environment. ``batches`` are its own inputs, with their
    digest; if they could not be made, ``inputs_problem`` says why.
    """

    code: dict[str, str | None]
    needs: ScriptNeeds | None
    batches: tuple[Batch, ...] | None
    inputs_digest: str | None
    inputs_problem: str | None


class ReadyCase(Stored):
    """A case that any environment can run.

    ``model`` is the SavedModel's folder. ``batches`` is None if the inputs could not be made, and
    ``inputs_problem`` says why; the model is then still loaded everywhere, to see whether it loads.
    ``code`` holds the digests of the case's modules and libraries by path, None for unreadable files.

    If a stage makes the model's inputs, ``batches`` are that stage's inputs, and ``expects`` is what the
    signature declares about the inputs that the stage must make; None if unknown.

    ``outside`` are the files outside the model that it reads. ``call`` says where the inputs go if the case
    calls a function; None if that is not known: they are then passed by name.
    """

    format: Literal[8] = CASE_FORMAT
    definition: str
    """Digest of the definition and of the files that it names, which is also the name of its file."""
    model: str
    model_digest: str
    batches: tuple[Batch, ...] | None
    inputs_digest: str
    inputs_problem: str | None
    archive: Archive | None
    code: dict[str, str | None] = {}
    stages: dict[str, ReadyStage] = {}
    expects: dict[str, ExpectedInput] | None = None
    outside: tuple[OutsideFile, ...] = ()
    call: Call | None = None

    def arrays(self) -> Iterator[ArrayEntry]:
        """Yield every stored array of its inputs, those of its stages included."""
        for batches in (self.batches, *(stage.batches for stage in self.stages.values())):
            yield from (part.array for batch in batches or () for part in batch)
