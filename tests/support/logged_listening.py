"""A workspace whose listening has times and pages, so that every kind of ranker can be trained."""

from __future__ import annotations

import numpy as np
import polars as pl

from core.events import Action
from core.tables import EVENTS, IMPRESSIONS
from core.workspace import Workspace
from pipelines.ranker_training.train_ranker import RankerTrainingConfig
from pipelines.train import TrainConfig
from ranking.loading import load_catalogue
from ranking.rankers.head_training import HeadsConfig
from ranking.rankers.outcomes import HeadConfig
from ranking.rankers.training import RankerConfig
from tests.support.histories import DAY_MS, add_listens, add_tracks
from tests.support.shown_log import shown_history
from tests.support.worlds import NOW_MS

TREES = RankerConfig(trees=12, threads=1, min_leaf_rows=5, validation_share=0.3)
HEADS = HeadsConfig(
    heads=(
        HeadConfig(name="skip", actions=(Action.SKIP,), weight=-1.0, until_hours=30.0),
        HeadConfig(name="back", from_hours=0.1, until_hours=0.4, weight=0.5),
    )
)
LAMBDARANK = TrainConfig(
    ranker=RankerTrainingConfig(trees=TREES, windows=3, window_days=1, requests=90, negatives=10)
)
HEADED = TrainConfig(
    ranker=RankerTrainingConfig(
        objective="heads", heads=HEADS, trees=TREES, windows=2, window_days=2
    )
)


def fill(workspace: Workspace, listeners: int = 40, tracks: int = 60, days: int = 6) -> None:
    """Add listeners who hear some tracks of their own half of the catalogue each day, and pages."""
    ids = add_tracks(workspace, tracks)
    rng = np.random.default_rng(5)
    listens = []
    for user in range(listeners):
        own = rng.permutation(ids[user % 2 :: 2])
        for at, track in enumerate(own[: days * 3]):
            moment = NOW_MS + (at // 3) * DAY_MS + int(rng.integers(DAY_MS))
            listens.append((f"l{user:02d}", str(track), moment))
    add_listens(workspace, listens)
    with workspace.database.read() as connection:
        # The last thing that follows a page, 25 hours later, falls on the last day of listening.
        minutes = (days - 1) * 24 * 60 - 120
        catalogue = load_catalogue(connection)
    shown = shown_history(catalogue, pages=500, minutes=minutes, listeners=20)
    with workspace.warehouse.batch() as batch:
        named = pl.concat_str(pl.lit("shown-"), "event_id")
        batch.append(EVENTS, shown.events.with_columns(event_id=named))
        batch.append(IMPRESSIONS, IMPRESSIONS.conform(shown.impressions))
        with batch.commit():
            pass
