"""Tables preprocessed for a model with pandas and scikit-learn.

Each function takes ``table``, an object array of CSV files of shape [1].
"""

import io

import numpy as np


def _read(inputs):
    import pandas as pd

    return pd.read_csv(io.BytesIO(inputs["table"][0]))


def pandas_categories(inputs):
    """One-hot columns for ``finish``, where "None" is a word: ``features``, [rows,kinds], as pandas types it.

    pandas 2.0 reads "None" as a missing value.
    """
    import pandas as pd

    return {"features": pd.get_dummies(_read(inputs)["finish"]).to_numpy()}


def pandas_missing(inputs):
    """Whether a ``finish`` is known, and its length: ``features``, float32 [rows,2]."""
    finish = _read(inputs)["finish"]
    known = finish.notna()
    length = finish.fillna("").str.len()
    return {"features": np.stack([known, length], axis=1).astype(np.float32)}


def pandas_time(inputs):
    """Seconds since 1970, from pandas' own integers: ``features``, float32 [rows,1].

    The integers are nanoseconds up to pandas 2, and microseconds from pandas 3 on.
    """
    import pandas as pd

    sold = pd.to_datetime(_read(inputs)["sold"])
    return {"features": (sold.astype("int64").to_numpy()[:, np.newaxis] / 1e9).astype(np.float32)}


def sklearn_power(inputs):
    """Every number made more normal by a Yeo-Johnson transform: ``features``, float32 [rows,columns]."""
    from sklearn.preprocessing import PowerTransformer

    numbers = _read(inputs).select_dtypes("number").to_numpy()
    return {"features": PowerTransformer().fit_transform(numbers).astype(np.float32)}
