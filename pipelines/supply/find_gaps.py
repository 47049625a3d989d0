"""Finding gaps: reads listening and tracks, keeps the segments and what runs short in them."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from core.randomness import derive_seed
from core.workspace import Workspace
from embeddings.collaborative.factors import AlsConfig
from pipelines.catalogue import LiveCatalogue, open_catalogue
from pipelines.history import input_fingerprints, load_history
from pipelines.job import Progress, Report
from pipelines.supply.demand.appetite import Appetite, appetite
from pipelines.supply.demand.configuration import GapsConfig
from pipelines.supply.demand.gap import Shortfall, figures
from pipelines.supply.demand.habits import Habits, habits, segment_habits
from pipelines.supply.demand.liking import Liking, fit_liking
from pipelines.supply.demand.stock import Shelves, stock
from pipelines.supply.demand.timeless import played_liking
from pipelines.supply.description import described_segments, tracks_of
from pipelines.supply.segments.artifact import Segments
from pipelines.supply.segments.today import KIND, Today, highest_number, segments_today
from pipelines.traffic import TrafficConfig
from ranking.catalogue import Catalogue
from ranking.filters.ai_preference import wanted
from ranking.model import AiPreference, Floats, Preferences, Rows
from ranking.supply.audience import KIND as AUDIENCE
from ranking.supply.audience import save_audience
from ranking.supply.gap import Estimate, Gap, list_gaps, replace_gaps


class GapsReport(Report):
    """What runs short."""

    gaps: tuple[Gap, ...]
    """Reported gaps, best worth filling first."""
    segments: tuple[Gap, ...]
    """Every segment, by the listens it would gain from one more track."""
    churn: float
    """Share of the tracks that changed segments since the last search."""
    gone: tuple[str, ...]
    """Segments that are no more."""
    listeners: int
    """Active listeners that were counted."""
    temperature: float
    """Of the choice between segments."""

    def brief(self) -> GapsTable:
        """Return what fits on a terminal."""
        return GapsTable(
            gaps=tuple(_line(gap) for gap in self.gaps),
            segments=tuple(_line(gap) for gap in self.segments),
            churn=self.churn,
            listeners=self.listeners,
        )


class GapLine(Report):
    """A segment in one line."""

    label: str
    tracks: int
    listeners: int
    unheard_good: float
    days_until_dry: float
    """Of half the listeners."""
    lost_share: Estimate
    gained_per_track: float
    confidence: float


class GapsTable(Report):
    """What runs short, for people."""

    gaps: tuple[GapLine, ...]
    segments: tuple[GapLine, ...]
    churn: float
    listeners: int


def _line(gap: Gap) -> GapLine:
    return GapLine(
        label=gap.label,
        tracks=gap.tracks,
        listeners=gap.listeners,
        unheard_good=gap.unheard_good,
        days_until_dry=gap.days_until_dry.p50,
        lost_share=gap.lost_share,
        gained_per_track=gap.gained_per_track.mean,
        confidence=gap.confidence,
    )


def find_gaps(
    workspace: Workspace,
    config: GapsConfig,
    als: AlsConfig,
    traffic: TrafficConfig,
    *,
    seed: int,
    now_ms: int,
    progress: Progress,
) -> GapsReport:
    """Find what runs short, and keep it as the gaps of now.

    Args:
        workspace: Where listening and tracks are read, and segments and gaps are kept.
        config: How taste is cut and what counts as short.
        als: Of the factors that stand in where nobody recorded what was heard out.
        traffic: Which listeners are nobody.
        seed: Decides every random choice.
        now_ms: Stamped on what is kept.
        progress: Told of the steps.

    Raises:
        DataError: If there are no tracks or nobody listens.
    """
    opened = open_catalogue(workspace)
    history = load_history(workspace.warehouse, traffic)
    tallies = history.tallies()
    told = progress.counter("finding gaps")
    today = segments_today(workspace, opened, tallies, config, seed)
    segments, points = today.segments, today.points
    told(1, 4)
    listening = habits(history, tallies, opened.catalogue.tracks, config.habits)
    if not len(segments) or not listening.user_ids or not listening.pairs.plays.size:
        raise DataError(
            "no gap can be found without tracks and listening of them; import both first"
        )
    liking = _liking(listening, points, config, als, seed)
    told(2, 4)
    short, appetites = _shortfall(opened, listening, liking, segments, config)
    told(3, 4)
    found = figures(short, config.gap, derive_seed(seed, "gaps"))
    told(4, 4)
    played = segment_habits(
        history, opened.catalogue.tracks, segments.members, len(segments), config.habits
    )
    tracks = tracks_of(listening, opened.catalogue, segments)
    described = described_segments(segments, found, played, tracks, config.gap)
    known = np.isin(segments.ids, _reported_before(workspace))
    gaps = tuple(described[row] for row in found.reported(config.gap, known))
    shares = Shares(listening.user_ids, appetites.shares)
    _keep(workspace, today, gaps, shares, opened, config, now_ms)
    order = np.argsort(-found.gained_per_track[:, 0], kind="stable")
    return GapsReport(
        gaps=gaps,
        segments=tuple(described[row] for row in order),
        churn=round(today.churn, 4),
        gone=today.gone,
        listeners=len(listening.user_ids),
        temperature=round(appetites.temperature, 4),
    )


class Shares(NamedTuple):
    """How listeners would divide what they hear among segments.

    Args:
        user_ids: (u,) who.
        values: (u, k) rows sum to 1.
    """

    user_ids: tuple[str, ...]
    values: Floats


def _reported_before(workspace: Workspace) -> list[str]:
    with workspace.database.read() as connection:
        return [gap.segment for gap in list_gaps(connection)]


def _liking(
    listening: Habits, points: Floats, config: GapsConfig, als: AlsConfig, seed: int
) -> Liking:
    if listening.pairs.finishes.any():
        return fit_liking(listening.pairs, points, config.liking, config.threads)
    return played_liking(listening.pairs, len(points), als, derive_seed(seed, "liking"))


def _shortfall(
    opened: LiveCatalogue,
    listening: Habits,
    liking: Liking,
    segments: Segments,
    config: GapsConfig,
) -> tuple[Shortfall, Appetite]:
    catalogue, count = opened.catalogue, len(segments)
    on_air = np.where(catalogue.servable, segments.members, -1)
    appetites = appetite(liking, listening.pairs, on_air, count)
    kinds, allows = _kinds(catalogue, [opened.preferences.get(u) for u in listening.user_ids])
    shelves = Shelves(on_air, kinds, allows)
    left = stock(liking, listening.pairs, shelves, count, config.threads)
    wanted = appetites.shares * (listening.variety * np.float32(config.gap.horizon_days))[:, None]
    return Shortfall(wanted, left, appetites.liking), appetites


def _kinds(
    catalogue: Catalogue, preferences: list[Preferences | None]
) -> tuple[Rows, NDArray[np.bool_]]:
    """Return what kind each track is, and which kinds each listener lets appear.

    Two tracks are of one kind where every listener who lets one appear lets the other.
    """
    by_wish = [wanted(catalogue.origins, catalogue.labelled, each) for each in AiPreference]
    columns = [*by_wish, ~catalogue.explicit]
    kinds, kind_of = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    asked = [each or Preferences() for each in preferences]
    wishes = {each: place for place, each in enumerate(AiPreference)}
    by_ai = kinds[:, [wishes[each.ai] for each in asked]].T
    explicit = np.array([each.explicit for each in asked], dtype=np.bool_)
    return kind_of.ravel().astype(np.int64), by_ai & (kinds[:, -1][None, :] | explicit[:, None])


def _keep(
    workspace: Workspace,
    today: Today,
    gaps: tuple[Gap, ...],
    shares: Shares,
    opened: LiveCatalogue,
    config: GapsConfig,
    now_ms: int,
) -> None:
    """Write segments and audience as artifacts, and the gaps into the store."""
    segments = today.segments
    highest = highest_number(workspace.artifacts.latest(KIND), segments.ids)
    inputs = {**input_fingerprints(workspace.warehouse), **opened.made_from}
    kept = workspace.artifacts.create(
        KIND,
        segments.save,
        now_ms=now_ms,
        config=config.model_dump(),
        inputs=inputs,
        metrics={
            "segments": float(len(segments)),
            "gaps": float(len(gaps)),
            "churn": today.churn,
            "cut_tracks": float(today.cut_tracks),
            "highest_number": float(highest),
        },
    )
    workspace.artifacts.create(
        AUDIENCE,
        partial(
            save_audience,
            segment_ids=segments.ids,
            track_ids=segments.track_ids,
            members=segments.members,
            shares=shares.values,
            user_ids=shares.user_ids,
        ),
        now_ms=now_ms,
        config={},
        inputs={KIND: kept.version},
        metrics={"listeners": float(len(shares.user_ids)), "segments": float(len(segments))},
    )
    with workspace.database.write() as connection:
        replace_gaps(connection, gaps, now_ms)
