"""JSON files that end in a checksum of themselves: a single flipped bit does not go unnoticed.

The last member of the object is ``"checksum"``: the SHA-256 of the kind of file and of its text without that
member. So a whole file of another kind is not taken for this one, as after a disk was repaired.
"""

import hashlib

_START = b',\n "checksum": "'
_END = b'"\n}\n'


class BrokenSealError(ValueError):
    """A file has no checksum, or another one than its content."""


def seal(text, kind=""):
    """Return the text of a JSON object (not an empty one), ended by its checksum, as bytes."""
    body = text.rstrip()[:-1].rstrip().encode("utf-8")
    return body + _START + _checksum(body, kind) + _END


def unseal(content, kind=""):
    """Return the JSON in ``content`` (bytes) without its checksum. Raises ``BrokenSealError``."""
    body, start, checksum = content.rpartition(_START)
    if not start or checksum != _checksum(body, kind) + _END:
        raise BrokenSealError("the content does not match its checksum")
    return body + b"\n}"


def _checksum(body, kind):
    return hashlib.sha256(kind.encode("ascii") + b"\n" + body).hexdigest().encode("ascii")
