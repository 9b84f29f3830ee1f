"""What a report format is: something that writes a report into a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from savedmodel_matrix.report.document import Report


class Format(Protocol):
    """One way to present a report.

    Names and texts in a report come from models and from users. A format treats them as data: they must not
    become markup, control characters or paths. ``tests/unit/report/formats/test_contract.py`` checks this for
    every format.
    """

    @property
    def name(self) -> str:
        """A short name, unique among all formats, such as ``"markdown"``."""

    @property
    def files(self) -> tuple[str, ...]:
        """The files it writes, relative to the folder, the main one first, such as ``("report.md",)``."""

    def write(self, report: Report, folder: Path) -> None:
        """Write ``files`` into ``folder``, which exists, and nothing anywhere else.

        The same report always gives the same bytes: no clock, no host, no random order.
        """
