"""What is planted: real changes of SavedModels and of their inputs, which verdicts must tell from noise.

Models come from ``examples`` and from packages of the language's index; weights and ops are changed by
``changes``, inputs by ``inputs_changed``. Every change here was run in TensorFlow 2.15.1 on the inputs that
are here, and moves some output. Some are hard: Basic Pitch brings the logarithm of a spectrum to its own
range, so that rounding shows and sound a hundredth quieter hardly does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from harness.bench.inputs_changed import changed_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Kind = Literal["weights", "graph", "inputs"]
Batches = list[dict[str, "NDArray[Any]"]]


@dataclass(frozen=True)
class Change:
    """One planted change: ``name`` is its own among those of a model, ``change`` what is done.

    ``real`` is False where rounding itself does as much to the outputs: no verdict can see it, and none
    should.
    """

    kind: Kind
    name: str
    change: str
    parameters: Mapping[str, Any]
    says: str
    real: bool = True

    def request(self, source: Path, target: Path) -> dict[str, Any]:
        """Return what ``changes.py`` is asked for: a copy of the SavedModel with this change.

        Raises:
            ValueError: if the change is one of the inputs, for the same model.
        """
        if self.kind == "inputs":
            raise ValueError(f"{self.name} is a change of the inputs, not of the model")
        return {
            "source": str(source),
            "target": str(target),
            "change": self.change,
            "parameters": dict(self.parameters),
        }


@dataclass(frozen=True)
class Model:
    """A SavedModel, where it is, what it is run on, and what is planted in it.

    ``where`` is as a case of a matrix says it: ``path``, or ``package`` and ``path``. ``batches`` takes the
    folder that ``examples`` is in.
    """

    name: str
    where: Mapping[str, str]
    batches: Callable[[Path], Batches]
    changes: Sequence[Change]
    signature: str = "serving_default"

    def write_inputs(self, project: Path, folder: Path, change: Change | None = None) -> list[Path]:
        """Write one ``.npz`` per batch into ``folder`` and return them; ``change`` is one of the inputs."""
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for number, batch in enumerate(self.batches(project), 1):
            stem = self.name if change is None else f"{self.name}-{change.name}"
            file = folder / f"{stem}-{number}.npz"
            made: dict[str, Any] = dict(batch)
            if change is not None:
                made = changed_inputs(batch, change.change, change.parameters)
            np.savez(file, **made)
            files.append(file)
        return files

    def definition(self, inputs: Sequence[Path], model: Path | None = None) -> dict[str, Any]:
        """Return the case for a matrix definition, of another ``model`` if one is given."""
        where = dict(self.where) if model is None else {"path": str(model)}
        return {**where, "signature": self.signature, "inputs": [{"npz": str(file)} for file in inputs]}


def _example(*names: str) -> Callable[[Path], Batches]:
    def batches(project: Path) -> Batches:
        return [dict(np.load(project / "examples" / "inputs" / f"{name}.npz").items()) for name in names]

    return batches


_RATE = 22050  # Hz, what Basic Pitch listens at
_SAMPLES = 43844  # what it takes at a time


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
    """Return eight source files in as many languages."""
    return [{"content": np.array([text.encode() for text in _SNIPPETS])}]


def rows(_: Path) -> Batches:
    """Return six rows of the sort of data that a labeler of personal data looks through."""
    return [{"input_1": np.array([[text.encode()] for text in _ROWS])}]


_ULP = Change(
    "weights",
    "ulp",
    "ulp",
    {"seed": 1},
    "Every weight moved by -1, 0 or +1 unit in the last place: rounding, and no more.",
    real=False,
)

CNN = Model(
    "cnn",
    {"path": "examples/models/cnn"},
    _example("cnn-1"),
    [
        Change("weights", "scale-1e-3", "scale", {"factor": 1.001}, "Every weight times 1.001."),
        Change(
            "weights",
            "tf32-weights",
            "round",
            {"type": "tf32"},
            "Weights rounded to TF32, as a GPU would multiply them.",
        ),
        Change(
            "weights",
            "swap-labels",
            "swap-columns",
            {"tensors": ["layer_with_weights-4/*/.ATTRIBUTES/VARIABLE_VALUE"], "columns": [3, 8]},
            "The classes 3 and 8 have changed places.",
        ),
        Change(
            "graph",
            "bn-epsilon",
            "epsilon",
            {"nodes": ["cnn/batch_normalization*/FusedBatchNormV3"], "factor": 1.001},
            "Batch normalisation's epsilon times 1.001.",
        ),
        Change(
            "inputs", "other-normalisation", "standardise", {}, "Each image standardised instead of 0 to 16."
        ),
        Change(
            "inputs",
            "8-bit",
            "through-integers",
            {"range": [0, 16], "levels": 255},
            "Images stored with 8 bits.",
        ),
        _ULP,
    ],
)

RNN = Model(
    "rnn",
    {"path": "examples/models/rnn"},
    _example("rnn-1"),
    [
        Change(
            "weights",
            "noise-1e-4",
            "noise",
            {"relative": 1e-4, "seed": 1},
            "Every weight off by about 1e-4 of itself.",
        ),
        Change("weights", "float16-weights", "round", {"type": "float16"}, "Weights stored as float16."),
        Change(
            "graph",
            "drop-tanh",
            "replace-op",
            {"nodes": ["while/Tanh_1"], "op": "Identity"},
            "The LSTM's output without its tanh.",
        ),
        Change(
            "graph",
            "float16-casts",
            "half",
            {"nodes": ["rnn/dense/MatMul"]},
            "The last matrix product goes through float16.",
        ),
        Change("inputs", "off-by-one-crop", "shift", {"axis": 1}, "Windows of years begin a year late."),
        Change(
            "inputs",
            "whole-numbers",
            "through-integers",
            {"range": [0, 255], "levels": 255},
            "Sunspot numbers stored as uint8.",
        ),
        _ULP,
    ],
)

BASIC_PITCH = Model(
    "basic_pitch",
    {"package": "basic-pitch==0.4.0", "path": "basic_pitch/saved_models/icassp_2022/nmp"},
    notes,
    [
        Change("weights", "bfloat16-weights", "round", {"type": "bfloat16"}, "Weights stored as bfloat16."),
        Change(
            "weights",
            "transposed-kernel",
            "swap-axes",
            {"tensors": ["layer_with_weights-8/kernel/.ATTRIBUTES/VARIABLE_VALUE"], "axes": [0, 1]},
            "The onsets' 3 x 3 kernel with time and pitch exchanged.",
        ),
        Change(
            "graph",
            "wrong-padding",
            "shift-padding",
            {"nodes": ["model_1/contours-reduced/Conv2D"], "kernel": [5, 5], "axis": 1},
            "The contours' convolution looks one frame too far back.",
        ),
        Change(
            "graph",
            "float16-casts",
            "half",
            {"nodes": ["model_1/conv2d_1/BiasAdd"]},
            "The first convolution's output goes through float16.",
        ),
        Change("inputs", "quieter", "gain", {"factor": 0.99}, "Sound 0.09 dB quieter."),
        Change(
            "inputs",
            "16-bit",
            "through-integers",
            {"range": [-1, 1], "levels": 65535},
            "Sound stored as int16.",
        ),
        Change("inputs", "off-by-one-crop", "shift", {"axis": 1}, "Sound that begins one sample late."),
        Change(
            "weights",
            "scale-1e-6",
            "scale",
            {"factor": 1.000001},
            "Every weight times 1 + 1e-6, which the rounding of many layers hides.",
            real=False,
        ),
        _ULP,
    ],
)

DATAPROFILER = Model(
    "dataprofiler",
    {"package": "DataProfiler==0.9.0", "path": "resources/labelers/structured_model"},
    rows,
    [
        Change("weights", "scale-1e-3", "scale", {"factor": 1.001}, "Every weight times 1.001."),
        Change(
            "weights",
            "off-by-one-vocabulary",
            "roll-rows",
            {"tensors": ["layer_with_weights-0/embeddings/.ATTRIBUTES/VARIABLE_VALUE"]},
            "Every character has the embedding of the one before it.",
        ),
        Change(
            "graph",
            "bn-epsilon",
            "epsilon",
            {"nodes": ["functional_1/batch_normalization*/batchnorm/add"], "value": 1e-5},
            "Batch normalisation with PyTorch's epsilon, 1e-5, instead of Keras's 1e-3.",
        ),
        Change(
            "graph",
            "relu6",
            "replace-op",
            {"nodes": ["functional_1/dense*/Relu"], "op": "Relu6"},
            "Dense layers cut off at 6.",
        ),
        Change(
            "graph",
            "wrong-padding",
            "shift-padding",
            {"nodes": ["functional_1/conv1d_3/conv1d"], "kernel": [1, 13], "axis": 2},
            "The last convolution looks one character too far back.",
        ),
        Change(
            "inputs",
            "lost-spaces",
            "replace-text",
            {"old": ", ", "new": ","},
            "Rows without spaces after commas.",
        ),
        _ULP,
    ],
)

GUESSLANG = Model(
    "guesslang",
    {"package": "guesslang==2.2.1", "path": "guesslang/data/model"},
    snippets,
    [
        Change(
            "weights",
            "tf32-weights",
            "round",
            {"type": "tf32"},
            "Weights rounded to TF32, as a GPU would multiply them.",
        ),
        Change(
            "weights",
            "swap-labels",
            "swap-columns",
            {"tensors": ["dnn/logits/*", "linear/linear_model/*"], "columns": [2, 39]},
            "C and Python have changed places.",
        ),
        Change(
            "graph",
            "drop-relu",
            "replace-op",
            {"nodes": ["dnn/hiddenlayer_1/Relu"], "op": "Identity"},
            "The second hidden layer without its activation.",
        ),
        Change(
            "graph",
            "sum-of-embeddings",
            "replace-op",
            {"nodes": ["dnn/*/content_embedding_weights/embedding_lookup_sparse"], "op": "SparseSegmentSum"},
            "Embeddings are summed instead of averaged.",
        ),
        Change(
            "graph",
            "float16-casts",
            "half",
            {"nodes": ["linear/*/weighted_sum"]},
            "The linear part's sums go through float16.",
        ),
        Change(
            "inputs",
            "line-ends",
            "replace-text",
            {"old": "\n", "new": "\r\n"},
            "Files with line ends of Windows.",
        ),
        _ULP,
    ],
    signature="predict",
)

MODELS = (CNN, RNN, BASIC_PITCH, DATAPROFILER, GUESSLANG)
