"""Of every name an example and a near miss: it must be said of the one and not of the other."""

import ml_dtypes
import numpy as np
import pytest
from savedmodel_matrix.verdicts.diagnose.corrections.statistics import scaling_of
from savedmodel_matrix.verdicts.diagnose.pair import Pair
from savedmodel_matrix.verdicts.diagnose.search import search

R = np.random.default_rng(5)
TABLE = R.normal(3, 2, (60, 4)) * np.arange(1, 5)
COUNTS = (TABLE * 90).astype(int)
PICTURE = np.add.outer(np.arange(24), 2 * np.arange(20))[None, :, :, None] * np.array([1.0, 2, 3]) + R.normal(
    size=(1, 24, 20, 3)
)
LEVELS = R.integers(0, 256, (2, 12, 12, 3)).astype(np.float64)
IDS = R.integers(1, 20, (40, 12))
POSITIVE = np.abs(TABLE) + 0.01
HOURS = R.integers(0, 24, 100)
EPOCHS = 1_700_000_000 + R.integers(0, 10**7, 50)
SOUND = np.sin(np.cumsum(0.05 + 0.3 * R.random(4000)))
IMAGENET = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def z(x, axis=0, **options):
    return (x - x.mean(axis)) / x.std(axis, **options)


def min_max(x, axis=0):
    return (x - x.min(axis)) / np.ptp(x, axis)


def texts(*values):
    out = np.empty(len(values), object)
    out[:] = [value.encode() for value in values]
    return out


def padded(rows, at_end):
    out = np.zeros((len(rows), 12), int)
    for line, row in zip(out, rows, strict=True):
        line[slice(None, len(row)) if at_end else slice(12 - len(row), None)] = row
    return out


def holes(value):
    x = TABLE.copy()
    x[::7, 1] = value
    x[3::5, 2] = value
    return x


ROWS = [row[: R.integers(2, 11)] for row in IDS]
PERMUTED = R.permutation(30)

