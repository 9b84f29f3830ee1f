"""Addresses stay out of messages."""

from __future__ import annotations

import pytest
from savedmodel_matrix.environments.addresses import without_addresses


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no route to http://somebody:secret@index.invalid:8080/simple/tiny/", "no route to (address)"),
        ("url (https://index.invalid/simple/): refused", "url ((address)): refused"),
        ("from `git+ssh://index.invalid/x` and HTTPS://INDEX.INVALID/y", "from `(address)` and (address)"),
        ("hash mismatch for tiny==1.0: sha256:00", "hash mismatch for tiny==1.0: sha256:00"),
    ],
)
def test_no_address_is_left(text, shown):
    assert without_addresses(text) == shown
