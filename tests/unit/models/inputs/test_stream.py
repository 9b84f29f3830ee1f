from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from savedmodel_matrix.models.inputs.stream import Stream

GOLDEN_INTEGERS = [33, 11, 63, 36]
GOLDEN_UNIFORM = [0.6906977456341705, -0.08978340924772499]
GOLDEN_NORMAL = [0.49471908280395027, 0.5936217959926111]
GOLDEN_WORDS = [b"xdpeqj", b"lyxr", b"pyez"]
GOLDEN_MANY = "3cf482e266085efa"
MANY = 200_000  # more than one block
#: Philox4x64-10 of an all-zero counter and key, from the known answers of its authors' library, Random123.
KNOWN_ANSWER = [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]


def test_numpy_makes_the_words_of_philox():
    # NumPy counts up before it makes words, so the counter 0 follows the last one.
    assert np.random.Philox(key=0, counter=2**256 - 1).random_raw(4).tolist() == KNOWN_ANSWER


def test_bits_are_those_of_always():
    # The recorded inputs of every generated case depend on these: they must never move.
    stream = Stream(7, 0, "x", "values")
    assert stream.integers(4, 0, 99).tolist() == GOLDEN_INTEGERS
    assert stream.uniform(2, -1.0, 1.0).tolist() == GOLDEN_UNIFORM
    assert stream.normal(2).tolist() == GOLDEN_NORMAL
    assert list(stream.words(3)) == GOLDEN_WORDS
    assert hashlib.sha256(stream.normal(MANY).tobytes()).hexdigest()[:16] == GOLDEN_MANY


def test_a_longer_run_starts_alike():
    stream = Stream(1)
    assert np.array_equal(stream.normal(MANY)[:1000], stream.normal(1000))


def test_blocks_do_not_repeat():
    made = Stream(1).normal(MANY)
    assert len(np.unique(made)) > 0.999 * MANY


def test_keys_are_told_apart():
    assert Stream(1, 23).integers(4, 0, 10**9).tolist() != Stream(12, 3).integers(4, 0, 10**9).tolist()


def test_normal_has_the_moments_of_one():
    made = Stream(5).normal(MANY)
    assert abs(made.mean()) < 0.01
    assert abs(made.std() - 1) < 0.01
    assert abs((made**4).mean() - 3) < 0.2
    assert np.abs(made).max() <= 6


def test_normal_fills_the_mantissa_of_a_float32():
    bits = Stream(5).normal(1000).astype(np.float32).view(np.uint32)
    assert {int(bit) for bit in bits & 1} == {0, 1}


@settings(deadline=None)
@given(low=st.integers(-(2**63), 2**63 - 1), high=st.integers(-(2**63), 2**63 - 1))
def test_integers_stay_within_their_bounds(low, high):
    low, high = sorted((low, high))
    made = [int(each) for each in Stream(3).integers(50, low, high)]
    assert low <= min(made)
    assert max(made) <= high


def test_integers_reach_both_ends():
    assert set(Stream(3).integers(200, -1, 1).tolist()) == {-1, 0, 1}


def test_unsigned_integers_of_64_bits():
    made = Stream(3).integers(100, 2**64 - 3, 2**64 - 1).astype(np.uint64)
    assert set(made.tolist()) == {2**64 - 3, 2**64 - 2, 2**64 - 1}


@pytest.mark.parametrize("method", ["normal", "words"])
def test_none(method):
    assert len(list(getattr(Stream(1), method)(0))) == 0


def test_uniform():
    made = Stream(3).uniform(MANY, -2.0, 6.0)
    assert -2 <= made.min() < -1.99
    assert 5.99 < made.max() < 6


def test_words():
    words = list(Stream(3).words(2000))
    assert {len(word) for word in words} == {3, 4, 5, 6, 7, 8}
    assert all(word.isalpha() and word.islower() for word in words)
    assert len(set(words)) > 1500
