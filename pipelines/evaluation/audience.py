"""Who is judged, what they went on to choose, and what is put before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import DataError
from pipelines.ranker_training.ranker_data import listener_log, query_of
from pipelines.splits import Grades, Split, relevant_rows
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.learned import Learned
from ranking.metrics.beyond_accuracy import surprisal
from ranking.model import Candidates, FeatureMatrix, FeedQuery, Floats, Preferences, Rows
from ranking.protocols import Ranker


@dataclass(frozen=True, slots=True, eq=False)
class Audience:
    """The listeners of one split.

    Args:
        relevant: Listener → rows to find, at least one, that any model may show.
        grades: Listener → how much each of those was wanted.
        queries: Their requests, in the same order.
        bits: (n_tracks,) surprisal of each track before the split.
    """

    relevant: Mapping[str, Rows]
    grades: Mapping[str, Grades]
    queries: tuple[FeedQuery, ...]
    bits: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Offered:
    """A part of the audience, with candidates that were described and scored.

    Args:
        queries: (q,) the requests.
        shortlists: (q,) candidates of each, in the order of the sources.
        features: One row a candidate, request after request.
        scores: Ranker's name → (q,) scores of each request's candidates.
    """

    queries: Sequence[FeedQuery]
    shortlists: Sequence[Candidates]
    features: FeatureMatrix
    scores: Mapping[str, Sequence[Floats]]

    @property
    def starts(self) -> Rows:
        """(q + 1,) where each request's rows of the features begin."""
        return np.concatenate([[0], np.cumsum([len(one) for one in self.shortlists])])

    def ranked(self, name: str, at: int) -> Candidates:
        """Return the candidates of one request in a ranker's order."""
        return self.shortlists[at].ranked(self.scores[name][at])


def audience_of(
    split: Split,
    catalogue: Catalogue,
    learned: Learned,
    preferences: Mapping[str, Preferences],
) -> Audience:
    """Return the listeners of a split who chose anything that may be shown.

    Raises:
        DataError: If there is nobody.
    """
    rows = catalogue.tracks.rows(split.held["track_id"].to_list())
    relevant, grades = {}, {}
    for user, (found, wanted) in relevant_rows(split.held, rows).items():
        shown = catalogue.servable[found]
        if shown.any():
            relevant[user], grades[user] = found[shown], wanted[shown]
    if not relevant:
        raise DataError("no listener chose anything in the held-out part; import more listening")
    log = listener_log(split, catalogue)
    return Audience(
        relevant=relevant,
        grades=grades,
        queries=tuple(query_of(log, user, split, preferences) for user in relevant),
        bits=surprisal(learned.statistics.listeners, max(len(log.user_ids), 1)),
    )


def offer(engine: Engine, rankers: Mapping[str, Ranker], queries: Sequence[FeedQuery]) -> Offered:
    """Find, describe and score the candidates of some requests; all rankers judge the same rows.

    Args:
        engine: Finds, filters and describes; its own ranker is not asked.
        rankers: Name → judge.
        queries: The requests.

    Raises:
        ArtifactError: If a ranker needs a feature that is not built.
    """
    shortlists = [engine.shortlist(query) for query in queries]
    features = engine.features.build(queries, shortlists)
    ends = np.cumsum([len(shortlist) for shortlist in shortlists])[:-1]
    scores = {name: np.split(one.score(features), ends) for name, one in rankers.items()}
    return Offered(queries, shortlists, features, scores)
