"""Where a case's inputs come from, as written in a matrix definition.

In TOML: ``inputs = [{ npz = "x.npz" }, { rest = "body.json" }, { generate = { seed = 1, batch = 8 } }]``.
"""

from __future__ import annotations

from glob import glob
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from savedmodel_matrix.domain.toml_table import LocalFile

if TYPE_CHECKING:
    from pathlib import Path

_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

Size = Annotated[int, Field(ge=0)]
Number = int | float


class NpzSource(BaseModel):
    """A ``.npz`` file: one batch, with arrays named after the inputs."""

    model_config = _STRICT
    npz: LocalFile


class NpySource(BaseModel):
    """A ``.npy`` file: one batch, for the signature's only input unless ``input`` names it."""

    model_config = _STRICT
    npy: LocalFile
    input: str | None = None


class RestSource(BaseModel):
    """A TensorFlow Serving REST predict body in a JSON file: one batch."""

    model_config = _STRICT
    rest: LocalFile


class FilesSource(BaseModel):
    """Raw files, such as images or tables, for a stage to read: one batch, sorted by name.

    Their contents are a string input of shape [number of files]; their names are another.
    """

    model_config = _STRICT
    files: LocalFile
    """A glob, relative to the project's root."""
    input: str = "file"
    """The input's name; "NAME_name" holds the file names."""


class WarmupSource(BaseModel):
    """The first ``warmup`` requests for the signature from the model's own warm-up requests."""

    model_config = _STRICT
    warmup: Annotated[int, Field(ge=1, le=1000)]  # TensorFlow Serving reads no more than 1000 itself


class GenerateSpec(BaseModel):
    """How to generate inputs from a signature and a seed: ``savedmodel_matrix.models.inputs.generate``."""

    model_config = _STRICT
    seed: Size = 0
    count: Annotated[int, Field(ge=1)] = 1
    """Number of batches."""
    batch: Size = 1
    """Size of an unknown first dimension."""
    length: Size | None = None
    """Size of every other unknown dimension."""
    dims: dict[str, list[Size]] = {}
    """Sizes of one input's unknown dimensions, in their order."""
    shapes: dict[str, list[Size]] = {}
    """One input's full shape, for an unknown rank or a signature that declares it wrongly."""
    ranges: dict[str, tuple[Number, Number]] = {}
    """Lowest and highest value of each input, or of the floats in its ``tf.Example`` messages."""
    vocabulary: dict[str, Annotated[list[bool | int | float | str], Field(min_length=1)]] = {}
    """The values to choose from for one input."""


class GenerateSource(BaseModel):
    """Batches generated from the signature."""

    model_config = _STRICT
    generate: GenerateSpec


_KINDS: dict[str, type[BaseModel]] = {
    "npz": NpzSource,
    "npy": NpySource,
    "rest": RestSource,
    "files": FilesSource,
    "warmup": WarmupSource,
    "generate": GenerateSource,
}


def _kind(value: Any) -> str | None:  # noqa: ANN401 - whatever the definition holds
    if isinstance(value, dict):
        return next((kind for kind in _KINDS if kind in value), None)
    return next((kind for kind, model in _KINDS.items() if isinstance(value, model)), None)


InputSource = Annotated[
    Annotated[NpzSource, Tag("npz")]
    | Annotated[NpySource, Tag("npy")]
    | Annotated[RestSource, Tag("rest")]
    | Annotated[FilesSource, Tag("files")]
    | Annotated[WarmupSource, Tag("warmup")]
    | Annotated[GenerateSource, Tag("generate")],
    # Discriminated by their key, so that an error message is about the intended kind, not about all of them.
    Discriminator(
        _kind,
        custom_error_type="input_source",
        custom_error_message=f"an input needs exactly one of the keys {', '.join(_KINDS)}",
    ),
]


def source_files(source: InputSource, root: Path) -> list[Path]:
    """Return the user's files that a source reads; relative paths are below ``root``."""
    match source:
        case NpzSource():
            return [root / source.npz]
        case NpySource():
            return [root / source.npy]
        case RestSource():
            return [root / source.rest]
        case FilesSource():
            # Sorted: the order in which a file system lists files varies.
            found = sorted(glob(str(source.files), root_dir=root, recursive=True))  # noqa: PTH207 - may be absolute
            return [root / name for name in found if (root / name).is_file()]
        case WarmupSource() | GenerateSource():
            return []
