"""Every stored file whose content can be proven is checked; what is damaged is set aside."""

import numpy as np
import pytest
from savedmodel_matrix.commands.verify import verify
from savedmodel_matrix.domain.errors import DamagedError
from savedmodel_matrix.models.savedmodel.whole import write_sums
from savedmodel_matrix.probe import arrays
from savedmodel_matrix.store.atomic import write_text
from savedmodel_matrix.store.newest_report import SUMS, newest_report
from savedmodel_matrix.store.newest_report import write_sums as write_report_sums
from savedmodel_matrix.store.results import Results
from savedmodel_matrix.store.runs import Run, run_path, write_run

REPORT = """{"format": 1, "matrix": "m", "content": "", "remedies_done": true, "exit_status": 4,
"cells": [], "remedies": [], "proposals": []}"""


@pytest.fixture
def results(tmp_path):
    """A store with one file of each kind that can be checked."""
    made = Results(tmp_path / "results")
    made.require_folders()
    arrays.write_array(str(made.objects), np.arange(4, dtype=np.float32), "float32")
    run = Run(run="r", matrix="m", question="matrix", number=1, baseline="tf/default")
    write_run(made, run)
    model = made.re_exports / "name" / "model"
    write_text(model / "saved_model.pb", "graph")
    write_sums(model)
    write_text(made.latest / "report.json", REPORT)
    write_text(made.latest / "report.md", "# report")
    write_report_sums(made.latest, ["report.json", "report.md"])
    assert run_path(made, run).exists()
    return made


def test_a_whole_store_is_said_to_be_whole(results):
    assert verify(results) == "4 entries in results/ checked, none damaged"


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damaged", "named", "aside"),
    [
        ("objects/*/*.npy", "objects/", "objects/*/*.damaged"),
        ("runs/*.json", "runs/r-m.json", "runs/*.damaged"),
        ("re-exports/*/model/saved_model.pb", "re-exports/name/model", "re-exports/name/model.damaged"),
    ],
)
def test_one_bit_is_found_named_and_set_aside(results, damaged, named, aside):
    (path,) = results.root.glob(damaged)
    flip(path)
    with pytest.raises(DamagedError, match=f"1 of 4 entries in results/ damaged: {named}"):
        verify(results)
    assert list(results.root.glob(aside))
    assert "none damaged" in verify(results)


@pytest.mark.parametrize("name", ["report.json", "report.md", SUMS])
def test_a_report_with_one_wrong_bit_is_none(results, name):
    assert newest_report(results).exit_status == 4
    flip(results.latest / name)
    assert newest_report(results) is None
    with pytest.raises(DamagedError, match="latest"):
        verify(results)


def test_a_status_in_the_report_that_says_all_is_well_is_not_believed(results):
    path = results.latest / "report.json"
    path.write_text(path.read_text().replace('"exit_status": 4', '"exit_status": 0'))
    assert newest_report(results) is None
