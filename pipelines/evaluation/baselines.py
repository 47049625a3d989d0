"""Plain models that a feed has to beat, by the plainest means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.ids import Ids
from embeddings.collaborative.factors import AlsFactors
from pipelines.ranker_training.ranker_data import ANYTHING
from pipelines.reference_blend import ReferenceBlend
from ranking.catalogue import Catalogue
from ranking.evaluation.tables import DEPTH
from ranking.learned import Learned
from ranking.model import FeedQuery, Floats, Rows

BASELINES = ("popular", "recent_popular", "favourites", "als", "item_knn", "ease", "ease_als_sum")


@dataclass(frozen=True, slots=True, eq=False)
class Baselines:
    """Every baseline of one split.

    Args:
        learned: Counts and co-listened tracks.
        plain: Factors from plays alone: a baseline knows nothing of sound.
        reference: EASE, and its sum with four fits of ALS.
        users: Listeners ↔ rows of the factors.
    """

    learned: Learned
    plain: AlsFactors
    reference: ReferenceBlend
    users: Ids

    def scores(self, query: FeedQuery) -> Mapping[str, Floats]:
        """Return baseline → (n_tracks,) scores of the whole catalogue.

        `favourites` are what the listener played most, where repeats are wanted.
        """
        factors, n = self.plain, self.learned.statistics.plays.size
        user = query.listener.user_id
        als = np.zeros(n, dtype=np.float32)
        if user in self.users:
            als = factors.tracks @ factors.users[self.users.row(user)]
        knn = np.zeros(n, dtype=np.float32)
        damped = np.log1p(query.listener.plays)
        found, near = self.learned.neighbours.scores(query.listener.rows, damped)
        knn[found] = near
        scores = {
            "popular": self.learned.statistics.listeners,
            "recent_popular": self.learned.statistics.recent,
            "item_knn": knn,
            "als": als,
            "ease": self.reference.ease(user),
            "ease_als_sum": self.reference.total(user),
        }
        if query.surface == ANYTHING:
            scores["favourites"] = np.zeros(n, dtype=np.float32)
            scores["favourites"][query.listener.rows] = query.listener.plays
        return scores


def best_rows(scores: Floats, query: FeedQuery, catalogue: Catalogue) -> Rows:
    """Return the best rows of the whole catalogue that may be shown.

    Those the listener met are left out, or, where repeats are wanted, those they turned down.
    """
    allowed = catalogue.servable.copy()
    who = query.listener
    allowed[who.rows[who.opinions < 0] if query.surface == ANYTHING else who.rows] = False
    masked = np.where(allowed, scores, -np.inf)
    count = min(DEPTH, int(allowed.sum()))
    top = np.argpartition(-masked, count - 1)[:count] if count else np.empty(0, dtype=np.int64)
    return top[np.lexsort((top, -masked[top]))]
