import io

import numpy as np
import pytest
from PIL import Image
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose, examine
from savedmodel_matrix.verdicts.diagnose.recipes.geometry import geometries
from savedmodel_matrix.verdicts.diagnose.recipes.image import recipes
from savedmodel_matrix.verdicts.diagnose.recipes.resample import METHODS

R = np.random.default_rng(3)
WAVES = 127 + 60 * np.sin(np.add.outer(np.arange(90) / 3, np.arange(120) / 5)) + 20 * R.normal(size=(90, 120))
RAW = np.clip(np.stack([WAVES, 255 - WAVES * 0.8, np.roll(WAVES, 9, 0)], -1), 0, 255).astype(np.uint8)
SIZE = (32, 40)


def resized(method, image=RAW):
    return np.asarray(Image.fromarray(image).resize(SIZE[::-1], method))[None].astype(np.float32)


def found(train, serve, raw=RAW):
    return [
        each.id
        for each in diagnose({"x": train}, {"x": serve}, {"image": raw[None] if raw.dtype != object else raw})
    ]


@pytest.mark.parametrize("kernel", ["NEAREST", "BILINEAR", "BICUBIC", "LANCZOS", "BOX", "HAMMING"])
def test_pillows_kernels_are_known(kernel):
    (recipe,) = recipes(resized(Image.Resampling[kernel]), RAW[None])
    assert recipe.parts["resize-method"].split(",")[0] == kernel.lower()


def test_another_kernel_is_named_and_the_same_is_not():
    bilinear, nearest = resized(Image.Resampling.BILINEAR), resized(Image.Resampling.NEAREST)
    assert found(bilinear, nearest) == ["resize-method"]
    assert found(bilinear, nearest[..., ::-1] / 255) == ["resize-method+channel-order+value-range"]
    assert found(bilinear, bilinear) == []


def test_without_the_raw_image_nothing_is_claimed():
    sides = resized(Image.Resampling.BILINEAR), resized(Image.Resampling.NEAREST)
    assert diagnose(*({"x": side} for side in sides)) == []


def test_a_crop_is_named():
    crop = resized(Image.Resampling.BILINEAR, np.ascontiguousarray(RAW[:, 4:116]))
    assert found(crop, resized(Image.Resampling.BILINEAR)) == ["crop"]


def test_encoded_images_are_decoded():
    data = io.BytesIO()
    Image.fromarray(RAW).save(data, "PNG")
    raw = np.empty(1, object)
    raw[0] = data.getvalue()
    assert found(resized(Image.Resampling.BICUBIC), resized(Image.Resampling.BOX), raw) == ["resize-method"]
    raw[0] = b"no image"
    assert recipes(resized(Image.Resampling.BICUBIC), raw) == []


def test_grey_weights_are_named():
    grey = RAW[None] @ np.array([0.299, 0.587, 0.114])
    assert found(grey, RAW[None].mean(axis=-1)) == ["grey-weights"]
    assert recipes(grey + 9 * R.normal(size=grey.shape), RAW[None]) == []


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@pytest.mark.parametrize(("size", "wanted"), [(90, 32), (20, 33), (7, 7)])
def test_a_flat_row_stays_flat(method, size, wanted):
    assert method.weights(size, wanted).sum(axis=1) == pytest.approx(np.ones(wanted))


def test_padding_is_known_from_the_picture():
    names = [each.name for each in geometries(90, 120, 40, 40)]
    assert len(set(names)) == len(names)
    letterbox = next(each for each in geometries(90, 120, 40, 40) if each.name == "fitted and padded")
    weights = letterbox.rows.weights(METHODS[0], 90, 40)
    assert np.isnan(weights).all(axis=1).tolist() == [True] * 5 + [False] * 30 + [True] * 5


def decoders(raw):
    """One decoder exact, another a few levels off in blue, as decoders are in colours."""
    exact = np.asarray(Image.open(io.BytesIO(raw[0])).convert("RGB"))
    off = exact.astype(int)
    off[..., 2] += R.integers(-4, 5, off.shape[:2])
    return {"the first": [exact], "the second": [np.clip(off, 0, 255).astype(np.uint8)], "a third": [exact]}


def jpeg():
    data, raw = io.BytesIO(), np.empty(1, object)
    Image.fromarray(RAW).save(data, "JPEG", quality=90)
    raw[0] = data.getvalue()
    return raw


@pytest.mark.parametrize("order", [1, -1])
def test_the_decoder_that_made_a_side_is_named(order):
    raw = jpeg()
    made = decoders(raw)
    sides = made["the first"][0][None].astype("f4"), made["the second"][0][None, ..., ::order].astype("f4")
    (diagnosis,) = examine({"x": sides[0]}, {"x": sides[1]}, {"photo": raw}, decoded={"photo": made}).found
    assert set(diagnosis.steps) == {"jpeg-decoder", *(["channel-order"] if order == -1 else [])}
    assert "the first, a third" in diagnosis.train
    assert "the second" in diagnosis.serve
    assert diagnosis.ties == ()


def test_a_decoder_that_is_not_there_is_named_by_elimination_only():
    raw = jpeg()
    made = decoders(raw)
    sides = made["the first"][0][None].astype("f4"), made.pop("the second")[0][None].astype("f4")
    (diagnosis,) = examine({"x": sides[0]}, {"x": sides[1]}, {"photo": raw}, decoded={"photo": made}).found
    assert (diagnosis.id, bool(diagnosis.ties)) == ("jpeg-decoder", True)


def test_decoders_are_told_below_the_rounding_of_a_library_that_resizes_levels():
    raw = jpeg()
    made = decoders(raw)
    off = made["the first"][0].astype(int)
    off[..., 2] += np.where(np.arange(off.shape[1]) % 40 < 20, 1, -1)
    made["the second"] = [np.clip(off, 0, 255).astype(np.uint8)]
    means = np.float32([123.68, 116.779, 103.939])
    planes = [Image.fromarray(made["the second"][0][..., each].astype("f4")) for each in range(3)]
    exact = [np.asarray(each.resize(SIZE[::-1], Image.Resampling.BILINEAR)) for each in planes]
    sides = (
        resized(Image.Resampling.BILINEAR, made["the first"][0]) - means,
        np.stack(exact, -1)[None] - means,
    )
    (diagnosis,) = examine({"x": sides[0]}, {"x": sides[1]}, {"photo": raw}, decoded={"photo": made}).found
    assert diagnosis.id == "jpeg-decoder"
    assert diagnosis.residual > 0.25 * diagnosis.before, "rounding leaves more than is explained elsewhere"
    assert "the first, a third" in diagnosis.train
    assert "the second" in diagnosis.serve
