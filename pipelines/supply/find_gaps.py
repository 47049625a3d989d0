"""Finding gaps: reads listening and tracks, keeps the segments and what runs short in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from core.errors import DataError
from core.randomness import derive_seed
from core.workspace import Workspace
from embeddings.collaborative.factors import AlsConfig, AlsFactors
from pipelines.catalogue import LiveCatalogue, open_catalogue
from pipelines.history import input_fingerprints, load_history
from pipelines.job import Progress, Report
from pipelines.supply.demand.appetite import appetite
from pipelines.supply.demand.configuration import GapsConfig
from pipelines.supply.demand.gap import Figures, Shortfall, figures
from pipelines.supply.demand.habits import Habits, SegmentHabits, habits, segment_habits
from pipelines.supply.demand.liking import Liking, fit_liking
from pipelines.supply.demand.stock import Shelves, stock
from pipelines.supply.demand.timeless import played_liking
from pipelines.supply.segments.artifact import Segments
from pipelines.supply.segments.continuity import carried, number_of
from pipelines.supply.segments.cutting import centroids, cut
from pipelines.supply.segments.labels import label_of, telling_words
from pipelines.supply.segments.space import taste_space
from pipelines.traffic import TrafficConfig
from ranking.catalogue import Catalogue
from ranking.filters.ai_preference import wanted
from ranking.model import AiPreference, Floats, Preferences, Rows
from ranking.supply.gap import Estimate, Gap, Spread, list_gaps, replace_gaps

KIND = "segments"
NAMED_TRACKS = 10  # loved and exhausted tracks that are told of each segment
LEVEL_PLAYS = 20.0  # plays at the mean rate that a track starts with when the loved are sought


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
    segments, points, churn, gone = _segments(workspace, opened, tallies, config, seed)
    told(1, 4)
    listening = habits(history, tallies, opened.catalogue.tracks, config.habits)
    if not len(segments) or not listening.user_ids or not listening.pairs.plays.size:
        raise DataError(
            "no gap can be found without tracks and listening of them; import both first"
        )
    liking = _liking(listening, points, config, als, seed)
    told(2, 4)
    short, temperature = _shortfall(opened, listening, liking, segments, config)
    told(3, 4)
    found = figures(short, config.gap, derive_seed(seed, "gaps"))
    told(4, 4)
    played = segment_habits(
        history, opened.catalogue.tracks, segments.members, len(segments), config.habits
    )
    tracks = _tracks_of(listening, opened.catalogue, segments)
    described = _described(segments, found, short, played, tracks, config)
    known = np.isin(segments.ids, _reported_before(workspace))
    gaps = tuple(described[row] for row in found.reported(config.gap, known))
    _keep(workspace, segments, gaps, opened, config, churn, now_ms)
    order = np.argsort(-found.gained_per_track[:, 0], kind="stable")
    return GapsReport(
        gaps=gaps,
        segments=tuple(described[row] for row in order),
        churn=round(churn, 4),
        gone=gone,
        listeners=len(listening.user_ids),
        temperature=round(temperature, 4),
    )


def newest_segments(workspace: Workspace) -> Segments | None:
    """Return the segments of the last search, or None before the first."""
    newest = workspace.artifacts.latest(KIND)
    if newest is None:
        return None
    return Segments.load(workspace.artifacts.folder(KIND, newest.version))


def _points(
    workspace: Workspace, opened: LiveCatalogue, listeners: Rows, config: GapsConfig
) -> Floats:
    """Return where the catalogue's tracks lie in the taste space."""
    catalogue = opened.catalogue
    newest = workspace.artifacts.latest("factors")
    factors: Floats = np.zeros((len(catalogue), 0), dtype=np.float32)
    if newest is not None:
        learned = AlsFactors.load(workspace.artifacts.folder("factors", newest.version))
        factors = learned.aligned(catalogue.tracks.values)
    return taste_space(catalogue, opened.audio.vectors, factors, listeners, config.space)


def _met(tallies: pl.DataFrame, catalogue: Catalogue) -> sp.csr_matrix:
    """Return (u, n) 1 where a listener played a track."""
    played = tallies.filter(pl.col("plays") > 0)
    rows = catalogue.tracks.rows(played["track_id"].to_list())
    users = played["user_id"].rank("dense").to_numpy().astype(np.int64) - 1
    known = rows >= 0
    shape = (int(users.max(initial=-1)) + 1, len(catalogue))
    return sp.csr_matrix((np.ones(known.sum()), (users[known], rows[known])), shape=shape)


def _segments(
    workspace: Workspace,
    opened: LiveCatalogue,
    tallies: pl.DataFrame,
    config: GapsConfig,
    seed: int,
) -> tuple[Segments, Floats, float, tuple[str, ...]]:
    """Cut taste anew and name the segments after those of the last search."""
    catalogue = opened.catalogue
    met = _met(tallies, catalogue)
    points = _points(workspace, opened, np.diff(met.tocsc().indptr), config)
    members = cut(points, met, config.segments, derive_seed(seed, "segments"))
    before = newest_segments(workspace)
    names, numbers = before.by_track if before else ([], []), _numbers_used(workspace)
    kept = carried(names, catalogue.tracks.values, members, max(numbers, default=0) + 1)
    loudness = np.log1p(np.asarray(met.sum(axis=0)).ravel()) + 0.1
    words = telling_words(catalogue.tags, catalogue.tag_names, members, loudness)
    segments = Segments(
        ids=kept.ids,
        words=words,
        labels=tuple(label_of(*pair) for pair in zip(kept.ids, words, strict=True)),
        centroids=centroids(points, members),
        track_ids=catalogue.tracks.values,
        members=members,
    )
    return segments, points, kept.churn, kept.gone


