"""The models that verdicts were developed on, and the changes that are planted in them.

Models come from ``examples`` and from packages on the package index. ``change_model`` changes weights and
ops, ``change_inputs`` changes inputs. Every change was run in TensorFlow 2.15.1 on these inputs, and changes
some output. Some are hard to detect: Basic Pitch normalises the logarithm of a spectrum to a fixed range, so
rounding is visible, while sound that is a hundredth quieter hardly is.
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.planted.batches import drawn, example, notes, rows, snippets
from benchmarks.planted.change import Change, Model
from benchmarks.planted.changes import SCALE, TF32, ULP, column, row, scaled, swapped

CNN = Model(
    "cnn",
    {"path": "examples/models/cnn"},
    example("cnn-1"),
    [
        SCALE,
        TF32,
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
        ULP,
    ],
)

RNN = Model(
    "rnn",
    {"path": "examples/models/rnn"},
    example("rnn-1"),
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
        ULP,
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
        ULP,
    ],
)

DATAPROFILER = Model(
    "dataprofiler",
    {"package": "DataProfiler==0.9.0", "path": "resources/labelers/structured_model"},
    rows,
    [
        SCALE,
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
        ULP,
    ],
)

GUESSLANG = Model(
    "guesslang",
    {"package": "guesslang==2.2.1", "path": "guesslang/data/model"},
    snippets,
    [
        TF32,
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
        ULP,
    ],
    signature="predict",
)


SCALES = Model(
    "scales",
    {"path": "made/scales"},
    drawn("x", 12, 32, rows=(1.0, 3e5, 2.0, 1e-3, 1e6, 1.0)),
    [
        row("small-row-1e-2", 2, 1.01),
        row("small-row-1e-3", 0, 1.001),
        row("smallest-row-1e-2", 3, 1.01),
        row("large-row-1e-2", 4, 1.01),
        column("small-class-1e-2", "three", 4, 1.01),
        column("smallest-class-1e-2", "three", 10, 1.01),
        column("large-class-1e-3", "three", 2, 1.001),
        ULP,
    ],
)
FLAT = Model(
    "flat",
    {"path": "made/flat"},
    drawn("x", 4, 40),
    [
        scaled("last-third-1e-2", "three", 1.01),
        column("one-of-last-third-1e-2", "three", 7, 1.01),
        row("one-item-1e-3", 1, 1.001),
        scaled("large-thirds-1e-3", "two", 1.001),
        ULP,
    ],
)


def _in_low_precision(*hidden: str) -> list[Change]:
    """Return changes of the 16-bit networks; XLA itself changes as much as those that are ``hidden``."""
    changes = [
        scaled("first-kernel-5e-2", "one", 1.05),
        scaled("last-kernel-5e-2", "three", 1.05),
        column("one-channel-2e-1", "two", 3, 1.2),
        row("one-photo-5e-2", 2, 1.05),
        swapped("head", 2, 5),
        ULP,
    ]
    return [replace(each, real=False) if each.name in hidden else each for each in changes]


#: XLA changes float16's outputs by 0.0007 of their size, bfloat16's by 0.006, and those of attention by 0.03.
FLOAT16 = Model(
    "float16", {"path": "made/float16"}, drawn("photo", 4, 24, 24, 3), _in_low_precision("swap-labels")
)
BFLOAT16 = Model(
    "bfloat16",
    {"path": "made/bfloat16"},
    drawn("photo", 4, 24, 24, 3),
    _in_low_precision("swap-labels", "one-channel-2e-1"),
)
ATTENTION = Model(
    "attention",
    {"path": "made/attention"},
    drawn("tokens", 4, 20, 32),
    [
        replace(scaled("out-5e-2", "out1", 1.05), real=False),
        replace(scaled("value-1e-1", "value2", 1.1), real=False),
        replace(row("one-item-5e-2", 1, 1.05), real=False),
        swapped("query2", 4, 9),
        ULP,
    ],
)
SATURATED = Model(
    "saturated",
    {"path": "made/saturated"},
    drawn("x", 16, 24),
    [
        scaled("logits-1e-2", "two", 1.01),
        column("one-class-1e-2", "two", 3, 1.01),
        row("one-item-1e-2", 5, 1.01),
        swapped("two", 3, 8),
        ULP,
    ],
)
#: The softmax leaves only ones and zeros, so that no change of a channel changes a bit of the output.
ONE_HOT = Model(
    "one_hot",
    {"path": "made/one_hot"},
    drawn("x", 16, 24),
    [
        *(
            swapped(variable, one, other, f"swap-channels-{variable}-{one}-{other}")
            for variable, one, other in (
                ("one", 3, 8),
                ("one", 20, 41),
                ("two", 3, 8),
                ("two", 30, 45),
                ("three", 2, 9),
            )
        ),
        scaled("scale-5e-2", "two", 1.05),
        ULP,
    ],
)
DETECTOR = Model(
    "detector",
    {"path": "made/detector"},
    drawn("x", 10, 48),
    [
        scaled("boxes-1e-3", "box", 1.001),
        column("one-edge-1e-2", "box", 11, 1.01),
        scaled("scores-1e-2", "score", 1.01),
        column("one-score-1e-2", "score", 6, 1.01),
        swapped("label", 5, 7),
        ULP,
    ],
)
SEEDED = Model(
    "seeded",
    {"path": "made/seeded"},
    drawn("x", 6, 30),
    [scaled("weights-1e-3", "two", 1.001), row("one-item-1e-3", 2, 1.001), ULP],
)

#: The thresholds were fixed on all but the last four of these.
FIRST = (
    CNN,
    RNN,
    BASIC_PITCH,
    DATAPROFILER,
    GUESSLANG,
    SCALES,
    FLOAT16,
    SATURATED,
    ONE_HOT,
    SEEDED,
    BFLOAT16,
    ATTENTION,
    FLAT,
    DETECTOR,
)
