from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import hypothesis.extra.numpy as hnp
import ml_dtypes
import numpy as np
import plain_metrics as plain
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from savedmodel_matrix.domain.divergence import EXACT, MinTolerance, Tolerance
from savedmodel_matrix.probe.arrays import stored_dtype
from savedmodel_matrix.verdicts.compare.metrics import cache_key, compare_arrays, compare_cached

FLOATS = ["float16", "bfloat16", "float32", "float64"]
LOOSE = Tolerance(rtol=0.5, atol=1.0)
SYMMETRIC = [
    *("elements", "different", "max_abs", "rms", "cosine", "scaled_ulp", "nan_mismatches", "inf_mismatches"),
    *("worst", "decision_changed", "top1_agreement", "top5_agreement"),
]
#: Moduli of complex128 beyond float64 have a test of their own.
BOUNDED = {"complex128": st.complex_numbers(max_magnitude=1e150) | st.just(complex(math.nan, math.inf))}


@st.composite
def pairs(draw, dtypes=(*FLOATS, "complex64", "complex128", *plain.FLOAT8), shapes=None):
    """Draw an element type and two stored arrays of one shape, equal in some elements."""
    dtype = draw(st.sampled_from(dtypes))
    shape = draw(shapes or hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    stored = np.dtype(stored_dtype(dtype)).name
    a, other = (draw(hnp.arrays(stored, shape, elements=BOUNDED.get(dtype))) for _ in range(2))
    return dtype, a, np.where(draw(hnp.arrays(bool, shape)), other, a).astype(stored)


tolerances = st.builds(Tolerance, *(st.floats(0, 10) | st.sampled_from([0.0, 1e-3]) for _ in range(2)))


def measured(dtype, a, b, tolerance=EXACT, **options):
    memory = plain.Memory()
    return compare_arrays(memory.entry(a, dtype), memory.entry(b, dtype), memory.read, tolerance, **options)


def floats(values, dtype="float32"):
    return np.array(values, dtype=dtype)


@settings(deadline=None)
@given(pairs(), tolerances)
def test_passes_what_the_elementwise_criterion_passes(pair, tolerance):
    dtype, a, b = pair
    up_a, up_b = plain.as_floats(a, dtype), plain.as_floats(b, dtype)
    failing = ~plain.passes(up_a, up_b, tolerance)
    found = measured(dtype, a, b, tolerance)
    assert found.beyond == np.count_nonzero(failing)
    assert (found.excess > 0) == bool(failing.any())


@settings(deadline=None)
@given(pairs())
def test_counts_bits(pair):
    dtype, a, b = pair
    width = a.dtype.itemsize
    rows = (np.frombuffer(array.tobytes(), dtype=np.uint8).reshape(-1, width) for array in (a, b))
    found = measured(dtype, a, b)
    assert found.different == np.count_nonzero((next(rows) != next(rows)).any(axis=1))
    assert found.elements == a.size


@settings(deadline=None)
@given(pairs())
def test_counts_nan_and_inf_mismatches(pair):
    dtype, a, b = pair
    up_a, up_b = plain.as_floats(a, dtype), plain.as_floats(b, dtype)
    one_nan = np.isnan(up_a) ^ np.isnan(up_b)
    neither_nan = ~np.isnan(up_a) & ~np.isnan(up_b)
    found = measured(dtype, a, b)
    assert found.nan_mismatches == np.count_nonzero(one_nan)
    one_inf = neither_nan & (np.isinf(up_a) | np.isinf(up_b)) & (up_a != up_b)
    assert found.inf_mismatches == np.count_nonzero(one_inf)


@settings(deadline=None)
@given(pairs())
def test_largest_gaps(pair):
    dtype, a, b = pair
    up_a, up_b = plain.as_floats(a, dtype).reshape(-1), plain.as_floats(b, dtype).reshape(-1)
    finite = np.isfinite(up_a) & np.isfinite(up_b)
    with np.errstate(over="ignore", invalid="ignore"):
        gaps = np.where(finite, np.abs(up_a - up_b), 0.0)
        reference = finite & (up_b != 0)
        relative = gaps[reference] / np.abs(up_b[reference])
    found = measured(dtype, a, b)
    assert found.max_abs == gaps.max(initial=0.0)
    assert found.max_rel == relative.max(initial=0.0)
    if found.worst is not None and not found.nan_mismatches and not found.inf_mismatches:
        assert gaps.reshape(a.shape)[found.worst] == found.max_abs > 0


@settings(deadline=None)
@given(pairs(dtypes=FLOATS))
@example(("float64", floats([1e300, 1.0], "float64"), floats([-1e300, 1e-300], "float64")))
@example(("float64", floats([1e308, 0], "float64"), floats([-1e308, 5e-324], "float64")))
@example(("float64", floats([5e-324, 0, 0], "float64"), floats([1.5e-323, 0, 0], "float64")))
@example(("float32", floats([3.4e38, 1e-45]), floats([-3.4e38, 0.0])))
@example(("float64", floats([1e300, 5e-324], "float64"), floats([1e300, 0.0], "float64")))
@example(("float64", floats([1e-200, 1e-200], "float64"), floats([1e-200, -2e-200], "float64")))
@example(("float64", floats([1e200, 1e-200], "float64"), floats([1e-200, 1e-210], "float64")))
def test_norms_at_any_exponent(pair):
    dtype, a, b = pair
    up_a, up_b = plain.as_floats(a, dtype).reshape(-1), plain.as_floats(b, dtype).reshape(-1)
    finite = np.isfinite(up_a) & np.isfinite(up_b)
    exact_a, exact_b = ([Fraction(x) for x in array[finite].tolist()] for array in (up_a, up_b))
    gap = plain.norm([x - y for x, y in zip(exact_a, exact_b, strict=True)])
    reference = plain.norm(exact_b)
    measures = measured(dtype, a, b)
    cosine = plain.cosine(exact_a, exact_b)
    assert measures.cosine == (cosine if cosine is None else pytest.approx(cosine, rel=1e-9, abs=1e-12))
    assert_fraction(measures.rms, gap / Fraction(math.sqrt(len(exact_a) or 1)))
    if not gap:
        assert (measures.rel_l2, measures.snr_db) == (0, None)
    elif not reference:
        assert (measures.rel_l2, measures.snr_db) == (None, None)
    else:
        assert_fraction(measures.rel_l2, gap / reference)
        ratio = reference / gap
        decibels = 20 * (math.log10(ratio.numerator) - math.log10(ratio.denominator))
        assert measures.snr_db == pytest.approx(decibels, rel=1e-9, abs=1e-9)


def assert_fraction(found, expected):
    if expected > Fraction(1.7e308):
        assert found > 1.69e308
    else:
        assert found == pytest.approx(float(expected), rel=1e-9, abs=1e-320)


@settings(deadline=None)
@given(pairs(dtypes=FLOATS))
@example(("float64", floats([5e-324, 0], "float64"), floats([1e-323, 0], "float64")))
@example(("float16", floats([6e-8], "float16"), floats([1.2e-7], "float16")))
def test_scaled_ulp(pair):
    dtype, a, b = pair
    up_a, up_b = plain.as_floats(a, dtype), plain.as_floats(b, dtype)
    found = measured(dtype, a, b)
    if math.isfinite(found.max_abs):
        assert found.scaled_ulp == pytest.approx(plain.scaled_ulp(up_a, up_b, dtype), rel=1e-12)


@settings(deadline=None)
@given(pairs())
def test_the_other_way_round(pair):
    dtype, a, b = pair
    one, other = measured(dtype, a, b), measured(dtype, b, a)
    for name in SYMMETRIC:
        assert getattr(one, name) == getattr(other, name), name


@settings(deadline=None)
@given(pairs())
def test_identical_iff_bit_equal(pair):
    dtype, a, b = pair
    assert (measured(dtype, a, b).different == 0) == (a.tobytes() == b.tobytes())


@settings(deadline=None)
@given(pairs())
def test_min_tolerance_passes_and_less_does_not(pair):
    dtype, a, b = pair
    divergence = measured(dtype, a, b)
    for name in ("atol", "rtol"):
        least = getattr(divergence.min_tolerance, name)
        if least is None:
            assert measured(dtype, a, b, Tolerance(**{name: 1e300})).beyond
            continue
        assert not measured(dtype, a, b, Tolerance(**{name: least})).beyond
        if least and dtype != "float64":  # a quotient or product that is subnormal hides the last steps
            # Some steps down, as rtol has been rounded up by one and its product with |b| is rounded again.
            less = max(0.0, least - 4 * math.ulp(least))
            assert measured(dtype, a, b, Tolerance(**{name: less})).beyond


@pytest.mark.parametrize("dtype", [*FLOATS, "complex64", "complex128", "int64"])
@pytest.mark.parametrize("width", [1, 7, 513, 1500, 6000])
def test_block_size_changes_no_number(dtype, width):
    rng = np.random.default_rng(width)
    native = {"bfloat16": ml_dtypes.bfloat16}.get(dtype, dtype)
    values = 100 * rng.standard_normal((6000 // width, width))
    a = values.astype(native)
    b = (values * (1 + 1e-2 * rng.standard_normal(values.shape) * (values > 20))).astype(native)
    if dtype != "int64":
        a.reshape(-1)[::1000], b.reshape(-1)[::2000] = math.nan, math.nan
        a.reshape(-1)[3::1700] = math.inf
    if dtype == "bfloat16":
        a, b = a.view("u2"), b.view("u2")
    found = [measured(dtype, a, b, LOOSE, block=block) for block in (512, 1024, 3584, 1 << 15)]
    assert all(other == found[0] for other in found)
    assert found[0].different > 100


def test_block_size_changes_no_number_where_squares_leave_the_range():
    rng = np.random.default_rng(3)
    a, b = 1e200 * rng.standard_normal((2, 60_000))
    b += a
    found = [measured("float64", a, b, block=block) for block in (512, 1024, 1 << 15)]
    assert all(other == found[0] for other in found)
    assert found[0].cosine == pytest.approx(0.5**0.5, rel=0.05)
    assert found[0].rms == pytest.approx(1e200, rel=0.05)


def test_nearly_equal_arrays_keep_what_their_cosine_is_short_of_one():
    b = np.ones(100_000)
    a = b.copy()
    a[0] += 1e-4  # 1 - cos is half of 1e-8 / 1e5
    found = measured("float64", a, b)
    assert 1 - found.cosine == pytest.approx(0.5e-13, rel=1e-2)
    assert found.snr_db == pytest.approx(20 * math.log10(100_000**0.5 / 1e-4))
    random = np.random.default_rng(0)
    b = random.standard_normal(100_000) + 3
    assert measured("float64", b * (1 + 1e-9 * random.standard_normal(b.size)), b).cosine == 1


@pytest.mark.parametrize(
    ("a", "b", "cosine"),
    [
        ([1.0, 0.0], [0.0, 1.0], 0.0),
        ([1.0, 2.0], [-2.0, -4.0], pytest.approx(-1.0)),
        ([0.0, 1.0], [1.0, 1e-18], pytest.approx(1e-18, rel=1e-12, abs=0)),
        ([1e9, 0.0, 1.0], [0.0, 1.0, 1e-9], pytest.approx(1e-18, rel=1e-6, abs=0)),
        ([3.0, math.nan, math.inf], [4.0, 5.0, 6.0], 1.0),  # of the first alone
        ([0.0, 0.0], [1.0, 0.0], None),
        ([1.0, 0.0], [0.0, 0.0], None),
        ([0.0, 0.0], [-0.0, 0.0], 1.0),
    ],
)
def test_cosines(a, b, cosine):
    assert measured("float64", floats(a, "float64"), floats(b, "float64")).cosine == cosine


def test_what_means_nothing_of_a_type_is_none():
    whole = measured("int32", np.array([[1, 2]]).astype("i4"), np.array([[4, 6]]).astype("i4"))
    assert (whole.rms, whole.cosine, whole.kl) == (12.5**0.5, None, None)
    assert whole.snr_db == pytest.approx(10 * math.log10(52 / 25))
    assert whole.top1_agreement is whole.top5_agreement is None
    found = measured("complex64", np.array([[3j, 1]], "c8"), np.array([[0, 1]], "c8"))
    assert (found.rms, found.cosine, found.top1_agreement) == (4.5**0.5, None, None)
    truth = measured("bool", np.array([[True, False]]), np.array([[True, True]]))
    assert truth.rms is truth.snr_db is truth.cosine is truth.top1_agreement is truth.kl is None


def test_min_rtol_passes_although_quotients_are_rounded():
    rng = np.random.default_rng(0)
    for a, b in rng.standard_normal((100, 2)):
        least = measured("float64", np.array([a]), np.array([b])).min_tolerance.rtol
        assert not measured("float64", np.array([a]), np.array([b]), Tolerance(rtol=least)).beyond


def test_a_later_block_with_a_larger_quotient_counts():
    b = np.ones(1024, "f4")
    a = b.copy()
    a[[0, 600]] += np.array([1e-3, 1.5e-3], "f4")
    assert measured("float32", a, b, block=512).max_rel == measured("float32", a, b).max_rel
    assert measured("float32", a, b, block=512).max_rel == pytest.approx(1.5e-3, rel=1e-4)


def test_blocks_that_are_equal_count_in_the_root_mean_square_of_either():
    a, b = np.full(1024, 5, "f4"), np.full(1024, 5, "f4")
    a[512:], b[512:] = 2.9, 0  # rms of a is 4.09, of b 3.5; without the first block 2.05 and 0
    unit = 2.0 ** (2 - 23)
    assert measured("float32", a, b, block=512).scaled_ulp == float(np.float32(2.9)) / unit


@pytest.mark.parametrize("dtype", FLOATS)
def test_one_ulp(dtype):
    native = {"bfloat16": ml_dtypes.bfloat16}.get(dtype, dtype)
    a = np.array([1.0, 1.5, 1.25], dtype=native)
    up = (a.view(f"u{a.itemsize}") + 1).astype(f"u{a.itemsize}")
    found = measured(dtype, a.view(up.dtype) if dtype == "bfloat16" else a, up.view(a.dtype))
    assert found.scaled_ulp == 1
    assert found.max_abs == 2.0 ** -plain.MANTISSA_BITS[dtype]


def test_near_zero_is_measured_against_the_tensor():
    a, b = floats([1.0, 1.0, 0.0]), floats([1.0, 1.0, 1e-8])
    assert measured("float32", a, b).scaled_ulp < 0.2


def test_signed_zeros_and_nan_payloads_are_equal_numbers_of_other_bits():
    a = floats([0.0, math.nan, 1.0])
    b = floats([-0.0, math.nan, 1.0])
    b.view("u4")[1] ^= 1
    found = measured("float32", a, b)
    assert (found.different, found.beyond, found.max_abs, found.worst) == (2, 0, 0.0, None)
    assert found.min_tolerance == MinTolerance(0.0, 0.0)


def test_nan_against_a_number_never_passes():
    a, b = floats([5.0, 1.0, 2.0]), floats([0.0, math.nan, 2.0])
    found = measured("float32", a, b, Tolerance(rtol=1e30, atol=1e30))
    assert (found.beyond, found.nan_mismatches, found.worst, found.excess) == (1, 1, (1,), math.inf)
    assert found.min_tolerance == MinTolerance(None, None)


def test_infinity_against_its_opposite_never_passes():
    a, b = floats([math.inf, math.inf, math.inf]), floats([math.inf, -math.inf, 1.0])
    found = measured("float32", a, b, Tolerance(rtol=1e30, atol=1e30))
    assert (found.beyond, found.inf_mismatches, found.worst) == (2, 2, (1,))


def test_a_zero_in_the_reference_leaves_no_rtol():
    found = measured("float32", floats([1.0, 2.0]), floats([0.0, 1.0]))
    assert found.min_tolerance.rtol is None
    assert (found.min_tolerance.atol, found.max_rel) == (1.0, 1.0)


def test_subnormals_are_told_apart():
    found = measured("float32", floats([1e-45]), floats([0.0]))
    assert found.max_abs == 2.0**-149
    assert found.scaled_ulp == 1


def test_complex_is_measured_by_the_modulus():
    found = measured("complex64", np.array([3 + 4j, 1], "c8"), np.array([0, 1], "c8"))
    assert (found.max_abs, found.rel_l2, found.worst) == (5.0, 5.0, (0,))


def test_complex_moduli_beyond_float64_do_not_pass_unseen():
    huge = 1.7e308 * (1 + 1j)
    found = measured("complex128", np.array([huge]), np.array([huge * 0.5]), Tolerance(rtol=0.1))
    assert found.beyond == 1


def test_float8_is_cast_up():
    stored = np.array([1.0, 448.0], dtype=ml_dtypes.float8_e4m3fn).view("u1")
    other = np.array([1.125, 448.0], dtype=ml_dtypes.float8_e4m3fn).view("u1")
    found = measured("float8_e4m3fn", stored, other)
    assert (found.max_abs, found.scaled_ulp, found.worst) == (0.125, 0.125 / 32, (0,))


@pytest.mark.parametrize(
    ("dtype", "a", "b", "gap"),
    [
        ("int64", [-(2**63), 7], [2**63 - 1, 7], 2.0**64),
        ("int64", [2**53 + 1, 0], [2**53, 0], 1.0),
        ("uint64", [0, 2**64 - 1], [2**64 - 1, 2**64 - 2], 2.0**64),
        ("int8", [-128], [127], 255.0),
        ("uint8", [0, 255], [1, 255], 1.0),
        ("qint8", [-128], [127], 255.0),
        ("quint16", [0], [65535], 65535.0),
    ],
)
def test_integers_do_not_wrap(dtype, a, b, gap):
    native = {"qint8": "int8", "quint16": "uint16"}.get(dtype, dtype)
    a, b = np.array(a, dtype=native), np.array(b, dtype=native)
    found = measured(dtype, a, b)
    assert found.max_abs == gap
    assert found.max_abs == measured(dtype, b, a).max_abs
    assert found.beyond == np.count_nonzero(a != b)
    assert found.decision_changed
    assert found.scaled_ulp is None


def test_narrow_integers_are_their_low_bits():
    found = measured("int4", np.array([0x0F], "i1"), np.array([1], "i1"))
    assert found.max_abs == 2.0  # -1 against 1


def test_an_atol_for_integers():
    a, b = np.array([10, 20]), np.array([11, 20])
    assert not measured("int64", a, b, Tolerance(atol=1)).beyond
    assert measured("int64", a, b, Tolerance(atol=0.5)).beyond


def test_booleans():
    found = measured("bool", np.array([[True, False]]), np.array([[True, True]]), Tolerance(atol=9))
    assert (found.different, found.beyond, found.worst) == (1, 1, (0, 1))
    assert found.decision_changed
    assert found.max_abs is None


def test_strings_are_compared_element_by_element():
    memory = plain.Memory()
    a = memory.strings([b"ab", b"", b"cd", b"x"], (2, 2))
    b = memory.strings([b"a", b"b", b"cd", b"y"], (2, 2))
    found = compare_arrays(a, b, memory.read, block=512)
    assert (found.elements, found.different, found.beyond, found.worst) == (4, 3, 3, (0, 0))
    assert found.decision_changed
    same_lengths = compare_arrays(a, memory.strings([b"ab", b"", b"cc", b"x"], (2, 2)), memory.read)
    assert (same_lengths.different, same_lengths.worst) == (1, (1, 0))


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=2), st.binary(max_size=2)), min_size=1, max_size=20))
def test_strings_differ_where_they_differ(items):
    memory = plain.Memory()
    a, b = (memory.strings(list(side), (len(items),)) for side in zip(*items, strict=True))
    found = compare_arrays(a, b, memory.read)
    assert found.different == sum(left != right for left, right in items)


