"""Run one SavedModel in many TensorFlow environments and compare the results.

``register`` gives a noxfile its sessions; ``Project`` plans, runs and reports from a program; ``load_report``
reads a report with pandas views of its tables; ``errors`` holds what they raise. Each is imported when it is
first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from savedmodel_matrix.domain import errors
    from savedmodel_matrix.doors.library import LoadedReport, Project, load_report

    __version__: str

__all__ = ["LoadedReport", "Project", "__version__", "errors", "load_report", "register"]

_PLACES = {
    "LoadedReport": "savedmodel_matrix.doors.library",
    "Project": "savedmodel_matrix.doors.library",
    "load_report": "savedmodel_matrix.doors.library",
}


def register(noxfile: str) -> None:
    """Define the sessions of the project that contains ``noxfile``: pass ``__file__``.

    What goes wrong ends nox with a status of ours: its own, 1, would say that something differs.
    """
    from savedmodel_matrix.doors import exit_status  # noqa: PLC0415 - as below

    with exit_status.loading():
        from savedmodel_matrix.doors.nox_sessions import define_sessions  # noqa: PLC0415 - as below

        define_sessions(noxfile)


def __getattr__(name: str) -> object:
    if name == "__version__":
        return _version()
    # Imported only here: a noxfile that lists its sessions needs none of what it does not name.
    from importlib import import_module  # noqa: PLC0415

    if name == "errors":
        return import_module("savedmodel_matrix.domain.errors")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - takes as long as all the rest

    try:
        return version("savedmodel-matrix")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"
