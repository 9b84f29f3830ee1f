"""Which index is asked."""

from __future__ import annotations

import pytest
import requests
from savedmodel_matrix.environments.index import IndexAuth, configured_index


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


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://index.invalid/simple/tiny/", True),
        ("https://index.invalid/files/tiny.whl", True),
        ("https://files.invalid/tiny.whl", False),
        ("https://index.invalid:8443/tiny.whl", False),
        ("http://index.invalid/tiny.whl", False),
    ],
)
def test_credentials_go_to_the_index_alone(url, sent):
    session = requests.Session()
    session.auth = IndexAuth("https://somebody:secret@index.invalid/simple/")
    request = session.prepare_request(requests.Request("GET", url))
    assert ("Authorization" in request.headers) is sent
