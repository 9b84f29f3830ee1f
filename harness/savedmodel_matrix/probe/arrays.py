"""Arrays on disk: canonical ``.npy`` bytes, addressed by the SHA-256 of the file.

NumPy's own writer pads its header differently from release to release, so the same array saved by
two NumPy versions gives two different files. Here the header is always written in the same way: equal
content gives equal bytes in every environment, and testing for "identical" means comparing names.

An *array entry* describes one array in a request, a result or a recording::

    {"dtype": "float32",          TensorFlow's name of the element type
     "shape": [2, 3],
     "objects": ["<sha256>"],     one file; for strings two: the joined bytes and their offsets
     "nbytes": 24}                payload bytes, headers not counted

Element types that NumPy has no name for (bfloat16, the float8 and quantized families) are stored as
unsigned or signed integers of their width. Strings are never pickled: element ``i`` (in C order)
is ``data[offsets[i]:offsets[i + 1]]``.

Runs on Python 3.6 to 3.13 with any NumPy; imports nothing else.
"""

import contextlib
import hashlib
import os

import numpy as np

from .unfinished import whole

STRING = "string"

#: TensorFlow's element types that are stored as another NumPy type of the same width.
STORED_AS = {
    "bfloat16": "<u2",
    "float8_e5m2": "|u1",
    "float8_e4m3fn": "|u1",
    "float8_e4m3fnuz": "|u1",
    "float8_e4m3b11fnuz": "|u1",
    "float8_e5m2fnuz": "|u1",
    "int4": "|i1",
    "uint4": "|u1",
    "int2": "|i1",
    "uint2": "|u1",
    "qint8": "|i1",
    "quint8": "|u1",
    "qint16": "<i2",
    "quint16": "<u2",
    "qint32": "<i4",
}

_NATIVE = {
    "bool": "|b1",
    "int8": "|i1",
    "uint8": "|u1",
    "int16": "<i2",
    "uint16": "<u2",
    "int32": "<i4",
    "uint32": "<u4",
    "int64": "<i8",
    "uint64": "<u8",
    "float16": "<f2",
    "half": "<f2",
    "float32": "<f4",
    "float64": "<f8",
    "double": "<f8",
    "complex64": "<c8",
    "complex128": "<c16",
}

_BLOCK = 1 << 24  # bytes hashed and written at a time, so that a large output needs no second copy


def stored_dtype(dtype):
    """Return the NumPy type string that elements of TensorFlow type ``dtype`` are stored as.

    Raises ``ValueError`` for a type that cannot be recorded (``resource``, ``variant``).
    """
    stored = STORED_AS.get(dtype) or _NATIVE.get(dtype)
    if stored is None:
        raise ValueError("a tensor of type {!r} cannot be recorded".format(dtype))
    return stored


def object_path(objects, digest):
    """Return the path of the object named ``digest`` in the folder ``objects``."""
    return os.path.join(objects, digest[:2], digest + ".npy")


def _header(descr, shape):
    # The .npy format, version 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    shown = "({},)".format(shape[0]) if len(shape) == 1 else "({})".format(", ".join(map(str, shape)))
    text = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}".format(descr, shown)
    padding = -(10 + len(text) + 1) % 64
    body = (text + " " * padding + "\n").encode("latin1")
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


def _write_object(objects, array):
    """Write ``array`` (C order, little-endian) once, and return the digest that names it."""
    # A 0-d or empty array has no buffer that reshape(-1).view() accepts everywhere; tobytes() does.
    payload = memoryview(array.reshape(-1).view(np.uint8)) if array.size else b""
    header = _header(array.dtype.str, array.shape)
    hasher = hashlib.sha256(header)
    for start in range(0, len(payload), _BLOCK):
        hasher.update(payload[start : start + _BLOCK])
    digest = hasher.hexdigest()
    path = object_path(objects, digest)
    if _holds(path, header, payload):
        return digest
    with _stated():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with whole(path) as half_written, open(half_written, "wb") as out:
            out.write(header)
            for start in range(0, len(payload), _BLOCK):
                out.write(payload[start : start + _BLOCK])
    return digest


