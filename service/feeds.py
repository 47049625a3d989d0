"""One page for one listener: what is known of them, the engine's page, and its face."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np

from core.errors import SegueError
from core.ids import new_id
from core.telemetry import Stopwatch
from ranking.catalogue import Catalogue
from ranking.experiments.serving.choosing import Choice, attributes_of, choices, variant_name
from ranking.experiments.serving.comparing import exposures
from ranking.experiments.serving.outcome import Outcome, serve
from ranking.listeners.shown import just_shown
from ranking.listeners.state import load_listener
from ranking.model import FeedQuery, Page
from service.cards import Card, read_cards
from service.cursor import Cursor, feed_seed, next_cursor, read_cursor
from service.dependencies import Context
from service.feedset import FeedSet
from service.pagewriter import ServedPage
from service.schemas import FeedAnswer, FeedParameters, Slot
from service.wording import in_words, seed_id


def serve_feed(context: Context, parameters: FeedParameters, now_ms: int) -> FeedAnswer:
    """Make a page, queue it for the log and return what the listener sees.

    Raises:
        ProblemError: 503 while there is nothing to serve.
        StoreUnavailableError: If the store cannot tell who asks.
    """
    serving, watch, request_id = context.serving(), Stopwatch(), new_id()
    user_id, surface = parameters.user_id, parameters.surface
    cursor = read_cursor(parameters.cursor, user_id, surface) if parameters.cursor else None
    with watch.measure("listener"):
        query = _query(context, serving, parameters, cursor, request_id, now_ms)
    chosen, made = _made(context, serving, query)
    with watch.measure("cards"):
        cards = _cards(context, serving.catalogue, made.page)
        page = on_air(made.page, serving.catalogue, cards)
        shown = serving.catalogue.tracks.take(page.feed.rows)
        if context.live.is_makeshift:
            page = replace(page, trace=replace(page.trace, degraded=True))
        answer = FeedAnswer(
            request_id=request_id,
            user_id=user_id,
            surface=surface,
            degraded=page.trace.degraded,
            slots=_slots(page, serving.catalogue, cards),
            next_cursor=next_cursor(cursor, request_id, user_id, surface, shown),
        )
    context.pages.add(
        ServedPage(
            request_id,
            query,
            page,
            serving.catalogue,
            made.parts.versions,
            variant_name(chosen),
            partial(exposures, chosen, serving.variants, query, made, context.roster.compare_share),
            made.teams,
        )
    )
    context.metrics.observe_page(page, watch.durations_ms)
    return answer


def on_air(page: Page, catalogue: Catalogue, cards: dict[str, Card]) -> Page:
    """Leave out slots whose track was blocked or retired after the catalogue was loaded.

    Args:
        page: As the engine made it.
        catalogue: What its rows mean.
        cards: The tracks as the store has them now.
    """
    feed = page.feed
    found = [cards.get(track_id) for track_id in catalogue.tracks.take(feed.rows)]
    kept = np.array([card is not None and card.is_offered for card in found], dtype=np.bool_)
    if kept.all():
        return page
    places = np.flatnonzero(kept)
    return replace(
        page,
        feed=replace(
            feed,
            rows=feed.rows[kept],
            scores=feed.scores[kept],
            sources=tuple(feed.sources[place] for place in places),
            reasons=tuple(feed.reasons[place] for place in places),
            propensities=feed.propensities[kept],
            is_fresh=feed.is_fresh[kept],
        ),
    )


def _made(
    context: Context, serving: FeedSet, query: FeedQuery
) -> tuple[tuple[Choice, ...], Outcome]:
    """Return what the listener gets of the experiments, and the page of it.

    A variation that cannot be served costs its experiment the listener, never the listener a page.
    """
    chosen = choices(context.roster.running, attributes_of(query), context.roster.sticky)
    try:
        return chosen, serve(chosen, serving.variants, query)
    except SegueError as error:
        context.roster.report_fault(variant_name(chosen), error)
        return (), serve((), serving.variants, query)


def _query(
    context: Context,
    serving: FeedSet,
    parameters: FeedParameters,
    cursor: Cursor | None,
    request_id: str,
    now_ms: int,
) -> FeedQuery:
    tracks = serving.catalogue.tracks
    with context.workspace.database.read() as connection:
        listener = load_listener(connection, serving.catalogue, parameters.user_id, now_ms)
    excluded = tracks.known_rows(parameters.excluded_ids)
    if cursor is not None:
        shown = tracks.known_rows(cursor.shown)
        listener, excluded = just_shown(listener, shown, now_ms), np.append(excluded, shown)
    return FeedQuery(
        listener=listener,
        size=parameters.size or context.default_size,
        now_ms=now_ms,
        seed=feed_seed(request_id),
        surface=parameters.surface,
        exclude=excluded,
        continued=cursor.goes_on() if cursor else None,
    )


def _cards(context: Context, catalogue: Catalogue, page: Page) -> dict[str, Card]:
    shown = catalogue.tracks.take(page.feed.rows)
    seeds = [named for reason in page.feed.reasons if (named := seed_id(reason))]
    with context.workspace.database.read() as connection:
        return read_cards(connection, [*shown, *seeds])


def _slots(page: Page, catalogue: Catalogue, cards: dict[str, Card]) -> list[Slot]:
    feed = page.feed
    slots = []
    for position, track_id in enumerate(catalogue.tracks.take(feed.rows)):
        card = cards[track_id]
        slots.append(
            Slot(
                position=position,
                **card.face(),
                source=feed.sources[position],
                reason=in_words(feed.reasons[position], card.artist, cards),
                score=_known(feed.scores[position]),
                propensity=_known(feed.propensities[position]),
                is_fresh=bool(feed.is_fresh[position]),
            )
        )
    return slots


def _known(value: np.float32) -> float | None:
    """Return a number as JSON can say it: missing is null."""
    return float(value) if math.isfinite(value) else None
