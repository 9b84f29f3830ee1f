"""Small pictures and sounds in the formats that graphs decode, made with integer arithmetic only.

The bytes depend on nothing but the seed: image libraries compress differently in each release, so a picture
from one of them would not be the same input on every machine.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from savedmodel_matrix.models.savedmodel.wants import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from savedmodel_matrix.models.inputs.stream import Stream

SIDE = 32
"""Height and width in pixels."""
_BLOCK = 8
_QUANTISED = 8
_FRAMES = 16000
_RATE = 16000

#: JPEG's markers (ITU-T T.81, table B.1).
_START, _END, _FRAME, _HUFFMAN, _TABLE, _SCAN = 0xFFD8, 0xFFD9, 0xFFC0, 0xFFC4, 0xFFDB, 0xFFDA
#: Two Huffman tables of our own, with codes of one length each: the categories of the mean's difference (0 to
#: 11), and, for the other coefficients, the end of a block and the categories 1 to 6 without zeros before.
_DC_BITS, _DC_SYMBOLS = 4, tuple(range(12))
_AC_BITS, _AC_SYMBOLS = 3, (0, 1, 2, 3, 4, 5, 6)


def png(stream: Stream, channels: int) -> bytes:
    """Return a PNG of random pixels, uncompressed inside. ``channels`` are 1 to 4; 0 means 3."""
    channels = channels or 3
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    pixels = bytes(stream.integers(SIDE * SIDE * channels, 0, 255).astype("u1"))
    size = SIDE * channels
    rows = b"".join(b"\0" + pixels[at : at + size] for at in range(0, len(pixels), size))
    stored = struct.pack("<BHH", 1, len(rows), len(rows) ^ 0xFFFF) + rows
    data = b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(rows))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def bmp(stream: Stream, channels: int) -> bytes:
    """Return an uncompressed BMP of random pixels. ``channels`` are 3 or 4; another number means 3."""
    channels = channels if channels in {3, 4} else 3
    pixels = bytes(stream.integers(SIDE * SIDE * channels, 0, 255).astype("u1"))
    header = struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, 8 * channels, 0, len(pixels), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + header + pixels


def wav(stream: Stream, channels: int) -> bytes:
    """Return a second of 16-bit sound; ``channels`` of 0 means 1."""
    channels = channels if channels > 0 else 1
    data = stream.integers(_FRAMES * channels, -8000, 8000).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, channels, _RATE, _RATE * 2 * channels, 2 * channels, 16)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def jpeg(stream: Stream, channels: int) -> bytes:
    """Return a baseline JPEG (ITU-T T.81): a random mean and five waves in each block of 8 x 8.

    ``channels`` of 1 means grey; any other number means colour.
    """
    components = 1 if channels == 1 else 3
    blocks = (SIDE // _BLOCK) ** 2 * components
    drawn = stream.integers(6 * blocks, -31, 31).tolist()
    bits = "".join(_block_bits(drawn, components))
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = struct.pack(">BHHB", 8, SIDE, SIDE, components)
    frame += b"".join(bytes([number, 0x11, 0]) for number in range(1, components + 1))
    scan = bytes([components])
    scan += b"".join(bytes([number, 0]) for number in range(1, components + 1)) + bytes([0, 63, 0])
    return b"".join(
        (
            struct.pack(">H", _START),
            _segment(_TABLE, bytes([0]) + bytes([_QUANTISED]) * 64),
            _segment(_FRAME, frame),
            _segment(_HUFFMAN, _huffman(0x00, _DC_BITS, _DC_SYMBOLS)),
            _segment(_HUFFMAN, _huffman(0x10, _AC_BITS, _AC_SYMBOLS)),
            _segment(_SCAN, scan),
            data,
            struct.pack(">H", _END),
        )
    )


def _block_bits(drawn: list[int], components: int) -> Iterator[str]:
    """Yield the code of each number: the means as differences from the block before of a component."""
    means = [0] * components
    for at in range(0, len(drawn), 6):
        component = at // 6 % components
        mean = drawn[at] * 2  # up to half of the range from black to white: 62 * 8 / 8
        yield _coded(mean - means[component], _DC_BITS, _DC_SYMBOLS)
        means[component] = mean
        # A zero is no category of its own here, so every wave has some height.
        yield from (_coded(each // 4 or 1, _AC_BITS, _AC_SYMBOLS) for each in drawn[at + 1 : at + 6])
        yield _code(0, _AC_BITS, _AC_SYMBOLS)


def _coded(value: int, bits: int, symbols: tuple[int, ...]) -> str:
    """Return a number as the code of its category, and its bits (T.81, F.1.2.1)."""
    category = abs(value).bit_length()
    low = value if value > 0 else value + (1 << category) - 1
    return _code(category, bits, symbols) + (f"{low:0{category}b}" if category else "")


def _code(symbol: int, bits: int, symbols: tuple[int, ...]) -> str:
    return f"{symbols.index(symbol):0{bits}b}"


def _huffman(identity: int, bits: int, symbols: tuple[int, ...]) -> bytes:
    counts = bytes(len(symbols) if length == bits else 0 for length in range(1, 17))
    return bytes([identity]) + counts + bytes(symbols)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">HH", marker, len(content) + 2) + content


MAKERS: dict[Form, Callable[[Stream, int], bytes]] = {
    Form.JPEG: jpeg,
    Form.PNG: png,
    Form.BMP: bmp,
    Form.WAV: wav,
}
