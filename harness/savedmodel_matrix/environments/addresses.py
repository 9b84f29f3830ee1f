"""Addresses in the messages of other programs: an index's may name a private host and hold a password."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[a-z+]+://[^\s`'\")]+", re.IGNORECASE)


def without_addresses(text: str) -> str:
    """Return a message with every address in it replaced by ``(address)``."""
    return _ADDRESS.sub("(address)", text)
