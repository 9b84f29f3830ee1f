"""What the command does before anything runs; ``tests/real/test_inputs.py`` runs it."""

from __future__ import annotations

import pytest
from built_models import v1_model, write
from savedmodel_matrix.commands.inputs import Wish, make_inputs
from savedmodel_matrix.commands.run import Place
from savedmodel_matrix.domain.errors import NoSignatureError, UsageError
from savedmodel_matrix.planning.workspace import Workspace


def made(tmp_path, *signatures):
    write(tmp_path / "m", v1_model())
    wish = Wish(tmp_path / "m", signatures, None, 60, tmp_path / "inputs")
    return make_inputs(
        Workspace(tmp_path), wish, Place(tmp_path / "noxfile.py", tmp_path / ".nox", None, None)
    )


@pytest.mark.parametrize("name", ["m.npz", "m.json"])
def test_a_file_of_the_user_is_never_replaced(tmp_path, name):
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / name).write_text("mine")
    with pytest.raises(UsageError, match="already exists; move it away, or choose another folder") as caught:
        made(tmp_path)
    assert caught.value.exit_status == 2
    assert (tmp_path / "inputs" / name).read_text() == "mine"
    assert not (tmp_path / "results").exists()


def test_an_unknown_signature_names_those_that_there_are(tmp_path):
    with pytest.raises(NoSignatureError, match="no signature 'other'; it has 'serving_default'"):
        made(tmp_path, "other")
