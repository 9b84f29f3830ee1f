"""Calendar features from epochs or written times: the clock of each side, by all rules of time zones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import numpy as np

from savedmodel_matrix.verdicts.diagnose.finding import Diagnosis
from savedmodel_matrix.verdicts.diagnose.pair import is_integer, is_numeric, is_text, numbers
from savedmodel_matrix.verdicts.diagnose.prove import distance

if TYPE_CHECKING:
    from collections.abc import Callable

    from savedmodel_matrix.verdicts.diagnose.pair import Array, Pair

#: Epochs in seconds, milliseconds, microseconds, nanoseconds.
_UNITS = (1, 10**3, 10**6, 10**9)
_SINCE, _UNTIL = 631_152_000, 4_102_444_800  # 1990 to 2100
#: All offsets from UTC in use are between -12 and +14 hours, in quarter hours (tz database).
_OFFSETS = tuple(quarter / 4 for quarter in range(-48, 57))
#: Fewer times may agree with some feature in some time zone by chance.
_LEAST = 8
_MOST_COLUMNS = 32
#: More rows than this are compared in part.
_MOST_ROWS = 4_000
#: Rows that every clock and feature is tried on before all rows.
_SCREENED = 48
#: Where several zones have one clock, these give it its name: the largest city or the usual name of a rule.
_KNOWN = (
    "UTC", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "Europe/London",
    "Europe/Berlin", "Europe/Paris", "Europe/Moscow", "Asia/Tokyo", "Asia/Shanghai", "Asia/Kolkata",
    "Australia/Sydney", "America/Sao_Paulo",
)  # fmt: skip
_DAY = 86400


class _Clock(NamedTuple):
    """Seconds ahead of UTC at each of the times, its name, how many other zones have it, and its rank."""

    ahead: Array
    name: str
    others: int
    rank: float


def _days(local: Array) -> Array:
    return local // _DAY


def _dates(local: Array) -> Array:
    return _days(local).astype("datetime64[D]")


def _months(local: Array) -> Array:
    return _dates(local).astype("datetime64[M]").astype(np.int64) % 12


def _day_of_year(local: Array) -> Array:
    days = _dates(local)
    found: Array = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    return found


def _of_month(local: Array) -> Array:
    dates = _dates(local)
    found: Array = (dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    return found


def _from(first: int, place: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda local: place(local) + first


#: Positions in a day, a week and a year, and the length of the circle for their sine and cosine. Python
#: counts months from 1, JavaScript and C from 0; weekdays begin on Monday (Python) or Sunday (C), at 0 or 1.
_PLACES: dict[str, tuple[Callable[[Array], Array], float]] = {
    "hour of the day": (lambda x: x // 3600 % 24, 24),
    "hour and minute of the day": (lambda x: x // 60 % 1440 / 60, 24),
    "hour, minute and second of the day": (lambda x: x % _DAY / 3600, 24),
    "minute of the day": (lambda x: x // 60 % 1440, 1440),
    "day of the week (Monday 0)": (lambda x: (_days(x) + 3) % 7, 7),
    "day of the week (Sunday 0)": (lambda x: (_days(x) + 4) % 7, 7),
    "day of the week (Monday 1)": (lambda x: (_days(x) + 3) % 7 + 1, 7),
    "day of the week (Sunday 1)": (lambda x: (_days(x) + 4) % 7 + 1, 7),
    "weekend": (lambda x: ((_days(x) + 3) % 7 >= 5).astype(np.float64), 0),
    "day of the month": (_from(1, _of_month), 31),
    "day of the month (from 0)": (_of_month, 31),
    "month": (_from(1, _months), 12),
    "month (from 0)": (_months, 12),
    "quarter": (lambda x: _months(x) // 3 + 1, 4),
    "quarter (from 0)": (lambda x: _months(x) // 3, 4),
    "day of the year": (_from(1, _day_of_year), 365),
    "day of the year (from 0)": (_day_of_year, 365),
}


def _scaled() -> dict[str, Callable[[Array], Array]]:
    """Return every feature by name: a position, its share of the circle, its sine and its cosine."""
    found: dict[str, Callable[[Array], Array]] = {}
    for name, (place, circle) in _PLACES.items():
        found[name] = place
        # A circle that is one too short joins the last position and the first; years have leap days.
        for length in (circle, circle - 1, *((366, 365.25) if circle == 365 else ())) if circle else ():
            around = "" if length == circle else f" on a circle of {length:g}"
            found[f"{name}, divided by {length:g}"] = lambda x, p=place, n=length: p(x) / n  # type: ignore[misc]
            for word, function in (("sine", np.sin), ("cosine", np.cos)):
                found[f"{word} of the {name}{around}"] = lambda x, p=place, n=length, f=function: f(  # type: ignore[misc]
                    2 * np.pi * p(x) / n
                )
    return found


FEATURES = _scaled()


def explain(pair: Pair) -> Diagnosis | None:
    """Return the clocks from which the two sides compute the same features of the same times, or None."""
    train, serve = pair.train, pair.serve
    if (
        not (is_numeric(train) and is_numeric(serve))
        or train.shape != serve.shape
        or train.ndim not in (1, 2)
    ):
        return None
    for raw in pair.raw.values():
        seconds = seconds_of(raw)
        if seconds is not None and _LEAST <= seconds.size == len(train):
            found = _between(pair, seconds)
            if found is not None:
                return found
    return None


def _between(pair: Pair, seconds: Array) -> Diagnosis | None:
    t, s = (numbers(each).reshape(len(each), -1) for each in (pair.train, pair.serve))
    if t.shape[1] > _MOST_COLUMNS or not (np.isfinite(t).all() and np.isfinite(s).all()):
        return None
    step = max(len(t) // _MOST_ROWS, 1)
    t, s, seconds = t[::step], s[::step], seconds[::step]
    columns = [
        column
        for column in range(t.shape[1])
        if np.abs(t[:, column] - s[:, column]).max() > _room(t[:, column])
    ]
    clocks = _clocks(seconds)
    local = seconds + np.stack([clock.ahead for clock in clocks])
    first = np.unique(np.linspace(0, len(t) - 1, _SCREENED).astype(int))
    pairs = np.ones((len(clocks), len(clocks)), bool)
    same = np.ones(len(clocks), bool)
    words: list[dict[str, tuple[Array, Array]]] = []
    for column in columns:
        pair.check_time("clocks and calendars")
        if np.unique(t[:, column]).size < 2 or np.unique(s[:, column]).size < 2:
            return None
        fits: dict[str, tuple[Array, Array]] = {}
        for name, feature in FEATURES.items():
            made = feature(local[:, first])
            both = [
                np.abs(made - side[first, column]).max(axis=1) <= _room(side[:, column]) for side in (t, s)
            ]
            # Most clocks and features fail at the first rows.
            near = np.flatnonzero(both[0] | both[1])
            if not near.size:
                continue
            made = feature(local[near])
            for fit, side in zip(both, (t, s), strict=True):
                fit[near] &= np.abs(made - side[:, column]).max(axis=1) <= _room(side[:, column])
            if both[0].any() or both[1].any():
                fits[name] = both[0], both[1]
        one_feature = np.zeros_like(pairs)
        for of_train, of_serve in fits.values():
            one_feature |= of_train[:, None] & of_serve[None, :]
        pairs &= one_feature
        of_any = [
            np.any([each[side] for each in fits.values()], axis=0) if fits else ~same for side in (0, 1)
        ]
        same &= of_any[0] & of_any[1]
        words.append(fits)
    np.fill_diagonal(pairs, val=False)
    if not columns:
        return None
    if pairs.any():
        ranks = np.array([clock.rank for clock in clocks])
        cost = np.where(pairs, ranks[:, None] + ranks[None, :], np.inf)
        one, other = np.unravel_index(int(cost.argmin()), cost.shape)
        features = [
            next(name for name, fit in fits.items() if fit[0][one] and fit[1][other]) for fits in words
        ]
        left = max(_left(side[:, columns], features, local[clock]) for side, clock in ((t, one), (s, other)))
        return _diagnosis(pair, clocks[one], clocks[other], features, left)
    if same.any():
        at = int(np.flatnonzero(same)[np.argmin([clocks[each].rank for each in np.flatnonzero(same)])])
        kinds = [
            next(name for name, fit in fits.items() if fit[side][at]) for fits in words for side in (0, 1)
        ]
        left = max(_left(side[:, columns], kinds[place::2], local[at]) for place, side in enumerate((t, s)))
        return _other_feature(pair, kinds, left)
    return None


def _left(columns: Array, features: list[str], local: Array) -> float:
    """Return the largest distance of columns from the features that they are said to be."""
    made = np.stack([FEATURES[name](local) for name in features], axis=1)
    return float(np.abs(made - columns).max())


def _room(column: Array) -> float:
    return 4e-6 * max(float(np.abs(column).max(initial=0.0)), 1.0)


def _clocks(seconds: Array) -> list[_Clock]:
    """Return every clock that differs from the others at these times, the best known name of each."""
    import pandas as pd  # noqa: PLC0415 - nothing but times needs it

    times = pd.to_datetime(seconds, unit="s", utc=True)
    named: dict[bytes, list[tuple[float, str]]] = {}
    vectors: dict[bytes, Array] = {}
    # A machine without time zone data has fixed offsets only.
    for name in sorted(available_timezones()):
        ahead = (times.tz_convert(ZoneInfo(name)).tz_localize(None) - times.tz_localize(None)).total_seconds()
        vector = np.asarray(ahead, np.int64)
        vectors[vector.tobytes()] = vector
        rank = 0.0 if name == "UTC" else 0.1 if name in _KNOWN else 0.3 + 0.2 * ("/" not in name)
        named.setdefault(vector.tobytes(), []).append((rank, name))
    for hours in _OFFSETS:
        vector = np.full(len(seconds), int(hours * 3600), np.int64)
        vectors[vector.tobytes()] = vector
        rank = (0.05 + abs(hours) / 1000 + 0.4 * (hours % 1 != 0)) if hours else 0.0
        named.setdefault(vector.tobytes(), []).append((rank, f"UTC{hours:+g} all year" if hours else "UTC"))
    found = []
    for key, names in named.items():
        rank, name = min(names)
        found.append(_Clock(vectors[key], name, len({each for _, each in names}) - 1, rank))
    return found


def _diagnosis(pair: Pair, train: _Clock, serve: _Clock, features: list[str], left: float) -> Diagnosis:
    gap = (train.ahead - serve.ahead) / 3600
    changing = bool(np.ptp(gap))
    name = "daylight-saving" if changing and (gap == 0).any() else "timezone"
    hours = f"{gap.min():+g} to {gap.max():+g}" if changing else f"{gap[0]:+g}"
    sides = [f"the clock of {each.name}" for each in (train, serve)]
    what = ", ".join(dict.fromkeys(features))
    before = distance(pair.train, pair.serve)
    share = f"; the two agree in {np.mean(gap == 0):.0%} of the rows" if name == "daylight-saving" else ""
    also = f" (so would {train.others} other zones at these times)" if train.others else ""
    return Diagnosis(
        id=name,
        title=f"{sides[0]} in training, {sides[1]} in serving ({hours} hours)",
        train=sides[0],
        serve=sides[1],
        mends=f"in serving, convert times to {train.name} before computing features",
        before=before.relative,
        residual=left * before.relative / before.largest if before.largest else 0.0,
        max_abs_before=before.largest,
        max_abs_after=left,
        steps=(name,),
        proof=f"every row of both sides is the {what} of the raw time by its own clock{share}{also}",
    )


def _other_feature(pair: Pair, features: list[str], left: float) -> Diagnosis | None:
    train, serve = (", ".join(dict.fromkeys(features[side::2])) for side in (0, 1))
    if train == serve:
        return None
    before = distance(pair.train, pair.serve)
    return Diagnosis(
        id="feature",
        title=f"{train} in training, {serve} in serving, by one clock",
        train=train,
        serve=serve,
        mends=f"in serving, compute {train} instead of {serve}",
        before=before.relative,
        residual=left * before.relative / before.largest if before.largest else 0.0,
        max_abs_before=before.largest,
        max_abs_after=left,
        steps=("feature",),
        proof="every row of both sides is that feature of the raw time",
    )


def seconds_of(raw: Array) -> Array | None:
    """Return whole seconds since 1970; written times without a zone count as UTC."""
    if is_text(raw):
        try:
            texts = [text.decode().strip().replace("Z", "") for text in raw.ravel()]
            return np.array(texts, "datetime64[s]").astype(np.int64)
        except ValueError:
            return None
    if not (is_integer(raw) or raw.dtype == np.float64) or raw.size == 0:
        return None
    middle = float(np.median(numbers(raw)))
    for unit in _UNITS:
        if _SINCE * unit <= middle <= _UNTIL * unit:
            seconds: Array = (raw // unit).astype(np.int64).ravel()
            return seconds
    return None
