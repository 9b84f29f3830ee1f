"""The ways to make an environment, one file each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.environments.backends.uv import UvBackend

if TYPE_CHECKING:
    from savedmodel_matrix.domain.environment import Beside, Environment
    from savedmodel_matrix.environments.backends.interface import Backend

BACKENDS: tuple[Backend, ...] = (UvBackend(),)


def backend_of(environment: Environment | Beside) -> Backend:
    """Return the backend that makes an environment."""
    return next(backend for backend in BACKENDS if backend.name == environment.backend)
