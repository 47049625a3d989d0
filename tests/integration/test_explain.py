"""`segue explain` on a real data folder: a track on the page, a blocked one, and one unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import DataError
from core.workspace import open_workspace
from pipelines.explain import TrackExplanation, explain_track
from ranking.assembly import FeedConfig
from tests.support.service_world import lay_world, learn_by_hand, now, promote, set_status, track_id


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("explain")
    lay_world(root)
    promote(root, learn_by_hand(root, seed=1))
    set_status(root, 3, "blocked")
    return root


def told(data: Path, track: str) -> TrackExplanation:
    with open_workspace(data) as workspace:
        return explain_track(
            workspace, FeedConfig(), user_id="somebody", track_id=track, now_ms=now(), top=5
        )


def test_a_track_of_the_page_has_its_slot(data: Path) -> None:
    found = [told(data, track_id(number)) for number in range(10, 26)]
    placed = [one for one in found if one.position is not None]
    passed = [one for one in found if one.position is None]
    assert placed
    assert all(one.rank >= 20 or "passed over" in one.verdict for one in passed)
    for one in placed:
        assert one.verdict.startswith(f"in slot {one.position}")
        assert 0 < (one.propensity or 0) <= 1
        assert any(source.rank is not None for source in one.sources)
        assert all(verdict.allows for verdict in one.filters)


def test_a_blocked_track_says_which_filter_refuses_it(data: Path) -> None:
    found = told(data, track_id(3))
    assert "refused by servable" in found.verdict
    assert found.position is None


def test_an_unknown_track_is_refused_by_name(data: Path) -> None:
    with pytest.raises(DataError, match="no track 'nowhere'"):
        told(data, "nowhere")
