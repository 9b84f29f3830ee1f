"""Text and token ids: descriptions of scikit-learn's tables, names with accents."""

import re
import unicodedata

import numpy as np
from sklearn import datasets
from sklearn.feature_extraction.text import CountVectorizer

from benchmarks.preprocessing.cases.register import case, strings

LINES = [line for line in datasets.load_diabetes().DESCR.splitlines() if len(line.split()) > 3]
WINES = [line for line in datasets.load_wine().DESCR.splitlines() if len(line.split()) > 3]
NAMES = [
    "Zürich",
    "São Paulo",
    "Málaga",
    "Kraków",
    "Łódź",
    "Göteborg",
    "Çanakkale",
    "Île-de-France",
    "Ålesund",
]
WORDS = [re.findall(r"\w+", line.lower()) for line in LINES + WINES]


def _bytes(texts):
    return strings([text.encode() for text in texts])


def _ids(order, unknown=1, lines=None):
    table = {word: index + 2 for index, word in enumerate(order)}
    return [[table.get(word, unknown) for word in words] for words in (lines or WORDS)]


def _padded(sequences, length=16, side="post", cut="post", value=0):
    out = np.full((len(sequences), length), value)
    for row, ids in zip(out, sequences, strict=True):
        kept = ids[:length] if cut == "post" else ids[-length:]
        if side == "post":
            row[: len(kept)] = kept
        elif kept:
            row[-len(kept) :] = kept
    return out


ALL = [word for words in WORDS for word in words]
BY_COUNT = sorted(set(ALL), key=lambda word: (-ALL.count(word), word))[:60]


@case("descriptions", "lower case only in training", "letter-case")
def text_case():
    return _bytes([line.lower() for line in LINES]), _bytes(LINES)


@case("place names", "NFC against NFD", "unicode-form")
def text_unicode():
    return tuple(_bytes([unicodedata.normalize(form, name) for name in NAMES]) for form in ("NFC", "NFD"))


@case("place names", "UTF-8 against read as Latin-1", "text-encoding")
def text_encoding():
    return _bytes(NAMES), _bytes([name.encode().decode("latin-1") for name in NAMES])


@case("place names", "accents taken off in training (strip_accents)", "accents")
def text_accents():
    strip = CountVectorizer(strip_accents="unicode").build_preprocessor()
    return _bytes([strip(name) for name in ("élan", "déjà vu", "über", "naïve")]), _bytes(
        [name.lower() for name in ("Élan", "Déjà vu", "Über", "Naïve")]
    )


@case("descriptions", "spaces kept in serving", "white-space")
def text_spaces():
    return _bytes([line.strip() for line in LINES]), _bytes([line + "  " for line in LINES])


@case(
    "descriptions",
    "lower case and spaces: two things at once",
    "letter-case+white-space|white-space+letter-case",
)
def text_both():
    return _bytes([" ".join(line.lower().split()) for line in WINES]), _bytes(["\t" + line for line in WINES])


@case("descriptions", "vocabulary by count against alphabetical", "vocabulary-order")
def text_vocabulary():
    return _padded(_ids(BY_COUNT)), _padded(_ids(sorted(BY_COUNT)))


@case("descriptions", "a vocabulary of 60 against one of 20 words", "out-of-vocabulary")
def text_unknown():
    return _padded(_ids(BY_COUNT)), _padded(_ids(BY_COUNT[:20]))


@case("descriptions", "ids that begin one later", "vocabulary-offset")
def text_offset():
    x = _padded(_ids(BY_COUNT))
    return x, np.where(x > 0, x + 1, 0)


@case("descriptions", "padding before against after", "padding-side")
def text_padding():
    return _padded(_ids(BY_COUNT), side="pre"), _padded(_ids(BY_COUNT))


@case("descriptions", "padding with 0 against 1", "padding-value|out-of-vocabulary|vocabulary")
def text_padding_value():
    kept = [[each for each in ids if each > 1] for ids in _ids(BY_COUNT)]
    return _padded(kept), _padded(kept, value=1)


@case("descriptions", "long sequences cut at the end against the start", "truncation-side")
def text_truncation():
    ids = [row for row in _ids(BY_COUNT) if len(row) >= 8]
    whole = _padded([row * 3 for row in ids], length=24)
    return whole[:, :12], whole[:, -12:], whole


@case("descriptions", "clean: two tokenizers that agree", None)
def clean_tokens():
    analyse = CountVectorizer(token_pattern=r"\w+").build_analyzer()  # noqa: S106 - of text
    return _padded(_ids(BY_COUNT)), _padded(_ids(BY_COUNT, lines=[analyse(line) for line in LINES + WINES]))


@case("place names", "clean: the same strings, twice normalised", None)
def clean_unicode():
    one = [unicodedata.normalize("NFC", name) for name in NAMES]
    return _bytes(one), _bytes(
        [unicodedata.normalize("NFC", unicodedata.normalize("NFD", name)) for name in one]
    )


@case("descriptions", "other text", None)
def other_text():
    return _bytes(LINES[:20]), _bytes(WINES[:20])
