import pytest
from savedmodel_matrix.commands.aggregate import aggregate
from savedmodel_matrix.domain.selection import Selection
from savedmodel_matrix.execution.pending import pending
from savedmodel_matrix.planning.workspace import Workspace
from savedmodel_matrix.store.newest_report import newest_report

from benchmarks.synthetic import CLASSES, RELEASES, write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("synthetic") / "project"
    write_project(root, environments=2 * RELEASES, cases=2, outputs=3)
    return Workspace(root)


def test_everything_counts_as_recorded(project):
    plan = project.plan("default")
    assert len(plan.environments) == 2 * RELEASES
    assert not plan.unavailable
    assert pending(project, plan, Selection()) == []


def test_its_report_compares_every_class(project, capsys):
    plan = project.plan("default")
    assert aggregate(project, plan, Selection(), "run") == 0
    report = newest_report(project.results)
    assert {cell.verdict for cell in report.cells} == {"identical", "float-noise"}
    assert f"{2 * RELEASES * 2} of {2 * RELEASES * 2} cells × cases recorded" in capsys.readouterr().out
    assert len(list(project.results.objects.glob("*/*.npy"))) >= CLASSES * 2 * 3
