"""Sides that say nothing, 8-bit rounding, samples that depend on their batch, and where sides differ."""

import io

import numpy as np
import pytest
from PIL import Image
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose, examine
from savedmodel_matrix.verdicts.diagnose.parts import Parts, explain
from savedmodel_matrix.verdicts.diagnose.where import where, worst

R = np.random.default_rng(3)
TABLE = R.normal(5, 3, (40, 5))
RAW = {"raw": TABLE}
PHOTO = R.integers(0, 256, (2, 24, 24, 3)).astype(np.float64)


def ids(train, serve, raw=None):
    return [each.id for each in diagnose({"x": train}, {"x": serve}, raw)]


def texts(*values):
    out = np.empty(len(values), object)
    out[:] = [value.encode() for value in values]
    return out


@pytest.mark.parametrize(
    "constant", [np.zeros((40, 5)), np.full((40, 5), np.nan), np.tile(np.arange(5.0), (40, 1))]
)
def test_a_side_that_is_the_same_for_every_input_is_named_so(constant):
    assert ids(TABLE, constant, RAW) == ["constant-side"]
    (found,) = diagnose({"x": constant}, {"x": TABLE}, RAW)
    assert "in what training makes" in found.title


def test_equal_inputs_and_one_sample_may_become_the_same():
    assert "constant-side" not in ids(TABLE, np.zeros((40, 5)), {"raw": np.ones((40, 5))})
    assert "constant-side" not in ids(TABLE[:1], np.zeros((1, 5)), {"raw": TABLE[:1]})


def rounded(x, of):
    return np.clip(of(x), 0, 255)


def test_two_correct_roundings_are_no_fault():
    fine = PHOTO * 0.8 + R.uniform(0, 1, PHOTO.shape)
    other = fine + R.normal(0, 0.2, PHOTO.shape)
    for scale in (1.0, 255.0):
        (found,) = diagnose(
            {"x": rounded(fine, np.rint) / scale}, {"x": rounded(other, np.rint) / scale}, None
        )
        assert (found.id, found.harmless) == ("8-bit-rounding", True)


def test_truncation_a_brighter_channel_and_two_levels_are_no_rounding():
    fine = np.clip(PHOTO * 0.8 + R.uniform(0, 1, PHOTO.shape), 0, 255)
    train = np.rint(fine)
    brighter = train.copy()
    brighter[..., 1] += R.random(train.shape[:-1]) < 0.6
    for serve in (np.floor(fine), brighter, train + R.integers(-2, 3, train.shape)):
        assert not any(each.harmless for each in diagnose({"x": train}, {"x": serve}, None))


def parts(make, x, alone=True):
    halves = np.concatenate([make(x[:20]), make(x[20:])])
    made = {"reversed": make(x[::-1])[::-1], "halves": halves}
    if alone:
        made["alone"] = np.concatenate([make(row[None]) for row in x[:8]])
    return Parts(make(x), made)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x / np.abs(x).max(),
        lambda x: np.argsort(np.argsort(x, axis=0), axis=0) / len(x),
        lambda x: np.where(x < 2, np.median(x, axis=0), x),
    ],
    ids=["largest", "rank", "fill"],
)
def test_a_sample_that_depends_on_its_batch_is_named_with_the_side(make):
    frozen = parts(lambda x: (x - 5) / 3, TABLE)
    found = explain(frozen, parts(make, TABLE))
    assert found.id == "per-batch-statistics"
    assert "in serving" in found.mends
    assert "(transform)" in found.mends
    other = explain(parts(make, TABLE), frozen)
    assert other.train.startswith("statistics of the whole batch")


def test_one_by_one_is_a_proven_fix_where_it_makes_the_same():
    def each(x):
        return x / np.abs(x).max(axis=1, keepdims=True)

    found = explain(parts(each, TABLE), parts(lambda x: x / np.abs(x).max(), TABLE))
    assert found.residual == 0 < found.before
    assert "one by one" in found.mends


