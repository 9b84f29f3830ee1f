import json

import numpy as np
import pytest

from benchmarks.preprocessing.cases import register
from benchmarks.preprocessing.judge import confusion, judge_one, planted, read


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(register, "CASES", [])
    x = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3))

    @register.case("noise", "BGR", "channel-order")
    def bgr():
        return x, x[..., ::-1], register.strings([b"\x00\x00"])

    @register.case("noise", "layout, said to be something else", "scaling")
    def wrong():
        return x, x.transpose(0, 3, 1, 2)

    @register.case("noise", "clean: the same", None)
    def clean():
        return {"y": x}, {"y": x}

    register.write(tmp_path)
    return tmp_path


def test_what_is_written_is_read_again(folder):
    sides = read(folder / "bgr.npz")
    assert sides["raw"]["x"].tolist() == [b"\x00\x00"]
    assert list(read(folder / "clean.npz")["train"]) == ["y"]
    assert json.loads((folder / "index.json").read_text())[0]["expected"] == "channel-order"


def test_right_and_wrong_names_are_counted(folder):
    judged = [judge_one(each) for each in planted(folder, "here")]
    assert [each.right for each in judged] == [True, False, True]
    of_planted, clean = confusion(judged)
    assert (of_planted["right name"], of_planted["wrong name"], of_planted["nothing said"]) == (1, 1, 0)
    assert (clean["number"], clean["wrong name"]) == (1, 0)


def test_servings_side_may_come_from_another_environment(folder):
    judged = [judge_one(each) for each in planted(folder, "two", folder)]
    assert [each.said for each in judged] == ["-", "-", "-"]


def test_a_glob_selects_what_is_made(folder):
    register.write(folder, "w*")
    assert [each.entry["name"] for each in planted(folder, "here")] == ["wrong"]