def test_many_strings_span_blocks():
    items = [str(i).encode() for i in range(1500)]
    memory = plain.Memory()
    a, b = memory.strings(items, (1500,)), memory.strings([*items[:1400], b"!", *items[1401:]], (1500,))
    found = compare_arrays(a, b, memory.read, block=512)
    assert (found.different, found.worst) == (1, (1400,))


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 0)])
def test_scalars_and_empty_arrays(shape):
    a = np.ones(shape, "f4")
    assert measured("float32", a, a).different == 0
    found = measured("float32", a, a + 1)
    assert found.different == a.size
    assert found.worst == (() if a.size else None)
    assert not found.decision_changed


def test_equal_entries_are_not_read():
    memory = plain.Memory()
    entry = memory.entry(floats([1.0, 2.0]), "float32")
    found = compare_arrays(entry, entry, memory.read)
    assert memory.reads == 0
    assert (found.elements, found.different, found.max_abs, found.scaled_ulp) == (2, 0, 0.0, 0.0)


def test_another_shape_or_type_is_incomparable():
    memory = plain.Memory()
    a = memory.entry(np.zeros((2, 3), "f4"), "float32")
    b = memory.entry(np.zeros((2, 4), "f8"), "float64")
    found = compare_arrays(a, b, memory.read)
    assert found.incomparable == "dtype float32 against float64; shape [2, 3] against [2, 4]"
    assert found.different is None
    assert memory.reads == 0


