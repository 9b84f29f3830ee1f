from savedmodel_matrix.domain.verdict import Verdict

from benchmarks.verdicts.judge import Judged
from benchmarks.verdicts.table import confusion


def judged(kind, ours, *, weak=False, dropped=False, passes=True):
    return Judged(
        model="m",
        name="change",
        kind=kind,
        ours=ours,
        weak=weak,
        dropped=dropped,
        ratio=None,
        beyond=None,
        others={"allclose": passes},
        change=0.0,
        detectable=None,
    )


def test_every_change_counts_once_and_undetectable_ones_do_not():
    ours, other = confusion(
        [
            judged("real", Verdict.IDENTICAL),
            judged("real", Verdict.FLOAT_NOISE, weak=True),
            judged("real", Verdict.FLOAT_NOISE, dropped=True),
            judged("real", Verdict.SUSPICIOUS, weak=False, passes=False),
            judged("real", Verdict.INCOMPARABLE, passes=False),
            judged("benign", Verdict.FLOAT_NOISE),
            judged("benign", Verdict.DIVERGED, passes=False),
            judged("undetectable", Verdict.IDENTICAL),
        ]
    )
    assert ours == {
        "judge": "savedmodel-matrix",
        "real: called noise": 1,
        "real: blind": 1,
        "real: not compared": 1,
        "real: suspicious": 1,
        "real: called real": 1,
        "benign: called noise": 1,
        "benign: blind": 0,
        "benign: not compared": 0,
        "benign: suspicious": 0,
        "benign: called real": 1,
    }
    assert {name: count for name, count in other.items() if count != ""} == {
        "judge": "allclose",
        "real: called noise": 3,
        "real: called real": 2,
        "benign: called noise": 1,
        "benign: called real": 1,
    }
