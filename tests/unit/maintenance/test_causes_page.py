"""The page of causes is that of the data."""

from __future__ import annotations

from pathlib import Path

import pytest
from savedmodel_matrix.domain.errors import HarnessError
from savedmodel_matrix.knowledge.causes.base import known_causes

from maintenance.causes_page import render_causes, write_causes

PAGE = Path(__file__).parents[3] / "docs/causes.md"


def test_the_page_is_up_to_date():
    assert write_causes(PAGE, check=True).startswith("up to date")


def test_every_cause_is_on_it_once_with_its_remedies():
    page = render_causes()
    for cause in known_causes():
        assert page.count(f"\n`{cause.id}` · ") == 1
    assert page.count("*unseen*:") == 1  # the introduction's
    assert page.count("*unseen*\n") == sum(not cause.seen for cause in known_causes())
    assert "- add `tf-keras~={minor}.0`" in page


def test_it_is_written_and_a_stale_one_is_told(tmp_path):
    page = tmp_path / "causes.md"
    with pytest.raises(HarnessError, match="out of date"):
        write_causes(page, check=True)
    assert write_causes(page, check=False).startswith("wrote")
    assert write_causes(page, check=False).startswith("up to date")
    page.write_text("old")
    with pytest.raises(HarnessError, match="out of date"):
        write_causes(page, check=True)
    assert page.read_text() == "old"
