"""Definitions that no person would write, and some that a person might."""

from __future__ import annotations

import re

import pytest
from definition_mutants import FORGED
from mutant_worker import batch
from project import REPOSITORY

KIND = "definitions"
#: The project's own matrices, and one with every table and nearly every key.
BASES = [
    *(REPOSITORY / f"matrices/{name}.toml" for name in ("default", "preprocessing", "releases")),
    REPOSITORY / "tests/real/faults/definitions/everything.toml",
]
AT_ONCE = 100
BATCHES = 10  # 1,000 mutants
REFUSED = 2
#: What fits on two screens.
LONGEST_MESSAGE = 12_000
WHOLE = """\
baseline = "tf2*"

[[environments]]
tensorflow = ["2.15"]

[cases.c]
path = "examples/models/cnn"
inputs = [{ npz = "examples/inputs/cnn-1.npz" }]
"""
CHANGED_PATH = 'path = "examples/models/cnn"'

FAULTS = {
    "arrays nested 3,000 deep": WHOLE + f"x = {'[' * 3000}{']' * 3000}\n",
    "tables nested 3,000 deep": WHOLE + f"x{'.a' * 3000} = 1\n",
    "a NUL in a path": WHOLE.replace(CHANGED_PATH, r'path = "a\u0000b"'),
    "a NUL in a variable": WHOLE + '[settings.s]\nvariables = { A = "x\\u0000y" }\n',
    "a NUL in a variable's name": WHOLE + '[settings.s]\nvariables = { "A\\u0000" = "x" }\n',
    "100,000 characters in a path": WHOLE.replace(CHANGED_PATH, f'path = "{"a" * 100_000}"'),
    "200,000 characters in a variable": WHOLE + f'[settings.s]\nvariables = {{ A = "{"x" * 200_000}" }}\n',
    "100,000 characters in a key": WHOLE + f"{'k' * 100_000} = 1\n",
    "5,000 unknown keys": WHOLE + "".join(f"u{number} = 1\n" for number in range(5000)),
    "an integer of 5,000 digits": f"time_limit = {'9' * 5000}\n{WHOLE}",
    "an escape sequence in a key": WHOLE + '"a\\u001b[31m\\nline" = 1\n',
    "an escape sequence in a case's name": WHOLE.replace("cases.c", r'cases."c\u001b[31m\n"'),
    "an escape sequence in a setting's name": WHOLE + '[settings."s\\u001b]0;\\u0007\\n"]\n',
    "5,000 asterisks in the baseline": WHOLE.replace("tf2*", "[" + "*" * 4000),
    "a key of 20,000 parts": WHOLE + f"x{'.a' * 20_000} = 1\n",
    "a name of 300 characters in a path": WHOLE.replace(CHANGED_PATH, f'path = "{"a" * 300}"'),
    "10,000,000,000 environments": WHOLE.replace(
        'tensorflow = ["2.15"]',
        f'tensorflow = "2.15"\nwithout = {[["a"]] * 100_000}\nbeside = {[["a"]] * 100_000}',
    ),
    "a memory limit of one byte": WHOLE + 'memory_limit = "1B"\n',
    "text where tables belong": 'baseline = "tf2*"\nenvironments = 1\ncases = [1]\n',
}


@pytest.mark.fault(KIND, "", "status 2, a bounded message that names the file")
@pytest.mark.parametrize("name", FAULTS)
def test_definition(faulty_new, seen, name):
    faulty_new.matrix(FAULTS[name])
    found = faulty_new.harness("plan")
    assert found.status == 2
    assert "default.toml" in found.output
    assert len(found.output) <= LONGEST_MESSAGE
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f]", found.output) is None, (
        "control characters are shown as text"
    )
    seen(f"{len(found.output)} characters: {found.output.splitlines()[0][-60:]}")


@pytest.mark.fault(KIND, "text that is not UTF-8", "status 2, a message that names the file")
def test_not_text(faulty_new, seen):
    (faulty_new.root / "matrices/default.toml").write_bytes(b"\xff\xfe\x00x")
    found = faulty_new.harness("plan")
    assert found.status == 2
    assert "not valid TOML" in found.output
    seen(found.output.strip()[-60:])


@pytest.mark.fault(KIND, "an escape sequence in a path", "shown as text")
def test_hostile_path(faulty_new, seen):
    faulty_new.matrix(WHOLE.replace(CHANGED_PATH, r'path = "x\u001b[31m\ny"'))
    found = faulty_new.harness("plan")
    assert found.status == 0  # a model may still come; the plan says that it cannot be read
    assert "cannot be read" in found.output
    assert "\x1b" not in found.output
    seen(f"status {found.status}")


@pytest.mark.fault(
    KIND, f"{AT_ONCE} mutated definitions through plan", "planned, or refused in bounded lines"
)
@pytest.mark.parametrize(
    "number", [0, *(pytest.param(number, marks=pytest.mark.whole) for number in range(1, BATCHES))]
)
def test_mutants(tmp_path, seen, number):
    found, wrong = batch(KIND, number * AT_ONCE, AT_ONCE, tmp_path, BASES)
    assert not wrong
    assert not [each["mutant"] for each in found if f"\n{FORGED}" in each["said"]], "no value forges a line"
    refused = [each for each in found if each["status"] == REFUSED]
    assert refused, "the mutator breaks definitions"
    assert max(each["printed"] for each in refused) <= LONGEST_MESSAGE
    slowest, largest = max(each["seconds"] for each in found), max(each["memory"] for each in found)
    seen(f"{len(refused)} refused; at most {slowest:.1f} s, {largest >> 20} MiB")
