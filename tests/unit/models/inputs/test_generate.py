from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from savedmodel_matrix.domain.errors import InputsError
from savedmodel_matrix.domain.input_sources import GenerateSpec
from savedmodel_matrix.models.inputs.generate import generate
from savedmodel_matrix.models.savedmodel.reader import Kind, Signature, TensorSpec


def signature(**inputs: TensorSpec) -> Signature:
    return Signature("predict", inputs, {})


def one(declared: TensorSpec, **spec: object):
    """The first batch of an input ``x``, by component."""
    values = next(generate(signature(x=declared), GenerateSpec(**spec)))
    return {value.component: value.array for value in values}


def dense(dtype: str, *shape: int, **spec: object):
    return one(TensorSpec(dtype, shape), **spec)[None]


def test_sizes():
    made = {
        value.name: value.array.shape
        for value in next(
            generate(
                signature(
                    fixed=TensorSpec("float32", (2, 3)),
                    batched=TensorSpec("float32", (None, 3)),
                    long=TensorSpec("float32", (None, None, 1)),
                    named=TensorSpec("float32", (None, 5, None)),
                    inner=TensorSpec("float32", (4, None)),
                    scalar=TensorSpec("float32", ()),
                    lying=TensorSpec("float32", ()),
                    unknown=TensorSpec("float32", None),
                ),
                GenerateSpec(
                    batch=8, length=16, dims={"named": [2, 7]}, shapes={"lying": [3, 1], "unknown": [2, 2]}
                ),
            )
        )
    }
    assert made == {
        "fixed": (2, 3),
        "batched": (8, 3),
        "long": (8, 16, 1),
        "named": (2, 5, 7),
        "inner": (4, 16),
        "scalar": (),
        "lying": (3, 1),
        "unknown": (2, 2),
    }


def test_same_seed_same_bits_other_seed_other_bits():
    first, again, other = (dense("float32", 100, seed=seed) for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes() != other.tobytes()


def test_batches_differ():
    first, second = generate(signature(x=TensorSpec("float32", (5,))), GenerateSpec(count=2))
    assert first[0].array.tolist() != second[0].array.tolist()


def test_values_do_not_depend_on_the_other_inputs():
    x, y = TensorSpec("float32", (5,)), TensorSpec("float32", (5,))
    alone = next(generate(signature(x=x), GenerateSpec()))
    beside = next(generate(signature(a=y, x=x), GenerateSpec()))
    assert alone[0].array.tolist() == beside[1].array.tolist() != beside[0].array.tolist()


def test_no_inputs_make_an_empty_batch():
    assert list(generate(signature(), GenerateSpec())) == [[]]


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("uint8", 0, 255),
        ("int8", 0, 9),
        ("int64", 0, 9),
        ("uint64", 0, 9),
        ("bool", 0, 1),
        ("int4", 0, 7),
        ("qint8", 0, 9),
    ],
)
def test_default_integers(dtype, low, high):
    made = dense(dtype, 5000).astype(np.int64)
    assert (made.min(), made.max()) == (low, high)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
def test_default_floats(dtype):
    made = dense(dtype, 20_000)
    assert made.dtype.name == dtype
    assert abs(made.astype(np.float64).mean()) < 0.05
    assert abs(made.astype(np.float64).std() - 1) < 0.05


@pytest.mark.parametrize(("dtype", "size"), [("complex64", 8), ("complex128", 16)])
def test_complex(dtype, size):
    made = dense(dtype, 10_000)
    assert made.itemsize == size
    assert abs(made.real.std() - 1) < 0.05
    assert abs(np.corrcoef(made.real, made.imag)[0, 1]) < 0.05


def test_default_strings_are_bytes():
    made = dense("string", 2, 3)
    assert made.shape == (2, 3)
    assert all(type(word) is bytes and word.isalpha() for word in made.flat)


def test_ranges():
    assert set(dense("int32", 500, ranges={"x": [-1, 1]}).tolist()) == {-1, 0, 1}
    made = dense("float32", 500, ranges={"x": [0, 0.5]})
    assert 0 <= made.min() < made.max() <= 0.5
    assert dense("bool", 50, ranges={"x": [1, 1]}).all()


@given(bounds=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)))
@settings(deadline=None)
def test_any_range_of_uint64(bounds):
    low, high = sorted(bounds)
    made = [int(each) for each in dense("uint64", 20, ranges={"x": [low, high]})]
    assert low <= min(made) <= max(made) <= high


@pytest.mark.parametrize(
    ("dtype", "words"),
    [("string", ["a", "é"]), ("int64", [3, 5]), ("float32", [0, 0.5]), ("bool", [True]), ("uint8", [255])],
)
def test_vocabulary(dtype, words):
    made = set(dense(dtype, 200, vocabulary={"x": words}).tolist())
    assert made == {word.encode() if isinstance(word, str) else word for word in words}


