"""Which index is asked."""

from __future__ import annotations

import pytest
from savedmodel_matrix.environments.index import configured_index


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({}, None),
        ({"PIP_INDEX_URL": " "}, None),
        ({"PIP_INDEX_URL": "https://pip.invalid/simple"}, "https://pip.invalid/simple"),
        ({"PIP_INDEX_URL": "b", "UV_INDEX_URL": "a"}, "a"),
        ({"UV_INDEX_URL": "a", "UV_DEFAULT_INDEX": "https://uv.invalid/simple"}, "https://uv.invalid/simple"),
        ({"UV_DEFAULT_INDEX": "mine=https://uv.invalid/simple"}, "https://uv.invalid/simple"),
        ({"UV_DEFAULT_INDEX": "https://uv.invalid/simple?key=1"}, "https://uv.invalid/simple?key=1"),
    ],
)
def test_configured_index(environ, address):
    assert configured_index(environ) == address
