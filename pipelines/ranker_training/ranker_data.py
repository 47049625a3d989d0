"""Labelled candidates for the ranker: what the engine offered, and what was chosen of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from core.randomness import derive_seed, generator
from pipelines.ranker_training.training_set import Kind, TrainingSet
from pipelines.splits import Grades, Split, relevant_rows
from ranking.assembly import FeedConfig
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.listeners.repeats import RepeatRule
from ranking.listeners.replay import EventLog
from ranking.model import NO_ROWS, Candidates, FeedQuery, Floats, Preferences, Rows
from ranking.rankers.training import RankingData


class LabelledRequest(NamedTuple):
    """The candidates of one request, described and graded.

    Args:
        now_ms: When it would have been made.
        user_id: By whom.
        rows: (n,) catalogue rows.
        values: (n, f) float32.
        grades: (n,) 0 where a candidate was not chosen.
    """

    now_ms: int
    user_id: str
    rows: Rows
    values: Floats
    grades: Grades


REQUESTS_AT_ONCE = 64  # described together: enough to share what a call costs, few to hold
NEW_ONLY = "discovery"  # never repeats: what is learned and judged is finding new tracks
ANYTHING = "anything"  # tracks come back as soon as they are wanted


def listener_log(split: Split, catalogue: Catalogue) -> EventLog:
    """Return the log that listeners of a split are read from."""
    known = split.history
    return EventLog.from_frames(known.events, known.plays, catalogue, known.impressions)


def bringing_back(feed: FeedConfig) -> FeedConfig:
    """Return the feed with one more surface, on which tracks may come back at once."""
    at_once = RepeatRule(repeat_window_days=0.0, shown_window_hours=0.0)
    surfaces = {**feed.repeats.surfaces, ANYTHING: at_once}
    repeats = feed.repeats.model_copy(update={"surfaces": surfaces})
    return feed.model_copy(update={"repeats": repeats})


def query_of(
    log: EventLog, user_id: str, split: Split, preferences: Mapping[str, Preferences]
) -> FeedQuery:
    """Return the request a listener would make between the two parts of a split.

    Args:
        log: What happened before.
        user_id: Who.
        split: When, and whether repeats are wanted.
        preferences: Listener → what they asked for; those who asked nothing have the default.
    """
    wishes = preferences.get(user_id, Preferences())
    return FeedQuery(
        listener=log.listener(user_id, split.now_ms, wishes),
        size=100,
        now_ms=split.now_ms,
        seed=derive_seed(split.now_ms, user_id),
        surface=ANYTHING if split.repeats else NEW_ONLY,
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
    """Yield one request after another that holds something chosen, listeners in order.

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
    chosen = relevant_rows(split.held, catalogue.tracks.rows(split.held["track_id"].to_list()))
    users = np.array(sorted(chosen))
    picked = np.sort(generator(seed, "requests").permutation(users.size)[:listeners])
    wanted = [query_of(log, user, split, preferences) for user in users[picked].tolist()]

    def labelled(queries: Sequence[FeedQuery]) -> list[LabelledRequest]:
        asked, pages, grades = [], [], []
        for query in queries:
            user = query.listener.user_id
            page = engine.shortlist(query)
            labels = labels_of(page, *chosen[user])
            if labels.any():
                kept = thinned(labels, negatives, generator(seed, "negatives", user))
                asked.append(query)
                pages.append(page.take(kept))
                grades.append(labels[kept])
        return [
            LabelledRequest(query.now_ms, query.listener.user_id, page.rows, values, labels)
            for query, page, values, labels in zip(
                asked, pages, features_of(engine, asked, pages), grades, strict=True
            )
        ]

    for part in chunks(wanted):
        yield from labelled(part)


def chunks(queries: Sequence[FeedQuery]) -> Iterator[Sequence[FeedQuery]]:
    """Yield requests by as many as are described at once."""
    for first in range(0, len(queries), REQUESTS_AT_ONCE):
        yield queries[first : first + REQUESTS_AT_ONCE]


def features_of(
    engine: Engine, queries: Sequence[FeedQuery], pages: Sequence[Candidates]
) -> list[Floats]:
    """Return (n, f) the features of each page, described all at once."""
    if not pages:
        return []
    values = engine.features.build(queries, pages).values
    return np.split(values, np.cumsum([len(page) for page in pages])[:-1])


def labels_of(candidates: Candidates, rows: Rows, grades: Grades) -> Grades:
    """Return (n,) the grade of each candidate, 0 where it was not chosen."""
    order = np.argsort(rows)
    place = np.minimum(np.searchsorted(rows[order], candidates.rows), rows.size - 1)
    found = rows[order][place] == candidates.rows
    return np.where(found, grades[order][place], 0).astype(np.int32)


def joined(
    kind: Kind, names: tuple[str, ...], requests: Iterable[LabelledRequest], catalogue: Catalogue
) -> TrainingSet:
    """Return requests as one training set, the latest last.

    Where all are of one moment they stand by listener: those that end the growing of trees are
    then of listeners whom no tree has seen.
    """
    ordered = sorted(requests, key=lambda request: (request.now_ms, request.user_id))
    sizes = np.asarray([request.grades.size for request in ordered], np.int64)
    rows = np.concatenate([NO_ROWS, *(request.rows for request in ordered)])
    data = RankingData(
        names=names,
        values=np.concatenate(
            [np.empty((0, len(names)), np.float32), *(request.values for request in ordered)]
        ),
        labels=np.concatenate([np.empty(0, np.int32), *(request.grades for request in ordered)]),
        groups=sizes,
    )
    owners = np.repeat(np.arange(len(ordered)), sizes)
    users = pl.Series([request.user_id for request in ordered], dtype=pl.String)
    moments = np.asarray([request.now_ms for request in ordered], np.int64)
    tracks = pl.Series(catalogue.tracks.values, dtype=pl.String)
    about = pl.DataFrame(
        {
            "user_id": users.gather(owners),
            "track_id": tracks.gather(rows),
            "at_ms": moments[owners],
        }
    )
    return TrainingSet(kind, data, about)


def thinned(labels: Grades, negatives: int, rng: np.random.Generator) -> Rows:
    """Return which candidates are kept: all that were chosen, and so many of the others."""
    others = np.flatnonzero(labels == 0)
    if others.size > negatives:
        others = rng.choice(others, negatives, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(labels > 0), others]))
