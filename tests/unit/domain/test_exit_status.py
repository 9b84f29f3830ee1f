import pytest
from savedmodel_matrix.domain.exit_status import ExitStatus


def test_the_numbers_are_the_contract():
    assert {status.value for status in ExitStatus} == {0, 1, 2, 3, 4, 5, 130}
    assert ExitStatus(4) is ExitStatus.INCOMPLETE
    assert ExitStatus.DIVERGED == 1


@pytest.mark.parametrize("status", ExitStatus)
def test_every_status_says_what_it_means(status):
    assert status.meaning
    assert not status.meaning.endswith(".")
    assert f"{status:d}: {status.meaning}".startswith(f"{int(status)}: ")


def test_meanings_are_distinct():
    assert len({status.meaning for status in ExitStatus}) == len(ExitStatus)
