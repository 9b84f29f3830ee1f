from __future__ import annotations

import pytest

from reference import Memory


@pytest.fixture
def memory():
    return Memory()
