"""A real log of what was shown, through the general importer."""

from __future__ import annotations

from pathlib import Path

from core.tables import EVENTS, IMPRESSIONS, TRACKS
from core.workspace import open_workspace
from pipelines.importers.impressions import import_impressions
from pipelines.importers.options import FileOptions
from pipelines.job import Silent
from tests.support.shared_data import shared_data

COLUMNS = {
    "track_id": "video_id",
    "at": "time_ms",
    "surface": "tab",
    "play": "is_click",
    "finish": "long_view",
    "like": "is_like",
    "dislike": "is_hate",
    "follow": "is_follow",
    "share": "is_forward",
    "played_ms": "play_time_ms",
    "track_ms": "duration_ms",
    "creator_id": "author_id",
    "released_at": "upload_date",
}


def test_exact_duplicates_are_found_and_dropped(tmp_path: Path) -> None:
    file = shared_data("kuairand") / "impressions.parquet"
    options = FileOptions(columns=COLUMNS, time_unit="ms")
    with open_workspace(tmp_path) as workspace:
        report = import_impressions(workspace, [file], options, Silent(), now_ms=0)
        assert (report.rows_read, report.rejected) == (94_784, 0)
        # Distinct (user, video, time) of the file, counted beforehand.
        assert (report.imported, report.duplicates) == (91_805, 2_979)
        assert (report.users, report.tracks) == (21_184, 5_564)
        assert workspace.warehouse.count(IMPRESSIONS) == 91_805
        assert workspace.warehouse.count(EVENTS) == report.events
        track = workspace.warehouse.read(TRACKS).filter(track_id="0").to_dicts()[0]
        assert (track["creator_id"], track["released_at"].year) == ("7349781", 2022)
        again = import_impressions(workspace, [file], options, Silent(), now_ms=0)
        assert (again.imported, again.events, again.tracks) == (0, 0, 0)
