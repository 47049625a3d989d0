"""Settings of the built-in world: its size, how its listeners behave, how they play on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.events import DAY_MS
from pipelines.music.style import STYLES


class BehaviourConfig(BaseModel):
    """How a listener meets a track; logits and weights act on appeal in standard deviations.

    The defaults were set on 400 tracks and 2,000 listeners so that 15 to 35 % of the shown slots
    are finished, the median listener plays 60 to 120 tracks in 30 days, and the Gini coefficient
    of plays over tracks lies between 0.4 and 0.75.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    taste_weight: float = Field(default=1.2, ge=0, le=5)
    """Appeal of one standard deviation of taste match."""
    quality_weight: float = Field(default=0.35, ge=0, le=5)
    """Appeal of one standard deviation of the track's quality, the same for everyone."""
    mood_noise: float = Field(default=0.5, ge=0, le=5)
    """Standard deviation of what taste and quality do not explain, drawn at each meeting."""
    glance_noise: float = Field(default=0.8, ge=0, le=5)
    """Standard deviation of the error with which appeal is guessed before the track is heard."""
    novelty_weight: float = Field(default=0.5, ge=0, le=5)
    """Appeal that a track never heard gains or loses by the listener's appetite for the new."""
    fatigue_strength: float = Field(default=0.9, ge=0, le=5)
    """Appeal lost at one recent full listen, for a middling appetite for the new."""
    fatigue_days: float = Field(default=6.0, gt=0, le=365)
    """Days after which the memory of a listen has faded to 1/e."""
    start_bias: float = Field(default=1.2, ge=-10, le=10)
    """Logit that an examined slot of appeal 0 is started."""
    start_slope: float = Field(default=0.7, ge=0, le=10)
    """Logit gained by a unit of guessed appeal."""
    finish_bias: float = Field(default=-0.3, ge=-10, le=10)
    """Logit that a started track of appeal 0 is heard to the end."""
    finish_slope: float = Field(default=1.4, ge=0, le=10)
    """Logit gained by a unit of appeal."""
    p_like: float = Field(default=0.3, ge=0, le=1)
    """Probability that a finished track of boundless appeal is liked."""
    p_dislike: float = Field(default=0.15, ge=0, le=1)
    """Probability that a skipped track without any appeal is disliked."""
    p_save: float = Field(default=0.2, ge=0, le=1)
    """Probability that a like is followed by a save."""
    p_follow: float = Field(default=0.08, ge=0, le=1)
    """Probability that a like is followed by following the creator."""
    organic_tracks: float = Field(default=2.2, ge=0, le=20)
    """Mean number of tracks a listener seeks out at the beginning of a session."""
    organic_taste: float = Field(default=1.8, ge=0, le=10)
    """How strongly appeal decides what is sought out."""
    organic_popularity: float = Field(default=0.45, ge=0, le=5)
    """How strongly the logarithm of recent plays decides what is sought out."""
    p_more: float = Field(default=0.25, ge=0, le=0.95)
    """Probability of asking for another page after a page."""
    sessions_a_day: float = Field(default=0.42, gt=0, le=20)
    """Median over listeners."""
    chart_exploration: float = Field(default=0.15, gt=0, le=1)
    """Share of the charts page's weight that is spread evenly over all tracks."""
    chart_power: float = Field(default=1.0, ge=0, le=3)
    """Exponent on recent plays in the rest of its weight."""
    popularity_days: float = Field(default=7.0, gt=0, le=365)
    """Days after which a play has faded to 1/e in the charts."""
    page_size: int = Field(default=10, ge=1, le=100)
    """Slots of a page."""


class WorldConfig(BaseModel):
    """A world: the same config is the same world, down to the samples of its recordings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tracks: int = Field(default=400, ge=20, le=20_000)
    """How many tracks are composed and rendered."""
    listeners: int = Field(default=2000, ge=2, le=100_000)
    """How many listeners there are."""
    days: int = Field(default=30, ge=1, le=365)
    """Days of history."""
    seed: int = Field(default=7, ge=0, le=2**31 - 1)
    """Decides everything random."""
    start: date = date(2026, 1, 1)
    """Day 0 of the history; it begins at midnight UTC."""
    track_seconds: float = Field(default=12.0, ge=5, le=300)
    """Mean length of a track."""
    remix_share: float = Field(default=0.05, ge=0, le=0.5)
    """Share of the tracks that are remixes of an earlier one, with another kit, bass, key, …"""
    starve: tuple[str, ...] = ()
    """Styles most of whose tracks were never made, so that their listeners run dry."""
    starve_share: float = Field(default=0.9, ge=0, lt=1)
    """Share of the tracks of each starved style that is missing."""
    workers: int = Field(default=2, ge=1, le=64)
    """Processes that render; plays no part in the result."""
    behaviour: BehaviourConfig = BehaviourConfig()
    """How the listeners behave."""

    @field_validator("starve")
    @classmethod
    def _known_styles(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in STYLES:
                raise ValueError(
                    f"style {name!r} is unknown: choose of {', '.join(sorted(STYLES))}"
                )
        return tuple(sorted(set(names)))

    @property
    def start_ms(self) -> int:
        """Midnight UTC of day 0, epoch milliseconds."""
        since_epoch = datetime.combine(
            self.start, datetime.min.time(), UTC
        ) - datetime.fromtimestamp(0, UTC)
        return since_epoch // timedelta(milliseconds=1)

    @property
    def end_ms(self) -> int:
        """Midnight UTC after the last day of history, epoch milliseconds."""
        return self.start_ms + self.days * DAY_MS

    def identity(self) -> dict[str, object]:
        """Return the settings that decide what the world is, JSON-ready."""
        return self.model_dump(mode="json", exclude={"workers"})


class PlayConfig(BaseModel):
    """How the world goes on with the running engine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(default=2, ge=1, le=365)
    """Days played, from the midnight after the last event."""
    control_share: float = Field(default=0.3, ge=0, le=1)
    """Share of the listeners who get the popularity feed instead of the engine's."""
    play_listeners: int = Field(default=300, ge=1, le=100_000)
    """How many take part, drawn for each play from those who listen on its days; all where there
    are fewer."""
    page_size: int = Field(default=10, ge=1, le=100)
    """Slots of a page."""
    seed: int = Field(default=7, ge=0, le=2**31 - 1)
    """Decides who takes part, who is in which arm, and every choice of the listeners."""
    compare_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the pages in experiments that are compared with the other variations' pages."""
    resamples: int = Field(default=2000, ge=100, le=100_000)
    """Bootstrap resamples of listeners behind the intervals."""
