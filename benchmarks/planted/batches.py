"""The models' inputs: one batch each, or those of the example matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Batches = list[dict[str, "NDArray[Any]"]]


def example(*names: str) -> Callable[[Path], Batches]:
    """Return a function that reads the named files of ``examples/inputs``, one batch each, from a project."""

    def batches(project: Path) -> Batches:
        return [dict(np.load(project / "examples" / "inputs" / f"{name}.npz").items()) for name in names]

    return batches


def drawn(name: str, *shape: int, rows: Sequence[float] = (1.0,), seed: int = 1) -> Callable[[Path], Batches]:
    """Return a function that draws one batch of normal deviates; row ``i`` times ``rows[i % len(rows)]``."""

    def batches(_: Path) -> Batches:
        values = np.random.RandomState(seed).standard_normal(shape)
        sizes = np.resize(rows, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
        return [{name: (values * sizes).astype(np.float32)}]

    return batches


_RATE = 22050  # Hz, Basic Pitch's sample rate
_SAMPLES = 43844  # per call


def notes(_: Path) -> Batches:
    """Return four chords of three decaying notes each, with four harmonics and a little noise."""
    random = np.random.RandomState(1)
    time = np.arange(_SAMPLES) / _RATE
    rows = []
    for keys in ((60, 64, 67), (57, 60, 65), (45, 52, 61), (67, 71, 86)):
        sound = 0.003 * random.standard_normal(_SAMPLES)
        for place, key in enumerate(keys):
            pitch = 440.0 * 2.0 ** ((key - 69) / 12)
            since = time - 0.35 * place  # one after the other
            envelope = np.where(since > 0, np.exp(-2.5 * np.maximum(since, 0)), 0)
            for harmonic in range(1, 5):
                sound += 0.2 * envelope * np.sin(2 * np.pi * harmonic * pitch * since) / harmonic**1.5
        rows.append(sound)
    return [{"input_2": np.stack(rows)[:, :, np.newaxis].astype(np.float32)}]


_SNIPPETS = (
    """\
import sys


def count(path):
    with open(path) as file:
        return sum(1 for line in file if line.strip())


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(name, count(name))
""",
    """\
#include <stdio.h>
#include <string.h>

static int compare(const char *a, const char *b) {
    return strcmp(a, b);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        printf("%d %s\\n", compare(argv[0], argv[i]), argv[i]);
    return 0;
}
""",
    """\
SELECT c.name, COUNT(*) AS orders, SUM(o.total) AS spent
FROM customers AS c
JOIN orders AS o ON o.customer_id = c.id
WHERE o.placed_at >= '2021-01-01'
GROUP BY c.name
HAVING COUNT(*) > 3
ORDER BY spent DESC;
""",
    """\
<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Sunspots</title>
  <link rel="stylesheet" href="style.css">
</head>
<body>
  <h1>Sunspots by year</h1>
  <p>Counted since <b>1700</b>.</p>
</body>
</html>
""",
    """\
package main

import (
	"fmt"
	"os"
)

func main() {
	for i, arg := range os.Args[1:] {
		fmt.Println(i, arg)
	}
}
""",
    """\
use std::collections::HashMap;

fn main() {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for word in std::env::args().skip(1) {
        *seen.entry(word).or_insert(0) += 1;
    }
    println!("{:?}", seen);
}
""",
    """\
#!/bin/sh
set -eu
for file in "$@"; do
    if [ -f "$file" ]; then
        gzip -9 < "$file" > "$file.gz"
    else
        echo "no such file: $file" >&2
    fi
done
""",
    """\
const express = require('express');
const app = express();

app.get('/health', (req, res) => {
  res.json({ ok: true, uptime: process.uptime() });
});

app.listen(3000, () => console.log('listening'));
""",
)

_ROWS = (
    "John Smith, 123-45-6789, john@example.com, 192.0.2.10",
    "12/03/2019 14:55:02 - payment of $1,250.00 by card 4111 1111 1111 1111",
    "Flat 4, 27 Castle Street, Edinburgh EH2 3DN, +44 131 496 0000",
    "2021-06-30T08:15:00Z host=web-07.example.org ip=2001:db8::7 status=503",
    "Maria Garcia born 04 July 1987, driver license D1234562, (555) 010-9999",
    "https://www.example.com/orders?id=83721&ref=a9f3 MAC 00:1B:44:11:3A:B7",
)


def snippets(_: Path) -> Batches:
    """Return eight source files, each in a different language."""
    return [{"content": np.array([text.encode() for text in _SNIPPETS])}]


def rows(_: Path) -> Batches:
    """Return six rows of data such as a labeler of personal data reads."""
    return [{"input_1": np.array([[text.encode()] for text in _ROWS])}]
