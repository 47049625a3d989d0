"""What a listener does in this session, and how much more it counts than what they did before."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ranking.model import UNKNOWN_TIME_MS, FeedQuery, Floats, Mask

MINUTE_MS = 60_000


class SessionConfig(BaseModel):
    """How the current session moves the candidates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_minutes: float = Field(default=30.0, ge=0, le=1440)
    """What was met so recently belongs to the session; 0 knows no sessions."""
    boost: float = Field(default=2.0, ge=0, le=100)
    """How many times more than usual a track of the session counts, beside once as ever."""


def in_session(query: FeedQuery, config: SessionConfig) -> Mask:
    """Return which tracks the listener met in the session; aligned with `listener.rows`.

    Reads only when each track was last met and the moment of the request, which serving and replay
    know alike. A play whose time nobody recorded belongs to no session.

    Args:
        query: The request.
        config: The window.
    """
    since_ms = query.now_ms - config.window_minutes * MINUTE_MS
    met_at_ms = query.listener.last_at_ms
    return np.asarray((met_at_ms > since_ms) & (met_at_ms != UNKNOWN_TIME_MS))


def session_emphasis(query: FeedQuery, config: SessionConfig) -> Floats:
    """Return what each track is to be multiplied by: 1, or 1 + boost in the session.

    Args:
        query: The request.
        config: Window and boost.

    Returns:
        (k,) float32 ≥ 1, aligned with `listener.rows`.
    """
    return np.where(in_session(query, config), 1.0 + config.boost, 1.0).astype(np.float32)
