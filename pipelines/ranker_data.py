"""Labelled candidates for the ranker: what the engine offered, and what was chosen of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from core.randomness import derive_seed, generator
from pipelines.splits import Grades, Split, relevant_rows
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.listeners.replay import EventLog
from ranking.model import NO_ROWS, Candidates, FeedQuery, Floats, Preferences, Rows
from ranking.rankers.training import RankingData


class LabelledRequest(NamedTuple):
    """The candidates of one request, described and graded.

    Args:
        now_ms: When it would have been made.
        user_id: By whom.
        values: (n, f) float32.
        grades: (n,) 0 where a candidate was not chosen.
    """

    now_ms: int
    user_id: str
    values: Floats
    grades: Grades


SURFACE = "discovery"  # never repeats: what is learned and judged is finding new tracks


def listener_log(split: Split, catalogue: Catalogue) -> EventLog:
    """Return the log that listeners of a split are read from."""
    known = split.history
    return EventLog.from_frames(known.events, known.plays, catalogue, known.impressions)


def query_of(
    log: EventLog, user_id: str, now_ms: int, preferences: Mapping[str, Preferences]
) -> FeedQuery:
    """Return the request a listener would make at a moment, from what was known before it.

    Args:
        log: What happened.
        user_id: Who.
        now_ms: When.
        preferences: Listener → what they asked for; those who asked nothing have the default.
    """
    wishes = preferences.get(user_id, Preferences())
    return FeedQuery(
        listener=log.listener(user_id, now_ms, wishes),
        size=100,
        now_ms=now_ms,
        seed=derive_seed(now_ms, user_id),
        surface=SURFACE,
        exclude=NO_ROWS,
    )


def labelled_candidates(
    engine: Engine,
    split: Split,
    catalogue: Catalogue,
    *,
    listeners: int,
    negatives: int,
    seed: int,
    preferences: Mapping[str, Preferences],
) -> Iterable[LabelledRequest]:
    """Yield (feature values, labels) of one request after another that holds something chosen.

    Args:
        engine: Learned from `split.history`; it makes candidates and features as when serving.
        split: Labels come from `split.held`.
        catalogue: The tracks.
        listeners: Requests at most; drawn at random where there are more.
        negatives: Candidates kept that were not chosen; drawn at random where there are more.
        seed: Decides the draws.
        preferences: Listener → what they asked for.
    """
    log = listener_log(split, catalogue)
    rows = catalogue.tracks.rows(split.held["track_id"].to_list())
    chosen = relevant_rows(split.held, rows)
    rng = generator(seed, "requests")
    users = sorted(chosen)
    picked = rng.permutation(len(users))[:listeners]
    for at in np.sort(picked):
        user = users[at]
        query = query_of(log, user, split.now_ms, preferences)
        candidates = engine.shortlist(query)
        labels = labels_of(candidates, *chosen[user])
        if not labels.any():
            continue
        values = engine.describe(query, candidates).values
        kept = _thinned(labels, negatives, rng)
        yield LabelledRequest(split.now_ms, user, values[kept], labels[kept])


def labels_of(candidates: Candidates, rows: Rows, grades: Grades) -> Grades:
    """Return (n,) the grade of each candidate, 0 where it was not chosen."""
    order = np.argsort(rows)
    place = np.minimum(np.searchsorted(rows[order], candidates.rows), rows.size - 1)
    found = rows[order][place] == candidates.rows
    return np.where(found, grades[order][place], 0).astype(np.int32)


def joined(
    names: tuple[str, ...],
    requests: Iterable[LabelledRequest],
) -> RankingData:
    """Return requests as one training set, the latest last.

    Where all are of one moment they stand by listener: those that end the growing of trees are
    then of listeners whom no tree has seen.
    """
    ordered = sorted(requests, key=lambda request: (request.now_ms, request.user_id))
    return RankingData(
        names=names,
        values=np.concatenate(
            [np.empty((0, len(names)), np.float32), *(request.values for request in ordered)]
        ),
        labels=np.concatenate([np.empty(0, np.int32), *(request.grades for request in ordered)]),
        groups=np.asarray([request.grades.size for request in ordered], np.int64),
    )


def _thinned(labels: Grades, negatives: int, rng: np.random.Generator) -> Rows:
    others = np.flatnonzero(labels == 0)
    if others.size > negatives:
        others = rng.choice(others, negatives, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(labels > 0), others]))
