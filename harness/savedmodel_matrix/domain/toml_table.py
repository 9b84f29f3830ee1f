"""The base class of the tables of a matrix definition."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

#: The longest path that Linux takes (PATH_MAX); every other text is shorter.
_LONGEST_TEXT = 4096

#: The longest name in a path that file systems take (NAME_MAX), and half of the longest path, because the
#: project's root comes before it.
_LONGEST_NAME = 255
_LONGEST_PATH = _LONGEST_TEXT // 2


def _can_exist(path: str | Path) -> str | Path:
    content = str(path).encode()
    if len(content) > _LONGEST_PATH or max(map(len, content.split(b"/"))) > _LONGEST_NAME:
        raise ValueError(f"a path has at most {_LONGEST_PATH} bytes, and each name in it {_LONGEST_NAME}")
    return path


#: A file or folder relative to the project's root.
LocalPath = Annotated[str, Field(min_length=1), AfterValidator(_can_exist)]
LocalFile = Annotated[Path, AfterValidator(_can_exist)]
#: The dotted name of a module, or of an attribute in one.
DOTTED = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"


class Table(BaseModel):
    """A table of the definition: unknown keys are errors, and values are immutable."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, str_max_length=_LONGEST_TEXT
    )
