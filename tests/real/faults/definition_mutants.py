"""Breaks matrix definitions: from a base and a seed to a broken text, the same one on every machine.

Edits of characters and lines, and edits of the parsed tables, which are then written as TOML again.
"""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from copy import deepcopy
from random import Random

#: The largest text that is written.
LARGEST = 2 << 20
#: A line that only a value has which was printed with its line breaks.
FORGED = "baseline: forged"
HOSTILE = f"\x1b[31m\x1b]0;title\x07\x9b31m\u202e\u2066\r\n{FORGED}\n"
STRINGS = (
    "",
    "\0",
    "a\0b",
    HOSTILE,
    "\n\n\n",
    "\x7f\x80\x9f\u2028\u2029\ufeff\U000e0001",
    "\U0001f600é日本",
    "*",
    "[" * 300,
    "[!a-" * 300,
    "*a" * 300,
    "?" * 4000,
    "x" * 5000,
    "x" * 100_000,
    "../../../../etc/passwd",
    "/dev/zero",
    "/proc/self/mem",
    "~",
    "2.9",
    "latest",
    "nightly",
    "rc",
    "2.²",
    "3.99999999999",
    "gpu:99999999999999999999",
    "numpy<2; python_version < '3.8'",
    "numpy @ file:///etc/passwd",
    "-r /etc/passwd",
    "9" * 400 + "B",
    "1e400GiB",
    "NaN",
    "examples/models/cnn",
    "examples/models/rnn/../cnn/",
    "pipeline.py:serve",
    ".py:x",
    "a.b.c:d",
    "9999-12-31",
    "0000-00-00",
    "serving_default",
    "%s{}%(x)d{0.__class__}",
)
NUMBERS = (
    0, -1, 1, 2, 7, 8, 2**31, 2**63 - 1, 2**64, -(2**70), 10**30, 0.0, -0.0, 1.5, 1e308, 5e-324,
    float("nan"), float("inf"), -float("inf"),
)  # fmt: skip
OTHERS = (
    True,
    False,
    [],
    {},
    [[]],
    [[[["deep"]]]],
    {"": ""},
    {"a": {"b": {"c": {"d": {}}}}},
    dt.date(2024, 2, 29),
    dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    dt.time(23, 59, 59),
    [1, "two", 3.0, False],
)
#: Keys that a definition has somewhere: put where they do not belong, or under a wrong name.
KEYS = (
    "baseline", "environments", "exclude", "include", "override", "expect", "cover", "settings", "cases",
    "noise_floor", "tensorflow", "python", "build", "resolve", "requirements", "without", "beside", "reason",
    "cells", "time_limit", "memory_limit", "outcome", "verdict", "check", "owner", "until", "variables",
    "device", "intra_op_threads", "inter_op_threads", "jit_compile", "grappler", "seed", "deterministic",
    "loader", "rtol", "atol", "ulp", "top1", "comparator", "path", "package", "signature", "function", "tags",
    "modules", "imports", "libraries", "inputs", "preprocess", "serve", "train", "postprocess", "runs",
    "checks", "tolerance", "replicates", "npz", "npy", "rest", "files", "warmup", "generate", "call", "reads",
    "count", "batch", "length", "dims", "shapes", "ranges", "vocabulary", "__class__", "model_fields", "self",
)  # fmt: skip


def written(tables):
    """Return a dict of tables as TOML: every table and list in one line."""
    return "".join(f"{_string(key)} = {_value(value)}\n" for key, value in tables.items())


def _string(text):
    escaped = (
        each
        if each.isprintable() and each not in '"\\'
        else f"\\u{ord(each):04x}"
        if ord(each) < 1 << 16
        else f"\\U{ord(each):08x}"
        for each in text
    )
    return f'"{"".join(escaped)}"'


def _value(value):
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_string(key)} = {_value(each)}' for key, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)  # also inf and nan
    return json.dumps(value)


