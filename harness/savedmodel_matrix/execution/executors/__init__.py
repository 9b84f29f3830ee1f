"""Ways to run the sessions of environments: one module each, behind one interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

from savedmodel_matrix.execution.executors.nox import NoxExecutor

if TYPE_CHECKING:
    from savedmodel_matrix.execution.executors.interface import Executor

#: Every executor there is. A test holds each to the interface.
EXECUTORS: tuple[type[Executor], ...] = (NoxExecutor,)
