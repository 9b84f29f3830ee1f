"""The one way in which commands and doors print.

Texts may hold names and messages of models, definitions and other programs.
"""

from __future__ import annotations

import sys

from savedmodel_matrix.domain.visible import visible_lines


def say(text: str, *, error: bool = False) -> None:
    """Print text at once; nothing in it controls the terminal or reorders the text."""
    print(visible_lines(text), file=sys.stderr if error else sys.stdout, flush=True)
