"""Thousands of broken SavedModels through ``inspect``: described or refused, in bounded time and memory."""

from __future__ import annotations

import pytest
from mutant_worker import batch
from project import REPOSITORY

KIND = "models"
BASES = [REPOSITORY / "examples/models" / name for name in ("cnn", "rnn", "custom_layer", "article")]
AT_ONCE = 250
BATCHES = 40  # 10,000 mutants
REFUSED = 2
#: A screen for each of a model's signatures. JSON holds what the files hold, once, and its own keys.
MOST_TEXT = 128 << 10
MOST_JSON = 1 << 20
MOST_JSON_PER_BYTE = 2


@pytest.mark.fault(KIND, f"{AT_ONCE} mutated models through inspect", "described, or refused in one line")
@pytest.mark.parametrize(
    "number", [0, *(pytest.param(number, marks=pytest.mark.whole) for number in range(1, BATCHES))]
)
def test_mutants(tmp_path, seen, number):
    found, wrong = batch(KIND, number * AT_ONCE, AT_ONCE, tmp_path, BASES)
    assert not wrong
    most = [MOST_JSON + MOST_JSON_PER_BYTE * each["size"] if each["json"] else MOST_TEXT for each in found]
    assert not [each["mutant"] for each, limit in zip(found, most, strict=True) if each["printed"] > limit]
    refused = [each for each in found if each["status"] == REFUSED]
    assert all(each["lines"] == 1 for each in refused), "one line says what is wrong"
    slowest, largest = max(each["seconds"] for each in found), max(each["memory"] for each in found)
    seen(f"{len(refused)} refused; at most {slowest:.1f} s, {largest >> 20} MiB")
