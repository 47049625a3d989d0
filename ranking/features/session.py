"""What the listener has been doing for the last half hour, and how a candidate fits it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ranking.features.batch import Offered, Requests
from ranking.model import UNKNOWN_TIME_MS, Floats

SESSION_MS = 30 * 60_000  # a pause of half an hour ends a sitting, as in web analytics
MAX_MINUTES = 7 * 24 * 60.0  # longer pauses are all alike


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """Tracks met in this sitting, share left early, pause before the page, fit of the sound.

    Args:
        vectors: (n_tracks, dim) unit rows; zero rows where a track has none.
    """

    vectors: Floats

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return ("session_tracks", "session_skip_share", "session_pause_min", "session_audio")

    def describe(self, requests: Requests, offered: Offered) -> Floats:
        """Return (n, 4); NaN where the listener has met nothing (lately)."""
        ago_ms = requests.now_ms[requests.owners] - requests.last_at_ms
        timed = requests.last_at_ms != UNKNOWN_TIME_MS
        inside = timed & (ago_ms <= SESSION_MS)
        tracks = requests.totals(inside)
        left_early = requests.totals(inside & (requests.skips > requests.finishes))
        share = np.divide(left_early, tracks, out=np.full_like(tracks, np.nan), where=tracks > 0)
        pause = np.full(len(requests), np.nan)
        np.fmin.at(pause, requests.owners[timed], np.minimum(ago_ms[timed] / 60_000, MAX_MINUTES))
        told = np.column_stack([np.log1p(tracks), share, pause])[offered.owners]
        return np.column_stack([told, self._fit(requests, inside, offered)]).astype(np.float32)

    def _fit(
        self,
        requests: Requests,
        inside: np.ndarray[tuple[int], np.dtype[np.bool_]],
        offered: Offered,
    ) -> Floats:
        """Return (n,) cosine to the mean of what was met in this sitting and not left early."""
        at = np.flatnonzero(inside & (requests.skips <= requests.finishes))
        sound = np.zeros((len(requests), self.vectors.shape[1]), dtype=np.float32)
        np.add.at(sound, requests.owners[at], self.vectors[requests.rows[at]])
        lengths = np.sqrt(np.einsum("rd,rd->r", sound, sound))
        sound /= np.where(lengths > 0, lengths, np.inf)[:, None]
        vectors, owners = self.vectors[offered.rows], offered.owners
        cosine = np.einsum("nd,nd->n", vectors, sound[owners])
        silent = (lengths[owners] == 0) | ~np.any(vectors != 0, axis=1)
        return np.where(silent, np.nan, cosine).astype(np.float32)
