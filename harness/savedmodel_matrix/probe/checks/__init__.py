"""The checks of session behaviour, by name. A new check is a module here and an entry in ``CHECKS``.

A check is a function of a ``session.Session``: it loads the case's model as often as necessary and returns
its part of the result (see ``__main__``). It only compares bits and measures; the harness decides what is
noise and whether the model passes.
"""

from . import batch, concurrent, leak, reload, repeat
from .session import Session  # noqa: F401 - what a check is given

CHECKS = {
    "batch": batch.check,
    "concurrent": concurrent.check,
    "leak": leak.check,
    "reload": reload.check,
    "repeat": repeat.check,
}
