"""The page of a listener who is in experiments, and what the log keeps of how it came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from ranking.experiments.interleaving import Draft, seeded_coin, team_draft
from ranking.experiments.serving.choosing import CONTROL, Choice
from ranking.experiments.serving.variants import Parts, Variants
from ranking.model import Continuation, Feed, FeedQuery, Page

TREATMENT = 1


class Outcome(NamedTuple):
    """A page, and what made it.

    Args:
        page: The page.
        parts: What made it; of a page that two variations share, what control is made of.
        teams: Catalogue row → key of the variation that placed it, where two share the page and
            each wanted another track there.
    """

    page: Page
    parts: Parts
    teams: Mapping[int, str] = MappingProxyType({})


def serve(chosen: Sequence[Choice], variants: Variants, query: FeedQuery) -> Outcome:
    """Return a listener's page.

    Args:
        chosen: What they get; of several experiments that interleave only the first does.
        variants: The engines.
        query: What they ask.

    Raises:
        ArtifactError: If an artifact of a variation cannot be loaded.
        ExperimentError: If a variation is no feed.
    """
    places = [place for place, one in enumerate(chosen) if one.experiment.spec.interleave]
    if not places:
        variant = variants.of(chosen)
        return Outcome(variant.engine.serve(query), variant.parts)
    place = places[0]
    sides = [
        variants.of((*chosen[:place], chosen[place]._replace(variation=side), *chosen[place + 1 :]))
        for side in (CONTROL, TREATMENT)
    ]
    control, treatment = (side.engine.serve(query) for side in sides)
    begun = query.continued or Continuation(query.seed, 0)
    draft = team_draft(
        (control.feed.rows.tolist(), treatment.feed.rows.tolist()),
        query.size,
        seeded_coin(begun.seed),
        begun.slots,
    )
    keys = [one.key for one in chosen[place].experiment.spec.variations]
    counts = draft.competitive
    teams = {
        row: keys[team]
        for row, team in zip(draft.rows[counts].tolist(), draft.teams[counts].tolist(), strict=True)
    }
    feed = drafted(draft, (control.feed, treatment.feed))
    return Outcome(replace(control, feed=feed), sides[CONTROL].parts, teams)


def drafted(draft: Draft, feeds: Sequence[Feed]) -> Feed:
    """Return the feed that a draft makes of several, each slot as its ranker had it.

    Args:
        draft: Who picked what.
        feeds: Those it was drafted from.
    """
    at = [
        int(np.flatnonzero(feeds[team].rows == row)[0])
        for team, row in zip(draft.teams.tolist(), draft.rows.tolist(), strict=True)
    ]
    picks = list(zip([feeds[team] for team in draft.teams.tolist()], at, strict=True))
    return Feed(
        rows=draft.rows,
        scores=np.array([feed.scores[place] for feed, place in picks], dtype=np.float32),
        sources=tuple(feed.sources[place] for feed, place in picks),
        reasons=tuple(feed.reasons[place] for feed, place in picks),
        propensities=np.array([feed.propensities[place] for feed, place in picks], np.float32),
        is_fresh=np.array([feed.is_fresh[place] for feed, place in picks], dtype=np.bool_),
    )
