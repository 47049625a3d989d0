"""What travels over HTTP: the bodies of requests and answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core.events import ExternalId, Interaction
from ranking.model import AiPreference
from service.cursor import MAX_TEXT

MAX_EVENTS = 500
MAX_BLOCKED_CREATORS = 1_000

OriginName = Literal["human", "generated", "assisted"]
StatusName = Literal["trial", "active", "retired"]
"""Statuses a listener may see; a track that is pending or blocked is not there for them."""


class FeedParameters(BaseModel):
    """The query of `GET /v1/feed`."""

    user_id: ExternalId
    size: int | None = Field(default=None, ge=1, le=100)
    """Slots wanted; `[feed] size` where it is not said."""
    surface: str = Field(default="home", pattern=r"^[a-z0-9_-]{1,32}$")
    exclude: str = Field(default="", max_length=16_384)
    """Track ids the caller does not want, separated by commas; unknown ones are ignored."""
    cursor: str = Field(default="", max_length=MAX_TEXT)
    """`next_cursor` of the page before; a feed's first page is asked for without."""

    @property
    def excluded_ids(self) -> list[str]:
        """The ids of `exclude`."""
        return [part for part in self.exclude.split(",") if part]


class Slot(BaseModel):
    """One place of a feed."""

    position: int
    """From 0; send it back with the events of this slot."""
    track_id: str
    title: str | None
    artist: str | None
    creator_id: str | None
    origin: OriginName
    source: str
    """The candidate source that brought the track."""
    reason: str
    """Why it is here, in words for the listener."""
    score: float | None
    propensity: float | None
    """Probability that this track got this slot: below 1 where the slot was drawn."""
    is_fresh: bool
    """Whether the slot is kept for tracks on trial."""
    stream_url: str | None
    """Path of the recording on this service; null where there is none."""
    duration_ms: int | None


class FeedAnswer(BaseModel):
    """One page for one listener."""

    request_id: str
    """Send it back with the events of this page."""
    user_id: str
    surface: str
    degraded: bool
    """Whether a fallback made the page."""
    slots: list[Slot]
    next_cursor: str | None
    """Asks for the page after this one; null where the feed ends, and another may begin."""


class EventBatch(BaseModel):
    """The body of `POST /v1/events`; a bare list of events is taken too."""

    events: list[Interaction] = Field(max_length=MAX_EVENTS)


class EventVerdict(BaseModel):
    """What became of one event."""

    index: int
    """Its place in the batch, from 0."""
    event_id: str | None
    """Null where the event had no readable id."""
    status: Literal["accepted", "duplicate", "rejected"]
    reason: str | None = None
    """Why it was rejected."""


class EventsAnswer(BaseModel):
    """What became of a batch, event by event."""

    accepted: int
    duplicates: int
    rejected: int
    verdicts: list[EventVerdict]


class TrackCard(BaseModel):
    """A track as it stands in a list."""

    track_id: str
    title: str | None
    artist: str | None
    creator_id: str | None
    origin: OriginName
    duration_ms: int | None
    stream_url: str | None


class Provenance(BaseModel):
    """How a generated track, or a remix, came about."""

    generator: str | None
    model: str | None
    brief_id: str | None
    prompt: str | None
    parents: list[str]


class TrackDetail(TrackCard):
    """Everything a listener may know of a track."""

    album: str | None
    genre: str | None
    status: StatusName
    explicit: bool
    language: str | None
    regions: list[str]
    released_at: int | None
    """UTC, milliseconds."""
    tags: list[str]
    provenance: Provenance


class SimilarTrack(TrackCard):
    """A neighbour and how near it is."""

    score: float


class SimilarAnswer(BaseModel):
    """The neighbours of a track, nearest first."""

    track_id: str
    basis: Literal["audio", "listening", "none"]
    """What they are near by: how they sound, who listens to them, or nothing known."""
    tracks: list[SimilarTrack]


def _sorted_distinct(values: list[str]) -> list[str]:
    return sorted(set(values))


class PreferencesBody(BaseModel):
    """What a listener asks for; a PUT replaces the whole."""

    model_config = ConfigDict(extra="forbid")

    ai: AiPreference = AiPreference.ALL
    """Generated tracks: `all`, `labelled` (only with stated provenance) or `none`."""
    explicit: bool = True
    region: Annotated[str, AfterValidator(str.upper)] = Field(
        default="", pattern=r"^([A-Za-z]{2})?$"
    )
    """ISO 3166 country code; empty where it is not known."""
    blocked_creators: Annotated[list[ExternalId], AfterValidator(_sorted_distinct)] = Field(
        default_factory=list, max_length=MAX_BLOCKED_CREATORS
    )


class PreferencesAnswer(PreferencesBody):
    """What a listener asked for."""

    user_id: str


class Health(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """What the service serves from."""

    status: Literal["ready"] = "ready"
    promotion_id: int
    """0 where nothing was promoted."""
    versions: dict[str, str]
    """Kind of artifact → its live version."""
    tracks: int
    servable_tracks: int
    refused: str
    """Why the newest promotion is not served, or empty."""