def _holds(path, header, payload):
    """Whether the file is there with these very bytes; one that was damaged since is written again."""
    try:
        with open(path, "rb") as found:
            if os.fstat(found.fileno()).st_size != len(header) + len(payload):
                return False
            if found.read(len(header)) != header:
                return False
            for start in range(0, len(payload), _BLOCK):
                block = payload[start : start + _BLOCK]
                if found.read(len(block)) != block:
                    return False
    except OSError:
        return False
    return True


class UnavailableError(OSError):
    """An object that is missing, or that cannot be read or written: nothing is wrong with what needs it."""


@contextlib.contextmanager
def _stated():
    try:
        yield
    except OSError as error:
        raise UnavailableError(error.errno, error.strerror, error.filename) from error


class DamagedError(ValueError):
    """An object whose bytes are not those that its name says. ``digest`` is the name."""

    def __init__(self, digest):
        super().__init__(
            "the stored array {} is damaged: its bytes are not what its name says".format(digest)
        )
        self.digest = digest


#: Paths of objects that this process has hashed already.
_VERIFIED = set()


def verify(objects, digest):
    """Hash the object ``digest``, once in this process.

    Raises ``UnavailableError`` where it is missing and ``DamagedError`` where its bytes are not what its
    name says.
    """
    path = object_path(objects, digest)
    if path in _VERIFIED:
        return
    hasher = hashlib.sha256()
    with _stated(), open(path, "rb") as found:
        block = found.read(_BLOCK)
        while block:
            hasher.update(block)
            block = found.read(_BLOCK)
    if hasher.hexdigest() != digest:
        raise DamagedError(digest)
    _VERIFIED.add(path)


def write_array(objects, value, dtype):
    """Store ``value`` in the folder ``objects`` and return its array entry.

    ``value`` is a NumPy array (any layout, byte order or shape, 0-d included); for ``dtype``
    ``"string"`` an array of ``bytes`` objects; for a type in ``STORED_AS`` an array whose elements
    have that width. Raises ``ValueError`` for a type that cannot be recorded.
    """
    value = np.asarray(value)
    shape = list(value.shape)
    if dtype == STRING:
        items = [_as_bytes(item) for item in value.reshape(-1).tolist()]
        offsets = np.zeros(len(items) + 1, dtype="<i8")
        np.cumsum([len(item) for item in items], out=offsets[1:])
        data = np.frombuffer(b"".join(items), dtype="|u1")
        digests = [_write_object(objects, data), _write_object(objects, offsets)]
        return {"dtype": STRING, "shape": shape, "objects": digests, "nbytes": int(data.nbytes)}
    stored = np.dtype(stored_dtype(dtype))
    if dtype in STORED_AS and value.dtype != stored:
        value = np.ascontiguousarray(value).view(stored).reshape(shape)
    contiguous = np.ascontiguousarray(value, dtype=stored).reshape(shape)
    digest = _write_object(objects, contiguous)
    return {
        "dtype": dtype,
        "shape": shape,
        "objects": [digest],
        "nbytes": int(contiguous.nbytes),
    }


def _as_bytes(item):
    return item.encode("utf-8") if isinstance(item, str) else bytes(item)


def read_array(objects, entry, mmap=False):
    """Return the array that an entry names: in its stored type, or as ``bytes`` objects for strings.

    ``mmap`` maps numeric arrays instead of reading them. Raises ``UnavailableError`` where an object is
    missing, ``DamagedError`` where its bytes are not what its name says, and ``ValueError`` where it is not
    what the entry says.
    """
    for digest in entry["objects"]:
        verify(objects, digest)
    mode = "r" if mmap else None
    loaded = [
        np.load(object_path(objects, digest), mmap_mode=mode, allow_pickle=False)
        for digest in entry["objects"]
    ]
    if entry["dtype"] != STRING:
        if list(loaded[0].shape) != list(entry["shape"]):
            raise ValueError("object {} does not have the shape of its entry".format(entry["objects"][0]))
        return loaded[0]
    data, offsets = loaded[0].tobytes(), loaded[1].tolist()
    items = np.empty(len(offsets) - 1, dtype=object)
    for i in range(len(items)):
        items[i] = data[offsets[i] : offsets[i + 1]]
    return items.reshape(entry["shape"])
