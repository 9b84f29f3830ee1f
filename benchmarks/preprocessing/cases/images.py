"""Photographs, through Pillow, OpenCV and scikit-image."""

import io

import cv2
import numpy as np
from PIL import Image
from skimage import data as photographs
from skimage import transform
from sklearn.datasets import load_sample_images

from benchmarks.preprocessing.cases.register import case, strings

PHOTOS = load_sample_images().images  # two of 427 x 640, uint8
WHOLE = np.stack(PHOTOS)
SMALL = WHOLE[:, 100:196, 200:328]
IMAGENET = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def png(image):
    """Return the image encoded without loss."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "PNG")
    return out.getvalue()


def pillow(image, size, method, box=None):
    """Return the image resized by Pillow; size is (height, width)."""
    return np.asarray(Image.fromarray(image).resize(size[::-1], method, box))


def each(function, images=PHOTOS):
    """Return a batch of what the function makes of every image."""
    return np.stack([function(image) for image in images])


def f32(array):
    """Return the array as float32."""
    return np.asarray(array, np.float32)


@case("2 photos", "RGB against BGR (cv2.imdecode)", "channel-order")
def image_bgr():
    encoded = [png(image) for image in SMALL]
    serve = np.stack([cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in encoded])
    return SMALL, serve, strings(encoded)


@case("2 photos", "0..1 against 0..255", "value-range")
def image_range():
    return f32(SMALL / 255), f32(SMALL), SMALL


@case("2 photos", "-1..1 against 0..1", "value-range")
def image_range_signed():
    return f32(SMALL / 127.5 - 1), f32(SMALL / 255)


@case("2 photos", "ImageNet mean and std against 0..1", "image-normalisation")
def image_imagenet():
    mean, std = IMAGENET
    return f32((SMALL / 255 - mean) / std), f32(SMALL / 255)


@case(
    "2 photos",
    "Caffe: BGR minus means, against RGB in -1..1",
    "channel-order+image-normalisation|image-normalisation",
)
def image_caffe():
    return f32(SMALL[..., ::-1] - np.array([103.939, 116.779, 123.68])), f32(SMALL / 127.5 - 1)


@case("2 photos", "BGR and 0..255 against RGB and 0..1", "channel-order+value-range")
def image_bgr_range():
    return f32(SMALL[..., ::-1]), f32(SMALL / 255)


@case("2 photos", "NCHW against NHWC", "layout")
def image_layout():
    return f32(SMALL).transpose(0, 3, 1, 2), f32(SMALL)


@case("2 photos", "NCHW and ImageNet against NHWC and 0..255", "layout+image-normalisation")
def image_layout_imagenet():
    mean, std = IMAGENET
    return f32((SMALL / 255 - mean) / std).transpose(0, 3, 1, 2), f32(SMALL)


def _resized(one, other, factor=1.0, images=PHOTOS):
    return f32(each(one, images) * factor), f32(each(other, images) * factor)


@case("2 photos", "bilinear (Pillow, antialiased) against nearest (Pillow)", "resize-method")
def image_nearest():
    one = lambda x: pillow(x, (224, 224), Image.Resampling.BILINEAR)
    return *_resized(one, lambda x: pillow(x, (224, 224), Image.Resampling.NEAREST)), WHOLE


@case("2 photos", "Pillow bilinear against cv2 INTER_LINEAR: antialiasing", "antialias")
def image_antialias():
    one = lambda x: pillow(x, (224, 224), Image.Resampling.BILINEAR)
    return *_resized(one, lambda x: cv2.resize(x, (224, 224), interpolation=cv2.INTER_LINEAR)), WHOLE


@case("2 photos", "cv2 INTER_AREA against INTER_LINEAR", "resize-method")
def image_area():
    one = lambda x: cv2.resize(x, (160, 128), interpolation=cv2.INTER_AREA)
    return *_resized(one, lambda x: cv2.resize(x, (160, 128), interpolation=cv2.INTER_LINEAR)), WHOLE


@case("2 photos", "Pillow bicubic against Pillow lanczos, from PNG", "resize-method")
def image_bicubic():
    one = lambda x: pillow(x, (192, 256), Image.Resampling.BICUBIC)
    other = lambda x: pillow(x, (192, 256), Image.Resampling.LANCZOS)
    return *_resized(one, other, factor=1 / 255), strings([png(image) for image in PHOTOS])


@case("2 photos", "Pillow bicubic against cv2 INTER_CUBIC, enlarged", "resize-method")
def image_cubic():
    one = lambda x: pillow(x, (300, 300), Image.Resampling.BICUBIC)
    other = lambda x: cv2.resize(x, (300, 300), interpolation=cv2.INTER_CUBIC)
    return *_resized(one, other, images=list(SMALL)), SMALL


@case("2 photos", "nearest and 0..255 against bilinear and 0..1", "resize-method+value-range")
def image_resize_range():
    one = each(lambda x: pillow(x, (224, 224), Image.Resampling.NEAREST))
    other = each(lambda x: pillow(x, (224, 224), Image.Resampling.BILINEAR))
    return f32(one), f32(other / 255), WHOLE


@case("2 photos", "largest centre crop, resized, against all of it stretched", "crop")
def image_crop_stretch():
    crop = lambda x: pillow(np.ascontiguousarray(x[:, 106:533]), (224, 224), Image.Resampling.BILINEAR)
    return *_resized(crop, lambda x: pillow(x, (224, 224), Image.Resampling.BILINEAR)), WHOLE


@case("2 photos", "centre crop against top-left crop", "crop")
def image_crop_corner():
    return WHOLE[:, 101:325, 208:432], WHOLE[:, :224, :224], WHOLE


@case("2 photos", "letterbox against stretched", "crop")
def image_letterbox():
    def letterbox(image):
        out = np.zeros((256, 256, 3), np.uint8)
        out[42:213] = pillow(image, (171, 256), Image.Resampling.BILINEAR)
        return out

    return *_resized(letterbox, lambda x: pillow(x, (256, 256), Image.Resampling.BILINEAR)), WHOLE


@case("2 photos", "crop two rows and one column off", "crop")
def image_crop_off():
    return f32(WHOLE[:, 102:230, 60:188] / 255), f32(WHOLE[:, 100:228, 61:189] / 255)


@case("2 photos", "grey by BT.601 (cv2) against the mean of channels", "grey-weights")
def image_grey():
    one = each(lambda x: cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), list(SMALL))
    return f32(one), f32(np.round(SMALL.mean(axis=-1))), SMALL


@case("2 photos", "sRGB against linear light", "gamma")
def image_gamma():
    x = SMALL / 255
    linear = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return f32(x), f32(linear)


@case("2 photos", "height and width exchanged", "transposed-image")
def image_transposed():
    square = SMALL[:, :96, :96]
    return f32(square), f32(square.transpose(0, 2, 1, 3))


@case("2 photos", "mirrored", "mirrored-image")
def image_mirrored():
    return f32(SMALL), f32(SMALL[:, :, ::-1])


@case("2 photos", "scaled back to 8 bits with truncation against rounding", "rounding")
def image_truncated():
    x = SMALL / 255 * 219 + 16
    return f32(x), x.astype(np.uint8)


@case("2 photos", "another photo altogether", None)
def other_photo():
    return f32(SMALL), f32(WHOLE[::-1, 100:196, 200:328])


@case("2 photos", "JPEG decoded with another DCT (draft quality)", None)
def other_jpeg():
    out = []
    for image in SMALL:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=90)
        out.append(np.asarray(Image.open(buffer).convert("RGB")))
    noise = np.random.default_rng(0).integers(-2, 3, SMALL.shape) * (
        np.random.default_rng(1).random(SMALL.shape) < 0.02
    )
    return np.stack(out), np.clip(np.stack(out).astype(int) + noise, 0, 255).astype(np.uint8)


@case("2 photos", "clean: PNG through Pillow and through cv2", None)
def clean_png():
    encoded = [png(image) for image in SMALL]
    serve = [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for one in encoded]
    return SMALL, np.stack(serve), strings(encoded)


@case("2 photos", "clean: resized whole against one by one", None)
def clean_resize():
    one = lambda x: pillow(x, (224, 224), Image.Resampling.BILINEAR)
    return *_resized(one, one), WHOLE


@case("2 photos", "clean: ImageNet normalisation in float32 against float64", None)
def clean_imagenet():
    mean, std = IMAGENET
    return (SMALL / 255 - mean) / std, (f32(SMALL) / f32(255) - f32(mean)) / f32(std)


@case("2 photos", "clean: float against uint8 of the same levels", None)
def clean_uint8():
    return f32(SMALL), SMALL


@case("a photo", "clean: scikit-image in two data layouts", None)
def clean_order():
    image = photographs.astronaut()
    one = transform.resize(image, (128, 128), anti_aliasing=True)
    return f32(one), f32(transform.resize(np.asfortranarray(image), (128, 128), anti_aliasing=True)), image
