"""The fixed tolerances that are the defaults elsewhere."""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from savedmodel_matrix.probe.arrays import STRING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from savedmodel_matrix.domain.arrays import ArrayEntry
    from savedmodel_matrix.verdicts.compare.elements import Array

#: The documented defaults for float32 of numpy.allclose and torch.testing.assert_close. Polygraphy's own
#: comparator is used if it is installed.
_TOLERANCES = {"NumPy allclose": (1e-5, 1e-8), "torch.testing": (1.3e-6, 1e-5)}


def passes(
    a: Mapping[str, ArrayEntry], b: Mapping[str, ArrayEntry], read: Callable[[ArrayEntry], Array]
) -> dict[str, bool]:
    """Return whether each fixed tolerance passes all outputs; strings pass only if they are equal."""
    numbers = [name for name in b if b[name].dtype != STRING]
    same = all(np.array_equal(read(a[name]), read(b[name])) for name in b if b[name].dtype == STRING)
    arrays = [{name: np.asarray(read(side[name])) for name in numbers} for side in (a, b)]
    found = {
        label: same
        and all(
            np.allclose(arrays[0][name], arrays[1][name], rtol=rtol, atol=atol, equal_nan=True)
            for name in numbers
        )
        for label, (rtol, atol) in _TOLERANCES.items()
    }
    return {**found, "Polygraphy": same and _polygraphy(*arrays)}


def _polygraphy(a: Mapping[str, Array], b: Mapping[str, Array]) -> bool:
    # Imported by name: it is installed only for benchmarks, and has no types.
    comparator: Any = importlib.import_module("polygraphy.comparator")
    logger: Any = importlib.import_module("polygraphy.logger").G_LOGGER
    results = [
        (name, [comparator.IterationResult(dict(side), runtime=0.0)]) for name, side in (("a", a), ("b", b))
    ]
    # It divides by zeros in the reference, and warns each time.
    with logger.verbosity(logger.CRITICAL), warnings.catch_warnings(action="ignore"):
        return bool(comparator.Comparator.compare_accuracy(comparator.RunResults(results)))
