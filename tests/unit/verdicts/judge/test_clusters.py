from __future__ import annotations

from savedmodel_matrix.domain.verdict import Verdict
from savedmodel_matrix.verdicts.judge.clusters import clusters


def found(classes, **verdicts):
    pairs = {frozenset(pair.split("_")): verdict for pair, verdict in verdicts.items()}
    return clusters(classes, lambda a, b: pairs.get(frozenset({a, b})))


def test_what_is_noise_apart_is_put_together():
    assert found("abc", a_b=Verdict.FLOAT_NOISE, a_c=Verdict.DIVERGED, b_c=Verdict.DIVERGED) == [
        ("a", "b"),
        ("c",),
    ]


def test_closeness_is_not_carried_over():
    assert found("abc", a_b=Verdict.FLOAT_NOISE, b_c=Verdict.FLOAT_NOISE, a_c=Verdict.SUSPICIOUS) == [
        ("a", "b"),
        ("c",),
    ]


def test_what_was_not_measured_is_not_put_together():
    assert found("ab") == [("a",), ("b",)]
    assert found("ab", a_b=Verdict.IDENTICAL) == [("a", "b")]
    assert found("") == []
