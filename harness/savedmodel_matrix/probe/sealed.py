"""JSON files that end in a checksum of themselves: a single flipped bit does not go unnoticed.

The last member of the object is ``"checksum"``: the SHA-256 of the file's text without that member.
"""

import hashlib

_START = b',\n "checksum": "'
_END = b'"\n}\n'


class BrokenSealError(ValueError):
    """A file has no checksum, or another one than its content."""


def seal(text):
    """Return the text of a JSON object (not an empty one), ended by its checksum, as bytes."""
    body = text.rstrip()[:-1].rstrip().encode("utf-8")
    return body + _START + _checksum(body) + _END


def unseal(content):
    """Return the JSON in ``content`` (bytes) without its checksum. Raises ``BrokenSealError``."""
    body, start, checksum = content.rpartition(_START)
    if not start or checksum != _checksum(body) + _END:
        raise BrokenSealError("the content does not match its checksum")
    return body + b"\n}"


def _checksum(body):
    return hashlib.sha256(body).hexdigest().encode("ascii")