EXAMPLES = {
    "scaling": (z(TABLE), min_max(TABLE)),
    "statistics-axis": (z(TABLE), z(TABLE, None)),
    "ddof": (z(TABLE), z(TABLE, ddof=1)),
    "per-batch-statistics": ((TABLE - TABLE.mean(0) * 1.02) / (TABLE.std(0) * 1.1), z(TABLE)),
    "value-range": (LEVELS / 255, LEVELS),
    "image-normalisation": ((LEVELS / 255 - IMAGENET[0]) / IMAGENET[1], LEVELS),
    "log-base": (10 * np.log10(POSITIVE), np.log(POSITIVE)),
    "unit": (TABLE * 1.8 + 32, TABLE),
    "constant-scale": (TABLE * 0.77, TABLE),
    "constant-offset": (TABLE + 0.4, TABLE),
    "column-constants": (TABLE * [1.1, 1.2, 1.3, 1.4] + [20.0, 30, 40, 50], TABLE),
    "layout": (LEVELS.transpose(0, 3, 1, 2), LEVELS),
    "channel-order": (LEVELS, LEVELS[..., ::-1]),
    "mirrored-image": (LEVELS, LEVELS[:, :, ::-1]),
    "transposed-image": (LEVELS, LEVELS.transpose(0, 2, 1, 3)),
    "shape": (LEVELS, LEVELS.reshape(2, -1)),
    "axes": (TABLE, TABLE.T),
    "log1p": (np.log(POSITIVE), np.log1p(POSITIVE)),
    "log": (np.log(POSITIVE + 1e-6), POSITIVE),
    "power-magnitude": (POSITIVE**2, POSITIVE),
    "gamma": ((LEVELS / 255) ** (1 / 2.2), LEVELS / 255),
    "clipping": (np.clip(TABLE, -1, 12), TABLE),
    "rounding": (TABLE, np.floor(TABLE)),
    "dtype": (TABLE.astype(np.float32), TABLE.astype(ml_dtypes.bfloat16)),
    "integer-wrap-around": (COUNTS, COUNTS.astype(np.uint8)),
    "integer-saturation": (
        (TABLE * 90).astype(int),
        np.clip((TABLE * 90).astype(int), 0, 255).astype(np.uint8),
    ),
    "missing-fill": (holes(1.5), holes(np.nan)),
    "padding-value": (padded(ROWS, True), np.where(padded(ROWS, True), padded(ROWS, True), 25)),
    "padding-side": (padded(ROWS, True), padded(ROWS, False)),
    "crop": (PICTURE[:, 2:18, 1:17], PICTURE[:, :16, :16]),
    "vocabulary-offset": (IDS + 1, IDS),
    "vocabulary-order": (PERMUTED[IDS], IDS),
    "out-of-vocabulary": (IDS, np.where(IDS > 8, 1, IDS)),
    "one-hot-order": (np.eye(6)[IDS[:, 0] % 6], np.eye(6)[IDS[:, 0] % 6][:, [3, 1, 0, 2, 5, 4]]),
    "column-order": (TABLE, TABLE[:, [2, 0, 1, 3]]),
    "row-order": (TABLE, TABLE[R.permutation(60)]),
    "timezone": ((HOURS + 9) % 24, HOURS),
    "pre-emphasis": (np.append(SOUND[0], SOUND[1:] - 0.97 * SOUND[:-1]), SOUND),
    "letter-case": (texts("abc", "straße"), texts("Abc", "Straße")),
    "unicode-form": (texts("\u00e9"), texts("e\u0301")),
    "accents": (texts("elan", "uber"), texts("élan", "über")),
    "white-space": (texts("a b"), texts(" a b ")),
    "punctuation": (texts("a b", "c"), texts("a, b!", "c.")),
    "text-encoding": (texts("é"), texts("Ã©")),
    "csv-types": (texts("007", "12"), np.array([7, 12])),
    "decimal-comma": (np.array([1.5, 2.25, 13.75, 0.5] * 9), np.array([15.0, 225, 1375, 5] * 9)),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_named(name):
    chain = search(Pair(*EXAMPLES[name]))
    assert chain is not None
    assert [fix.id for fix in chain.fixes] == [name]


@pytest.mark.parametrize(
    "name", [name for name, (train, _) in EXAMPLES.items() if train.dtype != object and name != "csv-types"]
)
def test_not_named_where_one_element_in_twelve_is_another(name):
    train, serve = EXAMPLES[name]
    spoilt = train.astype(np.float64).copy()
    flat = spoilt.reshape(-1)
    flat[5::12] += 0.37 * (np.abs(flat[5::12]) + 1) * R.uniform(0.5, 2, flat[5::12].shape)
    chain = search(Pair(spoilt, serve))
    assert chain is None or name not in [fix.id for fix in chain.fixes]


def test_strings_that_differ_in_more_are_not_named():
    assert search(Pair(texts("abc", "def"), texts("Abc", "deg"))) is None


def test_epochs_shift_by_whole_quarters_of_an_hour_only():
    chain = search(Pair(EPOCHS, EPOCHS + 5 * 3600 + 1800))
    assert [fix.id for fix in chain.fixes] == ["timezone"]
    assert "5.5 hours" in chain.fixes[0].title
    assert [fix.id for fix in search(Pair(EPOCHS, EPOCHS + 1234)).fixes] == ["constant-offset"]


def test_hours_as_sine_and_cosine():
    one, other = (
        np.stack([np.sin(h * np.pi / 12), np.cos(h * np.pi / 12)], axis=1) for h in (HOURS, HOURS - 5)
    )
    assert search(Pair(one, other)).fixes[0].id == "timezone"


def test_a_scaling_is_known_by_leaving_the_array_as_it_is():
    assert scaling_of(z(TABLE)).name == "z-score per column"
    assert scaling_of(z(TABLE, ddof=1)).ddof == 1
    assert scaling_of(min_max(TABLE, None)).name == "min-max over the whole array"
    assert scaling_of(TABLE) is None


def test_few_binary_columns_are_no_straight_line():
    train, serve = R.integers(0, 2, (2, 40, 2))
    assert search(Pair(train, serve)) is None


def test_the_sample_rate_of_a_low_sound():
    time = np.arange(8000) / 8000
    half = np.arange(16000) / 16000
    low = [np.sin(2 * np.pi * (200 * t + 300 * t**2)) for t in (time, half)]
    assert search(Pair(*low)).fixes[0].id == "sample-rate"
    assert search(Pair(low[0], low[1][::-1].copy())) is None
