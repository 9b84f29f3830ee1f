import pytest
from savedmodel_matrix.domain.wording import listed


@pytest.mark.parametrize(
    ("names", "most", "text"),
    [
        ([], 3, ""),
        (["a"], 3, "a"),
        (["a", "b", "c"], 3, "a, b, c"),
        (["a", "b", "c", "d", "e"], 3, "a, b, c and 2 more"),
        (("a", "b"), 1, "a and 1 more"),
    ],
)
def test_listed_names_the_first_and_counts_the_rest(names, most, text):
    assert listed(names, most) == text
