"""`segue explain`: one listener, one track, and what every stage of the live feed makes of them."""

from __future__ import annotations

import math

import numpy as np
import sqlalchemy as sa

from core.errors import DataError
from core.randomness import derive_seed
from core.schema import tracks
from core.workspace import Workspace
from pipelines.job import Report
from ranking.assembly import FeedConfig, assemble
from ranking.explanation import Explanation, explain
from ranking.listeners.state import load_listener
from ranking.loading import load_catalogue, load_learned, load_ranker
from ranking.model import FeatureMatrix, FeedQuery
from ranking.rankers.contributions import Contributions, contributions


class SourceVerdict(Report):
    """Whether a source offered the track."""

    source: str
    offered: int
    """Tracks it offered in all."""
    rank: int | None
    """Of this one, from 0."""
    score: float | None


class FilterVerdict(Report):
    """Whether a filter lets the track pass."""

    filter: str
    allows: bool


class FeatureShare(Report):
    """What one feature adds to one raw score."""

    feature: str
    value: float | None
    """Null where it is not known."""
    adds: float


class OutcomeVerdict(Report):
    """How a raw score comes about; base and shares add up to it."""

    outcome: str
    base: float
    """What the trees say of the average candidate they were grown on."""
    raw: float
    predicted: float | None
    """The calibrated probability, where the ranker predicts outcomes."""
    shares: tuple[FeatureShare, ...]
    """Largest first."""


class TrackExplanation(Report):
    """Every stage's verdict on one track for one listener."""

    user_id: str
    track_id: str
    title: str | None
    at: int
    """The moment of the request, UTC milliseconds."""
    verdict: str
    """In one sentence."""
    sources: tuple[SourceVerdict, ...]
    failed: dict[str, str]
    """Sources and stages that could not answer, with the reason."""
    filters: tuple[FilterVerdict, ...]
    score: float
    rank: int
    """Among everything eligible and this track, from 0."""
    ranked: int
    outcomes: tuple[OutcomeVerdict, ...]
    position: int | None
    """Its slot on the page."""
    reason: str | None
    propensity: float | None
    """Probability with which it got its slot."""
    degraded: bool
    """Whether a fallback made the page, so that the ranker had no say."""


def explain_track(
    workspace: Workspace, config: FeedConfig, *, user_id: str, track_id: str, now_ms: int, top: int
) -> TrackExplanation:
    """Follow a track through the live feed for a listener; somebody unknown is a new listener.

    Args:
        workspace: The data folder.
        config: The feed.
        user_id: Who asks.
        track_id: For which track.
        now_ms: When.
        top: Features shown of each outcome, at most.

    Raises:
        DataError: If there is no such track.
    """
    live = workspace.artifacts.live()
    versions = live.versions if live else {}
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection)
        row = catalogue.tracks.row(track_id) if track_id in catalogue.tracks else None
        if row is None:
            raise DataError(
                f"there is no track {track_id!r}; give the track_id of the tracks table"
            )
        listener = load_listener(connection, catalogue, user_id, now_ms)
        title = connection.execute(
            sa.select(tracks.c.title).where(tracks.c.track_id == track_id)
        ).scalar_one()
    learned = load_learned(workspace.artifacts, versions, catalogue)
    engine = assemble(catalogue, learned, load_ranker(workspace.artifacts, versions), config)
    query = FeedQuery(listener, config.size, now_ms, derive_seed(0, user_id))
    found = explain(engine, query, row)
    parts = contributions(engine.ranker, found.features)
    on_page = found.position
    feed = found.page.feed
    return TrackExplanation(
        user_id=user_id,
        track_id=track_id,
        title=title,
        at=now_ms,
        verdict=_in_a_sentence(found),
        sources=_sources(found),
        failed=dict(found.page.trace.failed),
        filters=tuple(FilterVerdict(filter=n, allows=a) for n, a in found.allowed.items()),
        score=found.score,
        rank=found.rank,
        ranked=found.ranked,
        outcomes=tuple(_outcome(part, found, top) for part in parts),
        position=on_page,
        reason=None if on_page is None else feed.reasons[on_page],
        propensity=None if on_page is None else float(feed.propensities[on_page]),
        degraded=found.page.trace.degraded,
    )


def _sources(found: Explanation) -> tuple[SourceVerdict, ...]:
    return tuple(
        SourceVerdict(source=name, offered=word.offered, rank=word.rank, score=word.score)
        for name, word in found.offers.items()
    )


def _outcome(part: Contributions, found: Explanation, top: int) -> OutcomeVerdict:
    adds = part.parts[0]
    order = np.argsort(-np.abs(adds), kind="stable")[:top]
    shares = tuple(
        FeatureShare(
            feature=part.names[column],
            value=_known(found.features, part.names[column]),
            adds=float(adds[column]),
        )
        for column in order
    )
    return OutcomeVerdict(
        outcome=part.outcome,
        base=float(part.base[0]),
        raw=float(part.base[0] + adds.sum()),
        predicted=_known(found.predictions, f"p_{part.outcome}"),
        shares=shares,
    )


def _known(matrix: FeatureMatrix, name: str) -> float | None:
    """Return a value of the one row; None where it is missing or there is no such column."""
    if name not in matrix.names:
        return None
    value = float(matrix.values[0, matrix.names.index(name)])
    return None if math.isnan(value) else value


def _in_a_sentence(found: Explanation) -> str:
    refused = [name for name, allows in found.allowed.items() if not allows]
    place = f"rank {found.rank + 1} of {found.ranked}"
    if found.position is not None:
        if found.page.trace.degraded:
            return f"in slot {found.position} of a page that a fallback made"
        return f"in slot {found.position}, at {place}"
    if refused:
        return f"not eligible: refused by {', '.join(refused)}; would stand at {place}"
    if not found.is_offered:
        return f"no source offered it; would stand at {place}"
    slots = len(found.page.feed)
    if found.rank >= slots:
        return f"eligible, at {place}, and the page has {slots} slots"
    return f"eligible, at {place}, and passed over for spacing, diversity or a cap of the page"
