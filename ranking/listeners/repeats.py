"""How soon a listener may be offered the same track again."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from core.events import DAY_MS
from ranking.model import UNKNOWN_TIME_MS, FeedQuery, Rows

HOUR_MS = DAY_MS // 24


class RepeatRule(BaseModel):
    """When a track may come back on one surface."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repeat_window_days: float | None = Field(default=30.0, ge=0, le=3650)
    """Days since the last play before a track may come back; None never brings one back."""
    shown_window_hours: float = Field(default=4.0, ge=0, le=48)
    """Hours before a track that was shown and not played may be shown again."""


class RepeatConfig(BaseModel):
    """The rule of each surface."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: RepeatRule = RepeatRule()
    """The rule of surfaces that have none of their own."""
    surfaces: dict[str, RepeatRule] = {"discovery": RepeatRule(repeat_window_days=None)}
    """Surface → its rule."""

    def rule(self, surface: str) -> RepeatRule:
        """Return the rule of a surface."""
        return self.surfaces.get(surface, self.default)


def too_recent(query: FeedQuery, config: RepeatConfig) -> Rows:
    """Return the tracks that the listener heard, or was shown, too recently.

    A play whose time nobody recorded is kept from coming back: it cannot be shown to be long ago.

    Args:
        query: The request; its listener, surface and moment decide.
        config: The windows.

    Returns:
        (k,) catalogue rows, distinct, ascending.
    """
    rule, listener = config.rule(query.surface), query.listener
    heard = (listener.plays > 0) | (listener.finishes > 0)
    if rule.repeat_window_days is not None:
        since_ms = query.now_ms - rule.repeat_window_days * DAY_MS
        heard &= (listener.last_at_ms > since_ms) | (listener.last_at_ms == UNKNOWN_TIME_MS)
    shown_since_ms = query.now_ms - rule.shown_window_hours * HOUR_MS
    shown = listener.shown_rows[listener.shown_at_ms > shown_since_ms]
    return np.unique(np.concatenate([listener.rows[heard], shown]))
