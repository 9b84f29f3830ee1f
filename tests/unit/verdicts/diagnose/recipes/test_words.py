"""Ids of words read off the raw text: what is around the words, what is dropped, and near misses."""

import zlib

import numpy as np
import pytest
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose

R = np.random.default_rng(71)
DISH = "the a Soup soup of Rice rice with Bean bean and Leek leek Plum plum stew pie cake salt pepper"
DISHES = f"{DISH} basil".split()
TABLE = {word: 5 + at for at, word in enumerate(sorted(DISHES))}
TEXTS = [" ".join(R.choice(DISHES, size=int(R.integers(3, 12)))) for _ in range(70)]
LENGTH = 14


def raw(texts=TEXTS):
    out = np.empty(len(texts), object)
    out[:] = [text.encode() for text in texts]
    return {"dish": out}


def ids(texts=TEXTS, table=TABLE, before=(), after=(), left=False, tail=False, length=LENGTH, unknown=1):
    out = np.zeros((len(texts), length), np.int64)
    for row, text in zip(out, texts, strict=True):
        words = [table.get(word, unknown) for word in text.split()]
        room = length - len(before) - len(after)
        whole = [*before, *(words[-room:] if tail else words[:room]), *after]
        row[length - len(whole) if left else 0 : length if left else len(whole)] = whole
    return out


def without(words):
    return [" ".join(word for word in text.split() if word not in words) for text in TEXTS]


SMALL = {word: at for word, at in TABLE.items() if at % 5}
LOWER = {word: 5 + at for at, word in enumerate(sorted({word.lower() for word in DISHES}))}


@pytest.mark.parametrize(
    ("train", "serve", "name"),
    [
        (ids(before=[2], after=[3]), ids(), "special-tokens"),
        (ids(), ids(after=[3]), "special-tokens"),
        (ids(left=True), ids(before=[2], left=True), "special-tokens"),
        (ids(before=[2], after=[3]), ids(before=[2], after=[4]), "special-tokens"),
        (ids(after=[3]), ids(left=True), "special-tokens+padding-side"),
        (ids(length=6), ids(length=6, tail=True), "truncation-side"),
        (ids(), ids(without(["the", "a", "of", "and"])), "stop-words"),
        (ids(table=SMALL), ids(table=SMALL, unknown=4), "out-of-vocabulary"),
        (ids(), ids([text.lower() for text in TEXTS], LOWER), "letter-case+vocabulary"),
    ],
)
def test_the_difference_around_the_words_is_named(train, serve, name):
    (found,) = diagnose({"x": train}, {"x": serve}, raw())
    assert found.id == name
    assert "every id of both sides" in found.proof


def test_dropped_words_are_listed():
    (found,) = diagnose({"x": ids()}, {"x": ids(without(["the", "a"]))}, raw())
    assert found.serve == "2 words dropped (a, the)"


def test_hash_functions_and_numbers_of_buckets_are_named():
    names = [f"shop {R.integers(50)}" for _ in range(300)]
    values = np.array([[zlib.crc32(name.encode())] for name in names])
    other = np.array([[zlib.adler32(name.encode())] for name in names])
    (found,) = diagnose({"x": values % 1000}, {"x": values % 512}, raw(names))
    assert found.id == "hash-buckets"
    assert found.serve == "CRC-32 modulo 512"
    (found,) = diagnose({"x": values % 1000}, {"x": other % 1000}, raw(names))
    assert found.id == "hash-function"


def test_one_wrong_id_or_a_random_end_is_no_special_token():
    wrong = ids(after=[3])
    wrong[3, 2] += 1
    noisy = ids(after=[3])
    noisy[noisy == 3] = R.integers(30, 40, int((noisy == 3).sum()))
    for serve in (wrong, noisy):
        found = diagnose({"x": ids()}, {"x": serve}, raw())
        assert not [each for each in found if "special-tokens" in each.steps]


def test_words_that_occur_once_prove_no_table():
    texts = [f"{chr(97 + at)}x {chr(97 + at)}y" for at in range(20)]
    table = {word: 5 + at for at, word in enumerate(" ".join(texts).split())}
    sides = ids(texts, table), ids(texts, table, after=[3])
    found = diagnose({"x": sides[0]}, {"x": sides[1]}, raw(texts))
    assert not [each for each in found if "special-tokens" in each.steps]
