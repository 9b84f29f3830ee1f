from __future__ import annotations

import json

from maintenance.refresh_precision import render


def test_rows_are_by_op_and_list_the_minors():
    dumps = {
        "2.9": {"tensorflow": "2.9.3", "lacking": {"B.T": "no kernel", "A.T": "refuses"}},
        "2.10": {"tensorflow": "2.10.1", "lacking": {"B.T": "no kernel"}},
    }
    table = json.loads(render(dumps))
    assert table["releases"] == {"2.9": "2.9.3", "2.10": "2.10.1"}
    assert table["lacking"] == {"A.T": {"refuses": ["2.9"]}, "B.T": {"no kernel": ["2.9", "2.10"]}}
    assert list(table["lacking"]) == ["A.T", "B.T"]
