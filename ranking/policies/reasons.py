"""Says why a track is on the page, as a code that a face turns into words.

`similar_to:<track>`              sounds like a track of theirs
`listeners_like_you`              played by listeners alike
`often_heard_together:<track>`    played by the same listeners as a track of theirs
`popular_now`                     played by most
`not_played_yet`                  nobody has played it yet: all that a catalogue without plays has
`from_creator_you_follow`         made by someone they follow
`new_for_you`                     on trial, near their taste
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.ids import UNKNOWN_ROW
from embeddings.collaborative.neighbours import ItemNeighbours
from ranking.catalogue import Catalogue
from ranking.model import Candidates, FeedQuery, Floats, Mask, Rows
from ranking.sources.co_listened import CoListenedConfig, weighted_history
from ranking.sources.similar import SimilarConfig, audio_seeds

CODES = {
    "similar": "similar_to",
    "collaborative": "listeners_like_you",
    "co_listened": "often_heard_together",
    "autoencoder": "listeners_like_you",
    "popular": "popular_now",
    "followed": "from_creator_you_follow",
    "fresh": "new_for_you",
}
UNPLAYED = "not_played_yet"
SEEDED = ("similar", "co_listened")
UNEXPLAINED = "popular_now"  # what a page shows when no source's reason applies


@dataclass(frozen=True, slots=True, eq=False)
class Reasons:
    """Explains slots from the sources that brought them and the listener's own tracks.

    Args:
        catalogue: Names the tracks.
        vectors: (n_tracks, dim) unit rows.
        has_vector: (n_tracks,) which rows are not zero.
        neighbours: Co-listened tracks.
        similar: How the similar source chooses its seeds.
        co_listened: How the co-listened source weighs the history.
    """

    catalogue: Catalogue
    vectors: Floats
    has_vector: Mask
    neighbours: ItemNeighbours
    similar: SimilarConfig
    co_listened: CoListenedConfig

    def explain(self, query: FeedQuery, slots: Candidates) -> tuple[tuple[str, ...], list[str]]:
        """Return the source that ranked each track highest, and the reason's code.

        Args:
            query: Whose page.
            slots: The tracks of the page.
        """
        sources = main_sources(slots)
        seeds = {
            "similar": self._nearest_in_sound(query, slots.rows),
            "co_listened": self._heard_with(query, slots.rows),
        }
        unplayed = _unplayed(slots)
        reasons = [
            UNPLAYED
            if source == "popular" and unplayed[at]
            else self._code(source, int(seeds[source][at]) if source in SEEDED else UNKNOWN_ROW)
            for at, source in enumerate(sources)
        ]
        return sources, reasons

    def _code(self, source: str, seed: int) -> str:
        code = CODES.get(source, UNEXPLAINED)
        return f"{code}:{self.catalogue.tracks[seed]}" if seed != UNKNOWN_ROW else code

    def _nearest_in_sound(self, query: FeedQuery, rows: Rows) -> Rows:
        seeds, worth = audio_seeds(query, self.has_vector, self.similar)
        if not seeds.size:
            return np.full(rows.size, UNKNOWN_ROW, dtype=np.int64)
        return np.asarray(seeds[np.argmax(self.vectors[rows] @ self.vectors[seeds].T * worth, 1)])

    def _heard_with(self, query: FeedQuery, rows: Rows) -> Rows:
        history, weights = weighted_history(query, self.co_listened)
        unknown = np.full(rows.size, UNKNOWN_ROW, dtype=np.int64)
        if not history.size or not rows.size:
            return unknown
        shared = self.neighbours.similarity[history][:, rows].toarray() * weights[:, None]
        return np.where(shared.max(axis=0) > 0, history[np.argmax(shared, axis=0)], unknown)


def _unplayed(slots: Candidates) -> Mask:
    """Return which tracks the popular source offered without a single play behind them."""
    if "popular" not in slots.sources:
        return np.zeros(len(slots), dtype=np.bool_)
    return np.asarray(slots.source_scores[:, slots.sources.index("popular")] <= 0)


def main_sources(slots: Candidates) -> tuple[str, ...]:
    """Return the source that ranked each track highest; of equal ranks the first source."""
    ranks = np.where(np.isnan(slots.source_ranks), np.inf, slots.source_ranks)
    return tuple(slots.sources[column] for column in np.argmin(ranks, axis=1))
