"""How much of a process's memory is its own."""

from __future__ import annotations

from savedmodel_matrix.probe.checks.leak import anonymous_bytes

ROLLUP = """\
55d0-7ffe ---p 00000000 00:00 0                          [rollup]
Rss:               30000 kB
Private_Dirty:      9000 kB
Anonymous:         10000 kB
Swap:                 24 kB
SwapPss:              24 kB
"""


def test_it_is_what_no_file_stands_behind_swapped_out_or_not(tmp_path):
    path = tmp_path / "smaps_rollup"
    path.write_text(ROLLUP)
    assert anonymous_bytes(str(path)) == 10024 * 1024


def test_where_the_system_does_not_say_it_is_not_known(tmp_path):
    assert anonymous_bytes(str(tmp_path / "nothing")) is None
    (tmp_path / "other").write_text("Rss: 5 kB\n")
    assert anonymous_bytes(str(tmp_path / "other")) is None
