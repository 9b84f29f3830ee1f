"""What a person asks when planning an upgrade: which models, from which release, to which."""

from __future__ import annotations

from savedmodel_matrix.domain.stored import Stored


class Upgrade(Stored):
    """Models or a matrix, and the releases between which every minor release is a candidate."""

    target: str
    """The folder of a SavedModel, a folder of such folders, or the name of a matrix."""
    first: str | None = None
    """The release in production, e.g. "2.7.4"; None for the matrix's own or the models'."""
    last: str = "latest"
    """The release to reach."""
    everything: bool = False
    """Whether to measure every candidate instead of those that decide."""
