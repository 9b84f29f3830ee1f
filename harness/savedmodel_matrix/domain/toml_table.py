"""The base class of the tables of a matrix definition."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

#: The longest path that Linux takes (PATH_MAX); every other text is shorter.
_LONGEST_TEXT = 4096

LocalPath = Annotated[str, Field(min_length=1)]
#: The dotted name of a module, or of an attribute in one.
DOTTED = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"


class Table(BaseModel):
    """A table of the definition: unknown keys are errors, and values are immutable."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, str_max_length=_LONGEST_TEXT
    )