@pytest.mark.parametrize("shape", [(None, 50), (6, 1), (3, 2, 2), (9,)])
def test_sparse(shape):
    parts = one(TensorSpec("float32", shape, Kind.SPARSE), batch=8)
    full = [8 if size is None else size for size in shape]
    indices = parts["indices"]
    assert parts["dense_shape"].tolist() == full
    assert (indices.dtype, parts["dense_shape"].dtype, parts["values"].dtype) == (
        np.int64,
        np.int64,
        np.float32,
    )
    assert indices.shape == (len(parts["values"]), len(full))
    assert 0 < len(indices) <= 4 * full[0]
    assert (indices >= 0).all()
    assert (indices < full).all()
    assert indices.tolist() == sorted(indices.tolist())
    assert len(np.unique(indices, axis=0)) == len(indices)


def test_sparse_without_a_cell():
    parts = one(TensorSpec("float32", (0, 5), Kind.SPARSE))
    assert (parts["indices"].shape, parts["values"].shape) == ((0, 2), (0,))


def test_ragged():
    declared = TensorSpec(
        "int64", (None, None, None, 5), Kind.RAGGED, ragged_rank=2, row_splits_dtype="int32"
    )
    parts = one(declared, batch=8)  # ragged dimensions need no size
    outer, inner = parts["row_splits_0"], parts["row_splits_1"]
    assert outer.dtype == inner.dtype == np.int32
    assert (len(outer), len(inner)) == (9, outer[-1] + 1)
    assert parts["flat_values"].shape == (inner[-1], 5)
    assert outer[0] == inner[0] == 0
    assert all(0 <= length <= 4 for length in [*np.diff(outer), *np.diff(inner)])


@pytest.mark.parametrize(
    ("declared", "spec", "text"),
    [
        (
            ("float32", (None, None, 3)),
            {},
            r"'x' is float32\[\?,\?,3\]; .*dims = \{ x = \[\.\.\., \.\.\.\] \}.*length = N",
        ),
        (("float32", None), {}, r"'x' is float32\[any rank\]; .*shapes = \{ x = \[\.\.\.\] \}"),
        (
            ("float32", (None, 3)),
            {"dims": {"x": [1, 2]}},
            r"float32\[\?,3\]: 1 unknown dimensions, but 2 sizes",
        ),
        (("float32", ()), {"ranges": {"y": [0, 1]}}, r"generate\.ranges: no input 'y'.*there are 'x'"),
        (("float32", ()), {"shapes": {"xx": [1]}}, r"generate\.shapes: no input 'xx' \(did you mean 'x'\?\)"),
        (("float32", ()), {"ranges": {"x": [1, 0]}}, "1.* is more than 0"),
        (("int8", ()), {"ranges": {"x": [0, 128]}}, "0 .. 128 does not fit input 'x': int8 .* -128 to 127"),
        (("int8", ()), {"ranges": {"x": [0, 0.5]}}, "does not fit"),
        (("int8", ()), {"vocabulary": {"x": [300]}}, "300 .* does not fit"),
        (("int8", ()), {"vocabulary": {"x": ["a"]}}, "is int8: 'a'"),
        (("int8", ()), {"vocabulary": {"x": [True]}}, "is int8: True"),
        (("bool", ()), {"vocabulary": {"x": [1]}}, "is bool: 1"),
        (("string", ()), {"vocabulary": {"x": [1]}}, "holds strings"),
        (("string", ()), {"ranges": {"x": [0, 1]}}, "set a vocabulary instead"),
        (("int8", ()), {"ranges": {"x": [0, 1]}, "vocabulary": {"x": [1]}}, "in both ranges and vocabulary"),
        (("float32", (None,)), {"dims": {"x": [1]}, "shapes": {"x": [1]}}, "in both dims and shapes"),
        (("float32", (None,)), {"batch": 1 << 40}, "would have shape"),
        (("float32", ()), {"shapes": {"x": [0, 1 << 62]}}, "would have shape"),
        (("resource", ()), {}, "resource are not supported"),
        (("float32", None, Kind.OTHER), {"shapes": {"x": []}}, r"\(other\), which cannot be generated"),
        (("float32", (), Kind.SPARSE), {}, "cannot be sparse"),
        (("float32", (1 << 40, 1 << 40), Kind.SPARSE), {}, "cannot be sparse"),
        (("float32", (3,), Kind.RAGGED, False, 1), {}, "more than 1 dimensions"),
    ],
)
def test_refused(declared, spec, text):
    with pytest.raises(InputsError, match=text):
        one(TensorSpec(*declared), **spec)


def test_names_are_quoted_as_toml_wants_them():
    with pytest.raises(InputsError, match=r'shapes = \{ "a b" = '):
        next(generate(signature(**{"a b": TensorSpec("float32", None)}), GenerateSpec()))


def test_mistakes_show_before_anything_is_made():
    spec = GenerateSpec()
    made = generate(signature(a=TensorSpec("float32", (2,)), x=TensorSpec("float32", (None, None))), spec)
    with pytest.raises(InputsError, match="'x'"):
        next(made)
