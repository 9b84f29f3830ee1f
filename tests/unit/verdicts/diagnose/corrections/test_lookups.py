"""Words that one table of ids looks up, after different text functions, and what is no such thing."""

import numpy as np
import pytest
from savedmodel_matrix.verdicts.diagnose.diagnose import diagnose

R = np.random.default_rng(11)
NOTE = (
    "Patient denies pain, Fever since Monday; patient takes Aspirin. aspirin helps Pain and fever café naïve"
)
NOTES = f"{NOTE} Café pain Monday".split()
PARTS = ["bolts", "bolt", "nuts", "nut", "washers", "washer", "plates", "plate", "Rods", "rod", "hinges"]
PLACES = ["Málaga", "Malaga", "Kraków", "Krakow", "Łódź", "Köln", "Koln", "Åre", "Are"]


def lines(words, count=60):
    return [" ".join(R.choice(words, size=int(R.integers(3, 9)))) for _ in range(count)]


def raw(texts):
    out = np.empty(len(texts), object)
    out[:] = [text.encode() for text in texts]
    return {"note": out}


def looked_up(texts, table, change=str, split=str.split, before=False, length=8):
    out = np.zeros((len(texts), length), np.int64)
    for row, text in zip(out, texts, strict=True):
        ids = [table.get(change(word), 1) for word in split(text)][:length]
        row[length - len(ids) if before else 0 : length if before else len(ids)] = ids
    return out


def table_of(words):
    return {word: 2 + index for index, word in enumerate(sorted(set(words)))}


def no_accents(word):
    return word.translate(str.maketrans("áóÅöéïń", "aoAoein"))


def no_s(word):
    return word.removesuffix("s")


def no_marks(word):
    return word.strip(",;.")


@pytest.mark.parametrize(
    ("words", "change", "before", "steps"),
    [
        (NOTES, str.lower, False, ("letter-case",)),
        (NOTES, str.upper, True, ("letter-case", "padding-side")),
        (NOTES, no_marks, False, ("punctuation",)),
        (PLACES, no_accents, False, ("accents",)),
        (PARTS, no_s, False, ("stemming",)),
    ],
)
@pytest.mark.parametrize("in_serving", [True, False])
def test_the_text_function_is_named(words, change, before, steps, in_serving):
    texts = lines(words)
    # The vocabulary also has some of the words as the function leaves them.
    table = table_of([*words, *[change(word) for word in words][::2]])
    plain, other = looked_up(texts, table), looked_up(texts, table, change, before=before)
    sides = (plain, other) if in_serving else (other, plain)
    (found,) = diagnose({"x": sides[0]}, {"x": sides[1]}, raw(texts))
    assert found.steps == steps
    assert found.residual == 0
    assert ("words" in found.serve) == in_serving or before


def test_another_tokenizer_is_named():
    import re

    texts = [text + " a b" for text in lines(NOTES)]
    table = table_of([word for text in texts for word in re.findall(r"\w+", text)])
    train = looked_up(texts, table, split=re.compile(r"\w+").findall, length=14)
    serve = looked_up(texts, table, split=re.compile(r"\b\w\w+\b").findall, length=14)
    (found,) = diagnose({"x": train}, {"x": serve}, raw(texts))
    assert found.steps == ("tokens",)


def test_another_vocabulary_or_one_wrong_id_is_no_text_function():
    texts = lines(NOTES)
    table = table_of([*NOTES, *map(str.lower, NOTES)])
    train = looked_up(texts, table)
    other = looked_up(texts, {word: 40 - at for word, at in table.items()})
    assert [each.id for each in diagnose({"x": train}, {"x": other}, raw(texts))] == ["vocabulary-order"]
    serve = looked_up(texts, table, str.lower)
    serve[serve > 1] = np.where(R.random((serve > 1).sum()) < 0.05, 3, serve[serve > 1])
    assert not any("letter-case" in each.steps for each in diagnose({"x": train}, {"x": serve}, raw(texts)))


def test_two_tokenizers_that_agree_are_no_difference():
    texts = lines(PARTS)
    table = table_of(PARTS)
    assert diagnose({"x": looked_up(texts, table)}, {"x": looked_up(texts, table)}, raw(texts)) == []
