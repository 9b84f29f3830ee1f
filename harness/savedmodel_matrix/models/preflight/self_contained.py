"""What a model that reads files outside itself means for those who run it elsewhere, in a sentence."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from savedmodel_matrix.domain.wording import listed
from savedmodel_matrix.models.savedmodel.outside import Reads, When

if TYPE_CHECKING:
    from collections.abc import Sequence

    from savedmodel_matrix.models.savedmodel.outside import OutsidePath

_MOST_NAMED = 3


def is_required(outside: OutsidePath) -> bool:
    """Whether loading the model or calling a signature fails without the file."""
    return outside.reads is not Reads.PATTERN and outside.when is not When.CALL


def is_remote(path: str) -> bool:
    """Whether a path is an address, such as ``gs://bucket/file``, which is not looked up."""
    return "://" in path


def not_self_contained(outside: Sequence[OutsidePath]) -> str:
    """Return what a model reads outside itself, and what that means; "" if it reads nothing."""
    if not outside:
        return ""
    named = listed([_named(each) for each in outside], _MOST_NAMED)
    missing = "that is missing" if len(outside) == 1 else "one of them is missing"
    fails = "will fail" if any(map(is_required, outside)) else "may give other results or fail"
    return f"not self-contained: reads {named}, outside the model; {fails} where {missing}"


def _named(outside: OutsidePath) -> str:
    path = outside.path
    if is_remote(path) or PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute():
        return path
    return f"{path} (relative to the working folder)"
