"""How the files of images are read: turned, alpha, 16 bits, other decoders; and turns of each image."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose

R = np.random.default_rng(31)
BASE = np.add.outer(np.arange(64), 1.7 * np.arange(80))[..., None] * [0.9, 0.5, 0.7] % 200 + R.uniform(
    0, 40, (64, 80, 3)
)
SCENES = [BASE, BASE[::-1] * 0.7 + 30, BASE[:, ::-1] * 0.8, np.roll(BASE, 17, axis=1)]


def files(images, **options):
    out = np.empty(len(images), object)
    for index, image in enumerate(images):
        data = io.BytesIO()
        image.save(data, **{key: value[index] if key == "exif" else value for key, value in options.items()})
        out[index] = data.getvalue()
    return {"scan": out}


def opened(raw):
    return [Image.open(io.BytesIO(data)) for data in raw["scan"]]


def tagged(tag):
    exif = Image.Exif()
    exif[0x0112] = tag
    return exif


def sized(image, method=Image.BILINEAR, size=(32, 32)):
    return np.asarray(image.convert("RGB").resize(size, method)).astype(np.float32) / 255


def found(train, serve, raw):
    return [each.id for each in diagnose({"x": train}, {"x": serve}, raw)]


@pytest.mark.parametrize("tags", [(3, 1, 6, 8), (2, 4, 5, 7), (3, 3, 3, 3)])
def test_scans_turned_by_their_tags(tags):
    raw = files(
        [Image.fromarray(each.astype(np.uint8)) for each in SCENES],
        format="JPEG",
        quality=95,
        exif=[tagged(t) for t in tags],
    )
    turned = np.stack([sized(ImageOps.exif_transpose(each)) for each in opened(raw)])
    stored = np.stack([sized(each) for each in opened(raw)])
    assert found(turned, stored, raw) == ["exif-orientation"]
    assert found(stored, turned, raw) == ["exif-orientation"]
    other = np.stack([sized(each, Image.NEAREST) for each in opened(raw)])
    assert found(turned, other, raw) == ["exif-orientation+resize-method"]


def test_random_flips_are_a_choice_for_each_image_and_one_flip_of_all_is_none():
    x = np.stack([sized(Image.fromarray(each.astype(np.uint8))) for each in SCENES])
    flipped = x.copy()
    flipped[1], flipped[3] = x[1, :, ::-1], x[3, ::-1]
    assert found(x, flipped, None) == ["per-sample-choice"]
    assert found(x, x[:, :, ::-1], None) == ["mirrored-image"]
    spoilt = flipped.copy()
    spoilt[1] += R.normal(0, 0.2, spoilt[1].shape)
    assert "per-sample-choice" not in found(x, spoilt, None)


def test_a_gain_for_each_sample():
    x = R.normal(2, 1, (5, 64))
    gains = np.array([1.0, 0.5, 0.25, 2.0, 1.5])[:, None]
    (one,) = diagnose({"x": x * gains}, {"x": x}, None)
    assert one.id == "per-sample-gain"
    assert "a gain of their own" in one.title
    assert found(x * gains + R.normal(0, 0.05, x.shape), x, None) == []


@pytest.mark.parametrize(("background", "words"), [((255, 255, 255), "white"), ((0, 0, 0), "black")])
def test_icons_with_alpha(background, words):
    alpha = np.clip(np.add.outer(np.arange(64), np.arange(80)) * 2, 0, 255)
    icons = [Image.fromarray(np.dstack([each, alpha]).astype(np.uint8), "RGBA") for each in SCENES]
    raw = files(icons, format="PNG")
    plain = np.stack([np.asarray(each.convert("RGB")) for each in opened(raw)]).astype(np.float32) / 255
    blended = []
    for each in opened(raw):
        under = Image.new("RGBA", each.size, (*background, 255))
        blended.append(np.asarray(Image.alpha_composite(under, each).convert("RGB")))
    (one,) = diagnose({"x": np.stack(blended).astype(np.float32) / 255}, {"x": plain}, raw)
    assert one.id == "alpha"
    assert words in one.train


def test_medical_scans_of_16_bits():
    deep = [(each[..., 0] * 5).astype(np.uint16) for each in SCENES]
    raw = files([Image.fromarray(each) for each in deep], format="PNG")
    shifted = np.stack([each >> 8 for each in deep])[..., None].astype(np.float32)
    clipped = np.stack([np.clip(each, 0, 255) for each in deep])[..., None].astype(np.float32)
    assert found(shifted, clipped, raw) == ["bit-depth"]
    assert found(shifted / 255, np.stack([each / 65535 for each in deep])[..., None], raw) != ["alpha"]


def test_a_decoder_that_is_off_in_the_colours_alone():
    raw = files([Image.fromarray(each.astype(np.uint8)) for each in SCENES], format="JPEG", quality=80)
    accurate = np.stack([np.asarray(each.convert("RGB")) for each in opened(raw)]).astype(np.float32)
    shift = R.integers(0, 4, accurate.shape[:3])
    other = accurate + np.stack([shift, np.rint(-0.51 * shift - 0.19 * shift), shift], axis=-1)
    (one,) = diagnose({"x": accurate}, {"x": other}, raw)
    assert one.id == "jpeg-decoder"
    assert one.ties
    assert one.experiment
    brighter = accurate + 3 * (R.random(accurate.shape[:3]) < 0.7)[..., None]
    assert "jpeg-decoder" not in found(accurate, brighter, raw)