def test_two_sides_that_do_not_depend_on_the_batch_or_both_do_have_no_such_name():
    def z(x):
        return (x - x.mean(0)) / (x.std(0) + 1)

    assert explain(parts(lambda x: x * 2, TABLE), parts(lambda x: x + 1, TABLE)) is None
    assert explain(parts(z, TABLE), parts(lambda x: z(x) * 2, TABLE)) is None


def holes():
    x = TABLE.copy()
    x[::7, 1] = np.nan
    x[3::5, 2] = np.nan
    return x


def changed(at):
    out = TABLE.copy()
    out[at] += 1
    return out


@pytest.mark.parametrize(
    ("serve", "raw", "says"),
    [
        (changed(np.s_[3]), {}, "in sample 3 only (of 40)"),
        (changed(np.s_[3:6, 2]), {}, "in samples 3 to 5 (of 40), in column 2 only (of 5)"),
        (changed(np.isnan(holes())), {"t": holes()}, "exactly where t is missing (NaN)"),
        (changed(TABLE[:, 0] > 6), {"age": TABLE[:, 0]}, "exactly where age is "),
        (
            changed(np.s_[10:20]),
            {"name": texts(*["A b"[i // 10 % 2 :] if i < 20 else "b" for i in range(40)])},
            "in samples 10 to 19 (of 40)",
        ),
        (
            changed(np.s_[0:10]),
            {"name": texts(*["Ab" if i < 10 else "ab" for i in range(40)])},
            "exactly where name has capital letters",
        ),
    ],
)
def test_where_the_sides_differ(serve, raw, says):
    assert says in where(TABLE, serve, raw)


def test_the_months_in_which_rows_differ():
    epochs = np.arange(40) * 86400 * 9 + 1_672_531_200
    months = epochs.astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12
    summer = (months >= 3) & (months <= 9)
    assert "epoch is in April to October" in where(TABLE, changed(summer), {"epoch": epochs})


def test_photos_that_say_they_are_turned():
    def photo(turned):
        out, exif = io.BytesIO(), Image.Exif()
        if turned:
            exif[0x0112] = 6
        Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
        return out.getvalue()

    raw = np.empty(4, object)
    raw[:] = [photo(index == 2) for index in range(4)]
    x = R.random((4, 3))
    serve = x.copy()
    serve[2] += 1
    assert "exactly where photo says in its EXIF data that it is turned" in where(x, serve, {"photo": raw})


def test_the_worst_elements_stand_side_by_side():
    serve = TABLE.copy()
    serve[4, 1], serve[9, 0] = 100, np.nan
    lines = worst(TABLE, serve, RAW)
    assert lines[0].startswith(f"[9, 0]: {TABLE[9, 0]:.6g} in training, nan in serving, raw ")
    assert lines[1].startswith("[4, 1]: ")
    assert len(lines) == 2


def test_a_search_that_takes_too_long_says_so():
    noise = R.normal(size=TABLE.shape)
    stopped = examine({"x": TABLE}, {"x": noise}, None, lambda: True).stopped
    assert stopped == {"x": "corrections without the raw input"}
    assert examine({"x": TABLE}, {"x": noise}, None).stopped == {}


@pytest.mark.parametrize(
    ("train", "serve"),
    [
        (np.zeros(0, complex), np.ones(0, complex)),
        (np.full((9, 2), np.nan), R.normal(size=(9, 2))),
        (np.full((3, 8, 8, 1), np.nan), R.random((3, 8, 8, 1))),
        (np.float64(3), R.normal(size=(9, 2))),
        (texts("a", "b"), np.array([1.0, 2.0])),
        (np.full((9, 3), np.inf), R.normal(size=(9, 3))),
    ],
)
def test_awkward_arrays_are_examined_like_others(train, serve):
    train, serve = np.asarray(train), np.asarray(serve)
    raw = {"raw": R.random((3, 8, 8, 1)), "text": texts("a b", "c")}
    assert examine({"x": train}, {"x": serve}, raw).stopped == {}
    assert isinstance(where(train, serve, raw), str)
    assert len(worst(train, serve, raw)) <= 3
    assert explain(Parts(train, {"alone": train}), Parts(serve, {"alone": serve})) is None
