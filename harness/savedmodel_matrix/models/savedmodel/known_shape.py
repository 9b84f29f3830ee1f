"""What is known of a tensor before it is computed, and what an op requires of its inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from savedmodel_matrix.models.savedmodel.reader import shape_of

if TYPE_CHECKING:
    from savedmodel_matrix.models.savedmodel import saved_model_pb2 as pb
    from savedmodel_matrix.models.savedmodel.reader import Shape

Values = np.ndarray[Any, np.dtype[Any]]


#: A tensor that holds a shape is no longer.
_MOST_VALUES = 64


class MisfitError(Exception):
    """A shape that an op rejects."""


class RejectedError(Exception):
    """What a rule raises for inputs that the op's kernel rejects."""


@dataclass(frozen=True)
class Known:
    """What is known of a tensor: None for an unknown size or rank.

    ``value`` is that of a small tensor of whole numbers, as float64 with NaN for what is unknown.
    """

    shape: Shape | None = None
    value: Values | None = None

    @property
    def size(self) -> int | None:
        """The number of elements."""
        if self.shape is None or any(each is None for each in self.shape):
            return None
        return math.prod(each or 0 for each in self.shape)


UNKNOWN = Known()


def declared_shape(node: pb.NodeDef) -> Shape | None:
    """Return the shape that a placeholder itself has; None if that is unknown.

    TF 1.0 wrote an empty shape for an unknown one, so that an empty shape says nothing by itself.
    """
    inferred = node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else ()
    if inferred:
        return shape_of(inferred[0])
    return shape_of(node.attr["shape"].shape) or None


def shown(shape: Shape | None) -> str:
    """Return a shape in readable form, for example ``[?,28,28]``."""
    if shape is None:
        return "[any rank]"
    return f"[{','.join('?' if each is None else str(each) for each in shape)}]"


def sizes_differ(one: int | None, other: int | None) -> bool:
    """Whether two sizes are known and not equal."""
    return one is not None and other is not None and one != other


def require_fit(fits: bool) -> None:
    """Raise RejectedError unless ``fits``."""
    if not fits:
        raise RejectedError


def same_size(one: int | None, other: int | None) -> int | None:
    """Return the one that is known of two sizes that must be equal; raises RejectedError."""
    require_fit(not sizes_differ(one, other))
    return other if one is None else one


def whole_size(value: float) -> int | None:
    """Return a number as a size; None for NaN, which stands for an unknown one."""
    return None if math.isnan(value) else int(value)


def listed_values(known: Known) -> list[int | None] | None:
    """Return the elements of a small tensor of whole numbers; None if nothing is known of them."""
    return None if known.value is None else [whole_size(each) for each in known.value.ravel().tolist()]


def small_value(value: Values) -> Values | None:
    """Return a value that is small enough to hold a shape, as float64; None for a larger one."""
    return np.asarray(value, np.float64) if np.size(value) <= _MOST_VALUES else None


def axis_of(value: int | None, rank: int) -> int | None:
    """Return an axis counted from the first; raises RejectedError for one that is not there."""
    if value is None:
        return None
    require_fit(-rank <= value < rank)
    return value % rank
