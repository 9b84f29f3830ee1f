"""Tables, through scikit-learn and pandas."""

import io

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from benchmarks.preprocessing.cases.register import case, strings

IRIS = datasets.load_iris().data
WINE = datasets.load_wine().data
CANCER = datasets.load_breast_cancer().data
DIABETES = datasets.load_diabetes(scaled=False).data
RANDOM = np.random.default_rng(7)


def f32(array):
    """Return the array as float32."""
    return np.asarray(array, np.float32)


@case("wine", "StandardScaler against MinMaxScaler", "scaling")
def table_scaling():
    return f32(StandardScaler().fit_transform(WINE)), f32(MinMaxScaler().fit_transform(WINE)), WINE


@case("wine", "both fitted on other rows than the batch", "scaling")
def table_scaling_frozen():
    one, other = StandardScaler().fit(WINE[:120]), MinMaxScaler().fit(WINE[:120])
    return f32(one.transform(WINE[100:])), f32(other.transform(WINE[100:]))


@case("breast cancer", "StandardScaler against RobustScaler", "scaling")
def table_robust():
    return f32(StandardScaler().fit_transform(CANCER)), f32(RobustScaler().fit_transform(CANCER))


@case("iris", "ddof 0 (scikit-learn) against ddof 1 (pandas)", "ddof")
def table_ddof():
    frame = pd.DataFrame(IRIS)
    return StandardScaler().fit_transform(IRIS), ((frame - frame.mean()) / frame.std()).to_numpy(), IRIS


@case("diabetes", "frozen statistics against each batch's own", "per-batch-statistics")
def table_batch():
    fitted = StandardScaler().fit(DIABETES)
    return f32(fitted.transform(DIABETES[:64])), f32(StandardScaler().fit_transform(DIABETES[:64]))


@case("iris", "per feature against over all of the table", "statistics-axis")
def table_axis():
    return f32(StandardScaler().fit_transform(IRIS)), f32((IRIS - IRIS.mean()) / IRIS.std())


@case("breast cancer", "no scaling in serving", "scaling")
def table_unscaled():
    return f32(StandardScaler().fit_transform(CANCER)), f32(CANCER), f32(CANCER)


@case("iris", "divided by a standard deviation twice as large", "constant-scale")
def table_factor():
    x = StandardScaler().fit_transform(IRIS[::2]) * 0.93
    return f32(x), f32(x / 2)


@case("wine", "a mean that is 0.4 off", "constant-offset")
def table_offset():
    x = WINE[:, :4] / 10
    return f32(x), f32(x - 0.4)


@case("10,000 rows near 100", "float64 against float32 statistics", "statistics-precision")
def table_precision():
    x = (100 + RANDOM.normal(size=(10_000, 3))).astype(np.float32)
    mean, std = x.mean(0), np.sqrt(np.square(x).mean(0) - np.square(x.mean(0)))
    return f32((x - x.mean(0, dtype=np.float64)) / x.std(0, dtype=np.float64)), (x - mean) / std, x


@case("diabetes", "half to even against half up", "rounding")
def table_rounding():
    x = np.round(DIABETES[:, :4] * 2) / 2
    return np.rint(x).astype(np.int64), np.floor(x + 0.5).astype(np.int64), x


@case("diabetes", "truncated to int32 in serving", "rounding|rounding+dtype")
def table_truncated():
    x = DIABETES[:, 2:6] - 60.0
    return f32(x), x.astype(np.int32), f32(x)


@case("breast cancer", "float32 against float16", "dtype")
def table_half():
    x = f32(StandardScaler().fit_transform(CANCER))
    return x, x.astype(np.float16)


@case("wine", "int64 against uint8, wrapped around", "integer-wrap-around")
def table_wrapped():
    x = WINE[:, [4, 12]].astype(np.int64)
    return x, x.astype(np.uint8)


def _holes():
    x = DIABETES.copy()
    x[np.random.default_rng(3).random(x.shape) < 0.08] = np.nan
    return x


@case("diabetes with holes", "the median against zero for missing values", "missing-fill")
def table_missing():
    x = _holes()
    return SimpleImputer(strategy="median").fit_transform(x), pd.DataFrame(x).fillna(0).to_numpy(), x


@case("diabetes with holes", "the mean against NaN, raw not recorded", "missing-fill")
def table_missing_nan():
    x = _holes()[:, :5]
    return f32(SimpleImputer(strategy="mean").fit_transform(x)), f32(x)


@case("diabetes with holes", "mean against median, then StandardScaler", "missing-fill")
def table_missing_scaled():
    x = _holes()
    filled = [SimpleImputer(strategy=how).fit_transform(x) for how in ("mean", "median")]
    return *(StandardScaler().fit_transform(one) for one in filled), x


COLOURS = RANDOM.choice(["red", "green", "blue", "amber", "cyan"], 300)


@case("colours", "one-hot: order of appearance against alphabetical", "one-hot-order")
def table_one_hot():
    x = COLOURS[:, None]
    seen = [list(dict.fromkeys(COLOURS))]
    return f32(OneHotEncoder(categories=seen, sparse_output=False).fit_transform(x)), f32(
        OneHotEncoder(sparse_output=False).fit_transform(x)
    )


@case("colours", "ids by appearance (pandas.factorize) against alphabetical", "vocabulary-order")
def table_ids():
    return pd.factorize(COLOURS)[0], OrdinalEncoder().fit_transform(COLOURS[:, None])[:, 0].astype(np.int64)


