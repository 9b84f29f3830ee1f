"""How a case ends early: the outcome and the reason for any exception."""

import contextlib

from . import arrays, texts


class CaseError(Exception):
    """A case that ends here, with the outcome and the reason to show."""

    def __init__(self, outcome, reason):
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


@contextlib.contextmanager
def failing_as(outcome, prefix=""):
    """Turn any exception in the block into ``CaseError``; its reason is ``prefix`` and one line."""
    try:
        yield
    except (CaseError, arrays.DamagedError, arrays.UnavailableError):
        raise  # the store's failure is no outcome of the case
    except BaseException as error:  # whatever it is, it is the case's failure, not the probe's
        raise CaseError(outcome, prefix + texts.one_line(error)) from error
