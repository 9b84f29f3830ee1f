"""What an isolated probe may leave behind: what is not a recording is refused, and changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from recordings import entry, output, recording, stored
from savedmodel_matrix.domain.arrays import InputPart
from savedmodel_matrix.domain.probe_request import CaseRequest, Measure, OutputsOf, SettingRequest
from savedmodel_matrix.domain.recording import Recording
from savedmodel_matrix.environments.isolation.staging import RefusedError, Staging
from savedmodel_matrix.probe.sealed import seal
from savedmodel_matrix.store.atomic import read_stored, write_stored

KEY = "a" * 64


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def staging(results, tmp_path):
    (tmp_path / "staged").mkdir()
    return Staging(results, tmp_path / "staged")


@pytest.fixture
def case(results):
    return case_of(results, KEY)


def case_of(results, key, **changes):
    fields = {
        "result": str(results / "recordings" / key[:2] / f"{key}.json"),
        "key": key,
        "identity": {"case": "mine"},
        "measure": Measure(kind="outputs"),
        "setting": SettingRequest(),
        "batches": (),
        "inputs_error": None,
        "runs": 1,
        "time_limit_s": 1.0,
        "memory_limit_bytes": None,
    }
    return CaseRequest(**{**fields, **changes})


def leave(staging, case, made, kind="Recording"):
    """Leave a recording, or any text, as the probe does."""
    path = staging.place(case.result)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(seal(made if isinstance(made, str) else made.model_dump_json(by_alias=True), kind))
    return path


def staged_array(staging, value):
    return stored(staging.folder / "objects", np.float32(value))


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_recording_is_filed_with_its_arrays_under_the_key_and_identity_that_were_asked_for(
    staging, case, results
):
    array = staged_array(staging, [1, 2])
    leave(staging, case, recording(outputs=(output(array),), key="f" * 64, identity={"case": "another"}))
    found = staging.admit(case)
    assert (found.key, found.identity) == (KEY, {"case": "mine"})
    assert read_stored(Path(case.result), Recording) == found
    (digest,) = array.objects
    assert files_in(results) == sorted([f"objects/{digest[:2]}/{digest}.npy", f"recordings/aa/{KEY}.json"])


def test_what_the_cases_read_is_copied_in_and_nothing_else(staging, case, results):
    given, made, other = (stored(results / "objects", np.float32([each])) for each in range(3))
    earlier, failed = case_of(results, "b" * 64), case_of(results, "c" * 64)
    for each, outputs in ((earlier, (output(made),)), (failed, (output(other),))):
        Path(each.result).parent.mkdir(parents=True, exist_ok=True)
        write_stored(Path(each.result), recording(outputs=outputs))
    first = case.model_copy(
        update={"batches": ((InputPart(name="x", component=None, array=given),),), "after": failed.result}
    )
    second = case_of(results, "d" * 64, batches=OutputsOf(name="stage", outputs_of=earlier.result))
    third = case_of(results, "e" * 64, batches=OutputsOf(name="stage", outputs_of=second.result))
    staging.bring([first, second, third])
    arrays = [f"objects/{each.objects[0][:2]}/{each.objects[0]}.npy" for each in (given, made)]
    recordings = [f"recordings/{key * 2}/{key * 64}.json" for key in "bc"]
    assert files_in(staging.folder) == sorted(arrays + recordings)


def _damaged(path):
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")


def _link(path):
    copy = path.with_suffix(".copy")
    path.rename(copy)
    path.symlink_to(copy)


def _folder_link(path):
    copy = path.parent.with_suffix(".copy")
    path.parent.rename(copy)
    path.parent.symlink_to(copy)


def _pipe(path):
    path.unlink()
    os.mkfifo(path)


def _folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("how", [_damaged, _link, _folder_link, _pipe, _folder, Path.unlink])
@pytest.mark.parametrize("what", ["array", "recording"])
def test_what_is_not_a_file_with_the_right_bytes_is_refused(staging, case, results, how, what):
    array = staged_array(staging, [1, 2])
    path = leave(staging, case, recording(outputs=(output(array),)))
    (digest,) = array.objects
    how(path if what == "recording" else staging.folder / "objects" / digest[:2] / f"{digest}.npy")
    with pytest.raises(RefusedError, match="not a recording"):
        staging.admit(case)
    assert files_in(results) == []


def _named(content):
    """Return the name of an object with this content."""
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        (b"not an array, but as long as one" * 8, {}),
        (b"PK\x03\x04" + bytes(252), {}),
        (None, {"dtype": "float64", "nbytes": 8}),
        (None, {"dtype": "int32"}),
        (None, {"dtype": "no such type"}),
        (None, {"shape": (3,)}),
        (None, {"nbytes": 4}),
        (None, {"objects": 2}),
        (None, {"dtype": "string", "objects": 2}),
    ],
)
def test_an_array_that_is_not_what_its_entry_says_is_refused(staging, case, content, changes):
    (digest,) = staged_array(staging, [1, 2]).objects
    if content is not None:
        digest = _named(content)
        path = staging.folder / "objects" / digest[:2] / f"{digest}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    said = {"shape": (2,), "nbytes": 8, **changes, "objects": (digest,) * changes.get("objects", 1)}
    leave(staging, case, recording(outputs=(output(entry(**said)),)))
    with pytest.raises(RefusedError, match="not a recording"):
        staging.admit(case)
    assert not Path(case.result).exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON", '{"format": 2}', "[" * 100_000])
def test_what_is_no_recording_is_refused(staging, case, text):
    leave(staging, case, text)
    with pytest.raises(RefusedError, match="not a recording"):
        staging.admit(case)


def test_the_name_of_an_array_leads_nowhere_else(staging, case, results):
    text = json.loads(recording(outputs=(output(entry()),)).model_dump_json(by_alias=True))
    text["outputs"][0]["array"]["objects"] = ["../../secret"]
    leave(staging, case, json.dumps(text))
    with pytest.raises(RefusedError):
        staging.admit(case)


def test_a_model_that_was_saved_again_is_filed_without_links(staging, results, tmp_path):
    target = results / "re-exports" / "one" / "model"
    case = case_of(results, KEY, measure=Measure(kind="re_export", parameters={"save_to": str(target)}))
    saved = staging.place(target)
    (saved / "variables").mkdir(parents=True)
    (saved / "saved_model.pb").write_text("graph")
    (saved / "variables" / "index").write_text("index")
    leave(staging, case, recording())
    staging.admit(case)
    assert files_in(target) == ["saved_model.pb", "variables/index"]
    (tmp_path / "secret").write_text("secret")
    for place in (saved / "assets", saved / "variables" / "data"):
        place.symlink_to(tmp_path / "secret" if place.name == "data" else tmp_path)
        with pytest.raises(RefusedError):
            staging.admit(case)
        place.unlink()
    assert files_in(target) == ["saved_model.pb", "variables/index"]
    assert files_in(target.parent) == ["model.sums.json", "model/saved_model.pb", "model/variables/index"]


@pytest.mark.parametrize(
    ("text", "why"),
    [('{"reason": "it changed"}', "it changed"), ("no JSON", None), ("[]", None), ("[" * 100_000, None)],
)
def test_why_a_case_is_not_recorded_is_read_with_the_same_care(staging, case, text, why):
    leave(staging, case, text, kind="")
    found = staging.why_unfiled(case.result)
    assert found == (why or "what the isolated probe left is not a recording")