@case("wine", "columns sorted by name in serving", "column-order")
def table_columns():
    names = datasets.load_wine().feature_names
    frame = pd.DataFrame(WINE, columns=names)
    return frame.to_numpy(), frame[sorted(names)].to_numpy()


@case(
    "wine",
    "columns in another order, and min-max for z-score",
    "column-order+scaling|column-order+column-constants",
)
def table_columns_scaled():
    order = [3, 1, 2, 0, 5, 4, 6, 7, 9, 8, 12, 10, 11]
    return f32(StandardScaler().fit_transform(WINE)), f32(MinMaxScaler().fit_transform(WINE[:, order]))


@case("iris", "rows shuffled", "row-order")
def table_rows():
    return IRIS, IRIS[np.random.default_rng(5).permutation(150)]


PRICES = [
    f"{whole},{cents:02}"
    for whole, cents in zip(RANDOM.integers(0, 900, 80), RANDOM.integers(0, 99, 80), strict=True)
]


@case("German CSV", "decimal=',' against thousands=','", "decimal-comma")
def table_decimal():
    text = "price\n" + "\n".join(PRICES)
    one = pd.read_csv(io.StringIO(text), sep=";", decimal=",")
    other = pd.read_csv(io.StringIO(text), sep=";", thousands=",")
    return one.price.to_numpy(float), other.price.to_numpy(float), strings(PRICES)


@case(
    "German CSV",
    "decimal=',' against to_numeric(errors='coerce')",
    "decimal-comma|decimal-comma+missing-fill",
)
def table_coerced():
    values = [*PRICES, "12", "7", "33"]
    one = [float(value.replace(",", ".")) for value in values]
    return np.array(one), pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(), strings(values)


@case("postal codes", "dtype=str against inferred", "csv-types")
def table_zip():
    text = "code\n" + "\n".join(f"{value:05}" for value in range(501, 90000, 1931))
    one = pd.read_csv(io.StringIO(text), dtype=str).code.to_numpy(object)
    return strings([value.encode() for value in one]), pd.read_csv(io.StringIO(text)).code.to_numpy()


TIMES = pd.date_range("2024-01-03", periods=400, freq="97min", tz="UTC")


@case("time stamps", "hours in Asia/Tokyo against UTC", "timezone")
def table_hours():
    return TIMES.tz_convert("Asia/Tokyo").hour.to_numpy(), TIMES.hour.to_numpy()


@case("time stamps", "local times read as UTC", "timezone")
def table_epochs():
    local = TIMES.tz_convert("Asia/Kolkata").tz_localize(None).tz_localize("UTC")
    return np.asarray(TIMES.as_unit("ns").asi8) // 10**9, np.asarray(local.as_unit("ns").asi8) // 10**9


@case("time stamps", "day of the week in Tokyo against UTC, from epochs", "timezone")
def table_days():
    epochs = np.asarray(TIMES.as_unit("ns").asi8) // 10**9
    return TIMES.tz_convert("Asia/Tokyo").dayofweek.to_numpy(), TIMES.dayofweek.to_numpy(), epochs


@case("diabetes", "unit rows (Normalizer) against none", "scaling")
def table_normalizer():
    return f32(Normalizer().fit_transform(DIABETES)), f32(DIABETES), f32(DIABETES)


@case("wine", "other data: the rows of another table", None)
def other_rows():
    return f32(WINE[:80]), f32(WINE[80:160])


@case("wine", "PowerTransformer, which has no name here, against StandardScaler", None)
def other_power():
    return f32(PowerTransformer().fit_transform(WINE)), f32(StandardScaler().fit_transform(WINE))


@case("wine", "clean: StandardScaler against NumPy in float64", None)
def clean_scaler():
    return StandardScaler().fit_transform(WINE), (WINE - WINE.mean(0)) / WINE.std(0)


@case("wine", "clean: scaled in float32 against float64", None)
def clean_float32():
    scaler = StandardScaler().fit(WINE)
    return f32(scaler.transform(WINE)), f32((f32(WINE) - f32(scaler.mean_)) / f32(scaler.scale_))


@case("breast cancer", "clean: in chunks of 50 rows with frozen statistics", None)
def clean_chunks():
    scaler = MinMaxScaler().fit(CANCER)
    chunks = [scaler.transform(CANCER[at : at + 50]) for at in range(0, len(CANCER), 50)]
    return scaler.transform(CANCER), np.concatenate(chunks), CANCER


@case("breast cancer", "clean: partial_fit against fit", None)
def clean_partial():
    one = StandardScaler()
    for at in range(0, len(CANCER), 100):
        one.partial_fit(CANCER[at : at + 100])
    return one.transform(CANCER), StandardScaler().fit_transform(CANCER), CANCER


@case("iris", "clean: CSV written and read again", None)
def clean_csv():
    text = pd.DataFrame(IRIS).to_csv(index=False)
    return IRIS, pd.read_csv(io.StringIO(text)).to_numpy(), IRIS


@case("colours", "clean: pandas.get_dummies against OneHotEncoder", None)
def clean_one_hot():
    one = OneHotEncoder(sparse_output=False).fit_transform(COLOURS[:, None])
    return one, pd.get_dummies(pd.Series(COLOURS)).to_numpy()


@case("wine", "clean: MaxAbsScaler in Fortran order", None)
def clean_fortran():
    return MaxAbsScaler().fit_transform(WINE), np.asfortranarray(
        MaxAbsScaler().fit_transform(np.asfortranarray(WINE))
    )
