from __future__ import annotations

import pytest
from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.domain.ready_case import ScriptNeeds
from savedmodel_matrix.planning.stage_script import script_needs

TEXT = '''"""A stage."""
# /// script
# requires-python = ">=3.9"
# dependencies = [
#     "pillow>=9",
#     "numpy",
# ]
# ///
import numpy
'''


def test_requirements_are_read_as_pep_723_has_them():
    assert script_needs(TEXT, "a.py") == ScriptNeeds(("pillow>=9", "numpy"), ">=3.9")


@pytest.mark.parametrize(
    "text", ["", "import numpy\n", "# /// other\n# a = 1\n# ///\n", "# dependencies = []\n"]
)
def test_a_file_that_states_nothing_needs_nothing(text):
    assert script_needs(text, "a.py") is None


def test_an_empty_block_still_asks_for_an_environment_of_its_own():
    assert script_needs("# /// script\n# dependencies = []\n# ///\n", "a.py") == ScriptNeeds(())


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ('# dependencies = ["not a requirement!"]\n', "invalid PEP 723 block"),
        ("# dependencies = [\n", "invalid PEP 723 block"),
        ("# dependencies = 3\n", "invalid PEP 723 block"),
        ('# requires-python = "three"\n', "invalid PEP 723 block"),
    ],
)
def test_a_block_that_cannot_be_used_names_its_file(block, said):
    with pytest.raises(DefinitionError, match=f"pipelines/a.py: .*{said}"):
        script_needs(f"# /// script\n{block}# ///\n", "pipelines/a.py")


def test_two_blocks_are_one_too_many():
    with pytest.raises(DefinitionError, match="more than one"):
        script_needs(TEXT + TEXT, "a.py")


@pytest.mark.parametrize(
    ("bounds", "python", "runs"),
    [
        ("", "3.6", True),
        (">=3.9", "3.9", True),
        (">=3.9", "3.8", False),
        (">=3.9.2", "3.9", True),
        ("<3.12", "3.12", False),
        ("<3.12", "3.11", True),
        ("==3.10.*", "3.10", True),
        ("<=3.10.4", "3.10", True),
    ],
)
def test_which_minors_a_script_runs_on(bounds, python, runs):
    assert ScriptNeeds((), bounds).runs_on(python) is runs
