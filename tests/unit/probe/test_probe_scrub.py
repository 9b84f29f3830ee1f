from __future__ import annotations

import pytest
from savedmodel_matrix.probe.scrub import scrub

PATHS = [("/home/me/project", "<project>"), ("/home/me/project/model", "<model>"), ("/a", "<a>")]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("cannot read /home/me/project/model/saved_model.pb", "cannot read <model>/saved_model.pb"),
        ("No such file; home/me/project/model/saved_model.pb", "No such file; <model>/saved_model.pb"),
        ("/home/me/project2 is another", "~/project2 is another"),
        ("/b/home/me/project is another", "/b~/project is another"),
        ("x/home/me/project", "x~/project"),
        ("see a/b", "see a/b"),
    ],
)
def test_known_paths_are_taken_out_with_and_without_their_first_slash(text, clean):
    assert scrub(text, PATHS) == clean


def test_secrets_come_first():
    assert scrub("token hunter2-hunter2 in /a", PATHS, ["hunter2-hunter2"]) == "token *** in <a>"