def _places(value, found):
    """Collect every table and list with each of its keys."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            found.append((value, key))
            _places(value[key], found)
    return found


def _wrong(chance):
    """Return a value that hardly any key takes."""
    how = chance.random()
    if how < 0.6:
        return chance.choice(STRINGS)
    return chance.choice(NUMBERS) if how < 0.85 else deepcopy(chance.choice(OTHERS))


def _change_tables(text, chance):
    """Change one value, key or item of the parsed definition."""
    try:
        return _changed(tomllib.loads(text), text, chance)
    except (ValueError, RecursionError) as error:  # an earlier edit: not TOML, too deep, too many digits
        return text, type(error).__name__


def _changed(tables, text, chance):
    places = _places(tables, [])
    if not places:
        return text, "nothing to change"
    table, key = chance.choice(places)
    how = chance.choice(
        ["drop", "retype", "retype", "retype", "rename", "add", "known", "swap", "wrap", "grow", "more"]
    )
    if how == "drop":
        del table[key]
    elif how == "retype":
        table[key] = _wrong(chance)
    elif how == "rename" and isinstance(table, dict):
        table[chance.choice([*KEYS, *STRINGS])] = table.pop(key)
    elif how == "add" and isinstance(table, dict):
        table[chance.choice(STRINGS)] = _wrong(chance)
    elif how == "known" and isinstance(table, dict):
        table[chance.choice(KEYS)] = chance.choice([_wrong(chance), deepcopy(table[key])])
    elif how == "swap":
        other, its_key = chance.choice(places)
        table[key], other[its_key] = deepcopy(other[its_key]), deepcopy(table[key])
    elif how == "wrap":
        table[key] = chance.choice([[table[key]], {"x": table[key]}, [[table[key]], [table[key]]]])
    elif how == "grow":
        table[key] = _grown(table[key], chance)
    else:
        number = chance.choice([3, 100, 2000])
        values = {f"more{at}": table[key] for at in range(number)}
        table[key] = chance.choice([values, list(values.values())])
    return written(tables)[:LARGEST], f"{how} {str(key)[:40]!r}"


def _grown(value, chance):
    """Return a long text, list or table of the same type."""
    number = chance.choice([50, 1000, 20_000])
    if isinstance(value, str):
        return (value or "x") * number
    if isinstance(value, list):
        return [f"{at}" for at in range(number)] if not value else [value[0]] * number
    if isinstance(value, dict):
        # A million runs are planned in a minute: here it is about what is wrong, not about what is large.
        inner = next(iter(value.values()), "x")
        most = min(number, 1000, LARGEST // (len(str(inner)) + 9))
        return {**value, **{f"k{at}": inner for at in range(most)}}
    return chance.choice(NUMBERS)


def _change_characters(text, chance):
    """Flip, drop, double and insert characters."""
    characters = list(text)
    for _ in range(chance.choice([1, 1, 3, 30])):
        at = chance.randrange(len(characters) + 1)
        how = chance.choice(["flip", "drop", "insert", "double"])
        if how == "insert" or at == len(characters):
            characters.insert(at, chance.choice("\0\x1b\x9b\u202e\"'[{=."))
        elif how == "flip":
            characters[at] = chr(ord(characters[at]) ^ 1 << chance.randrange(8))
        elif how == "drop":
            del characters[at]
        else:
            characters.insert(at, characters[at])
    return "".join(characters), "characters"


def _change_lines(text, chance):
    """Drop, double, move or cut lines."""
    lines = text.splitlines(keepends=True)
    at, other = chance.randrange(len(lines) + 1), chance.randrange(len(lines) + 1)
    how = chance.choice(["drop", "double", "move", "cut", "repeat"])
    if how == "cut":
        return text[: chance.randrange(len(text) + 1)], how
    if how == "repeat":
        return (text * chance.choice([2, 50]))[:LARGEST], how
    taken = lines[at : at + 1]
    if how != "double":
        del lines[at : at + 1]
    if how != "drop":
        lines[other:other] = taken
    return "".join(lines), f"{how} a line"


def _insert_nesting(text, chance):
    """Add values that are nested deeply, wide, or many."""
    deep = chance.choice([10, 200, 1000, 20_000])
    added = chance.choice(
        [
            f"deep = {'[' * deep}{']' * deep}\n",
            f"deep = {'{ a = ' * deep}1{' }' * deep}\n",
            f"deep{'.a' * deep} = 1\n",
            f"[deep{'.a' * deep}]\n",
            f"[[deep{'.a' * deep}]]\n",
            f"deep = {'[' * deep}\n",
            "".join(f"wide{at} = 1\n" for at in range(deep)),
            f"long = {'9' * deep}\n",
            f"long = 0.{'9' * deep}e{'9' * (deep // 10)}\n",
            f"long = 0x{'f' * deep}\n",
            f"long = '{'y' * deep}'\n",
            f"{'k' * deep} = 1\n{'k' * deep} = 2\n",
            f"# {HOSTILE!r}\n",
        ]
    )
    return (added + text if chance.random() < 0.5 else text + added), f"add {added[:20]!r} x {deep}"


def _forge(text, chance):
    """Put hostile text wherever a definition takes free text."""
    quoted = _string(chance.choice([HOSTILE, HOSTILE * 50, "\0", "\x85\u2028" * 3]))
    model = "path = 'examples/models/cnn'"
    added = chance.choice(
        [
            f"[[exclude]]\ncells = {quoted}\nreason = {quoted}\n",
            f'[[exclude]]\ncells = "*"\ncases = "*"\nreason = {quoted}\n',
            f"[[override]]\ncells = {quoted}\ntime_limit = 5\n",
            f"[[expect]]\ncells = {quoted}\ncheck = 'leak'\nreason = 'x'\nowner = 'x'\nuntil = 2099-01-01\n",
            f'[[include]]\ntensorflow = "2.9"\nreason = {quoted}\n',
            f"[[include]]\ntensorflow = {quoted}\nreason = {quoted}\n",
            f"[settings.s]\nvariables = {{ A = {quoted} }}\n",
            f"[settings.s]\nvariables = {{ {quoted} = 'x' }}\n",
            f"[settings.{quoted}]\n",
            f"[cases.{quoted}]\npath = 'x'\n",
            f"[cases.c1]\npath = {quoted}\n",
            f"[cases.c1]\n{model}\nsignature = {quoted}\ninputs = [{{ npz = {quoted} }}]\n",
            f"[cases.c1]\n{model}\ntags = [{quoted}]\ninputs = [{{ files = {quoted} }}]\n",
            f"[cases.c1]\n{model}\nmodules = [{quoted}]\nlibraries = [{quoted}]\n",
            f"[cases.c1]\n{model}\ntolerance = {{ {quoted} = {{ comparator = {quoted} }} }}\n",
            f"[cases.c1]\npath = {quoted}\npackage = {quoted}\n",
            f"[cases.c1]\n{model}\nserve = {quoted}\ntrain = {quoted}\n",
            f"[cases.c1]\n{model}\nimports = [{quoted}]\nchecks = [{quoted}]\n",
        ]
    )
    return text + added, f"forge {added[:30]!r}"


def mutant(bases, seed):
    """Return the mutant of this seed, as bytes, and what was done to which base."""
    chance = Random(seed)
    name = chance.choice(sorted(bases))
    text, done = bases[name], []
    changes = chance.choices(
        [_change_tables, _change_characters, _change_lines, _insert_nesting, _forge], [8, 3, 2, 2, 3], k=3
    )
    for change in changes[: chance.choice([1, 1, 2, 3])]:
        text, what = change(text, chance)
        done.append(what)
    content = text.encode(errors="surrogatepass")
    if chance.random() < 0.05:
        content = bytes(each ^ (chance.random() < 0.01) << chance.randrange(8) for each in content)
        done.append("bits")
    return content, f"{name}: {'; '.join(done)}"
