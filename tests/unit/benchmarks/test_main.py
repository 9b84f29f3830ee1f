from __future__ import annotations

import pytest

from benchmarks import __main__ as bench


@pytest.fixture
def measured(monkeypatch):
    """The parts that are measured, in their order."""
    found = []
    monkeypatch.setattr(bench, "_run", lambda *_: found.append("run"))
    monkeypatch.setattr(bench, "_hand", lambda *_: found.append("hand"))
    monkeypatch.setattr(bench.aggregate, "main", lambda: found.append("aggregate"))
    monkeypatch.setattr(bench, "_PARTS", ("run", "hand", "aggregate"))
    return found


def test_without_arguments_every_part_is_measured(measured):
    assert bench.main([]) == 0
    assert measured == ["run", "hand", "aggregate"]


def test_only_what_is_named_is_measured(measured):
    assert bench.main(["aggregate"]) == 0
    assert measured == ["aggregate"]


def test_an_unknown_part_is_answered_with_those_there_are(measured, capsys):
    with pytest.raises(SystemExit):
        bench.main(["warm"])
    assert "no part 'warm'; there are run, hand, aggregate" in capsys.readouterr().err
    assert measured == []