def _reported_before(workspace: Workspace) -> list[str]:
    with workspace.database.read() as connection:
        return [gap.segment for gap in list_gaps(connection)]


def _numbers_used(workspace: Workspace) -> list[int]:
    """Return the highest number that a segment's name has had, as the last artifact keeps it."""
    newest = workspace.artifacts.latest(KIND)
    return [int(newest.metrics["highest_number"])] if newest is not None else []


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
) -> tuple[Shortfall, float]:
    catalogue, count = opened.catalogue, len(segments)
    on_air = np.where(catalogue.servable, segments.members, -1)
    appetites = appetite(liking, listening.pairs, on_air, count)
    kinds, allows = _kinds(catalogue, [opened.preferences.get(u) for u in listening.user_ids])
    shelves = Shelves(on_air, kinds, allows)
    left = stock(liking, listening.pairs, shelves, count, config.threads)
    wanted = appetites.shares * (listening.variety * np.float32(config.gap.horizon_days))[:, None]
    return Shortfall(wanted, left, appetites.liking), appetites.temperature


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


@dataclass(frozen=True, slots=True, eq=False)
class _Tracks:
    """Per segment: tracks on air, and the ids of those loved and exhausted most."""

    on_air: Rows
    loved: list[tuple[str, ...]]
    exhausted: list[tuple[str, ...]]


def _tracks_of(listening: Habits, catalogue: Catalogue, segments: Segments) -> _Tracks:
    pairs, n = listening.pairs, len(catalogue)
    plays = np.bincount(pairs.tracks, pairs.plays, n)
    finishes = np.bincount(pairs.tracks, pairs.finishes, n)
    listeners = np.bincount(pairs.tracks, minlength=n)
    mean = finishes.sum() / max(plays.sum(), 1.0)
    rate = (finishes + LEVEL_PLAYS * mean) / (plays + LEVEL_PLAYS)
    love = (rate if mean > 0 else 1.0) * np.log1p(listeners)  # without outcomes reach decides
    again = plays / np.maximum(listeners, 1) * np.log1p(listeners)
    servable = catalogue.servable
    loved: list[tuple[str, ...]] = []
    exhausted: list[tuple[str, ...]] = []
    for segment in range(len(segments)):
        rows = np.flatnonzero((segments.members == segment) & servable & (listeners > 0))
        for order, kept in ((love, loved), (again, exhausted)):
            best = rows[np.argsort(-order[rows], kind="stable")[:NAMED_TRACKS]]
            kept.append(catalogue.tracks.take(best))
    on_air = np.bincount(
        segments.members[servable & (segments.members >= 0)], minlength=len(segments)
    )
    return _Tracks(on_air, loved, exhausted)


def _described(
    segments: Segments,
    found: Figures,
    short: Shortfall,
    played: SegmentHabits,
    tracks: _Tracks,
    config: GapsConfig,
) -> list[Gap]:
    needed = (short.wanted * short.lost).sum(axis=0, dtype=np.float64)
    needed /= np.maximum(short.wanted.sum(axis=0, dtype=np.float64), 1e-9)
    return [
        Gap(
            segment=segments.ids[row],
            label=segments.labels[row],
            words=segments.words[row],
            listeners=int(found.listeners[row]),
            unheard_good=round(float(found.unheard_good[row]), 2),
            days_until_dry=Spread(**_rounded(("p10", "p50", "p90"), found.days_until_dry[row])),
            expected_listens_lost=_estimate(found.lost[row]),
            lost_share=_estimate(found.lost_share[row]),
            gained_per_track=_estimate(found.gained_per_track[row]),
            confidence=round(float(found.confidence[row]), 3),
            evidence="enough" if found.effective[row] >= config.gap.enough_listeners else "little",
            tracks=int(tracks.on_air[row]),
            missing_tracks=round(float(needed[row]), 2),
            plays_a_day=round(float(played.plays[row]), 2),
            repeat_share=round(float(played.repeat_share[row]), 4),
            skip_rates=tuple(
                None if np.isnan(rate) else round(float(rate), 4) for rate in played.skip_rates[row]
            ),
            loved=tracks.loved[row],
            exhausted=tracks.exhausted[row],
        )
        for row in range(len(segments))
    ]


def _rounded(names: tuple[str, ...], values: NDArray[np.float64]) -> dict[str, Any]:
    return {name: round(float(value), 3) for name, value in zip(names, values, strict=True)}


def _estimate(values: NDArray[np.float64]) -> Estimate:
    return Estimate(**_rounded(("mean", "low", "high"), values))


def _keep(
    workspace: Workspace,
    segments: Segments,
    gaps: tuple[Gap, ...],
    opened: LiveCatalogue,
    config: GapsConfig,
    churn: float,
    now_ms: int,
) -> None:
    """Write the segments as an artifact, and the gaps into the store."""
    highest = max([number_of(name) for name in segments.ids] + _numbers_used(workspace))
    workspace.artifacts.create(
        KIND,
        segments.save,
        now_ms=now_ms,
        config=config.model_dump(),
        inputs={**input_fingerprints(workspace.warehouse), **opened.made_from},
        metrics={
            "segments": float(len(segments)),
            "gaps": float(len(gaps)),
            "churn": churn,
            "highest_number": float(highest),
        },
    )
    with workspace.database.write() as connection:
        replace_gaps(connection, gaps, now_ms)