def test_equal_objects_in_another_shape_are_incomparable():
    memory = plain.Memory()
    flat = memory.strings([b"a", b"b"], (2,))
    assert compare_arrays(flat, replace(flat, shape=(1, 2)), memory.read).incomparable


def test_a_decision_changes_with_the_argmax():
    a, b = floats([[0.1, 0.9], [0.6, 0.4]]), floats([[0.1, 0.9], [0.4, 0.6]])
    assert measured("float32", a, b, LOOSE).decision_changed
    assert not measured("float32", a, a * 2, LOOSE).decision_changed
    assert not measured("float32", a.reshape(-1), b.reshape(-1), LOOSE).decision_changed
    assert not measured("float32", a.reshape(4, 1), b.reshape(4, 1), LOOSE).decision_changed


def test_measured_once_per_contents_shapes_and_tolerance():
    memory = plain.Memory()
    a, b = memory.entry(floats([1.0]), "float32"), memory.entry(floats([2.0]), "float32")
    cache = {}
    first = compare_cached(cache, a, b, memory.read)
    assert compare_cached(cache, a, b, memory.read) is first
    assert memory.reads == 2
    assert compare_cached(cache, a, b, memory.read, LOOSE).beyond == 0
    assert first.beyond == 1
    keys = {cache_key(a, b, EXACT), cache_key(b, a, EXACT), cache_key(a, b, LOOSE)}
    assert len(keys | {cache_key(replace(a, shape=(1, 1)), b, EXACT)}) == 4
