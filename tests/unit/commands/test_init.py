from __future__ import annotations

import tomllib

import pytest
from built_models import v1_model, write
from savedmodel_matrix.commands.init import write_matrix
from savedmodel_matrix.planning.project import Project


@pytest.mark.parametrize(
    ("others", "tags"),
    [
        ([], None),
        ([["train"]], ["serve"]),
        ([["serve", "gpu"]], ["serve"]),
    ],
)
def test_of_several_graphs_the_one_for_serving_is_named(tmp_path, others, tags):
    model = v1_model()
    for each in others:
        model.meta_graphs.insert(
            0, type(model.meta_graphs[0]).FromString(model.meta_graphs[0].SerializeToString())
        )
        model.meta_graphs[0].meta_info_def.tags[:] = each
    write(tmp_path / "m", model)
    write_matrix(Project(tmp_path), tmp_path / "m", "default")
    definition = tomllib.loads((tmp_path / "matrices/default.toml").read_text())
    assert definition["cases"]["m"].get("tags") == tags
