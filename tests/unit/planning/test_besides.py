from __future__ import annotations

import pytest
from savedmodel_matrix.domain.environment import Build, Environment
from savedmodel_matrix.domain.errors import DefinitionError
from savedmodel_matrix.domain.ready_case import ScriptNeeds
from savedmodel_matrix.planning.besides import beside_of

ALONE = "# /// script\n# dependencies = ['pillow>=9']\n# ///\n"
ENVIRONMENT = Environment("2.9.3", "3.10", Build.CPU, beside=("Pillow==9.5.0",))


def test_a_stage_beside_has_the_matrix_s_pins_instead_of_its_own_bounds():
    found = beside_of(ENVIRONMENT, ScriptNeeds(("pillow>=9", "scipy")))
    assert found.requirements == ("numpy", "Pillow==9.5.0", "scipy")
    assert beside_of(ENVIRONMENT, ScriptNeeds(("scipy",))).requirements == ("numpy", "scipy")
    assert found.python == "3.10"
    assert beside_of(ENVIRONMENT, None) is None


@pytest.mark.parametrize(
    ("bounds", "python"), [("", "3.10"), (">=3.12", "3.13"), ("<3.10", "3.9"), ("<3", "3.10")]
)
def test_a_stage_beside_keeps_the_cell_s_python_where_it_runs_on_that(bounds, python):
    assert beside_of(ENVIRONMENT, ScriptNeeds((), bounds)).python == python


def test_pins_that_pin_nothing_are_said(project, staged):
    path = project.root / "matrices" / "default.toml"
    path.write_text(path.read_text().replace('"2.9.3"]', '"2.9.3"]\nbeside = ["pillow==9.5.0"]'))
    assert any("has no effect" in remark for remark in project.plan("default").remarks)
    (project.root / "pipeline.py").write_text(ALONE)
    assert not any("has no effect" in remark for remark in project.plan("default").remarks)


def test_requirements_that_are_none_are_the_definition_s_mistake(project, staged):
    (project.root / "pipeline.py").write_text("# /// script\n# dependencies = 1\n# ///\n")
    with pytest.raises(DefinitionError, match=r"cases\.one: pipeline\.py"):
        project.plan("default")
