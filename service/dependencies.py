"""What routes are given: the opened service and the moment."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request

from core.events import ExternalId
from core.workspace import Workspace
from ranking.assembly import FeedConfig
from service.experiments.roster import Roster
from service.feedset import FeedSet
from service.live import LiveFeed
from service.metrics import Metrics
from service.pagewriter import PageWriter
from service.problems import unavailable
from service.settings import ExperimentsSection, SupplySection


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """Everything a running service holds.

    Args:
        workspace: The data folder, opened.
        live: What is served now.
        pages: Where served pages are logged.
        metrics: Where everything is counted.
        feed: How feeds are made where no experiment says otherwise.
        supply: What the settings say of briefs and their budget.
        experiments: What the settings say of all experiments.
        roster: The experiments that run now.
    """

    workspace: Workspace
    live: LiveFeed
    pages: PageWriter
    metrics: Metrics
    feed: FeedConfig
    supply: SupplySection
    experiments: ExperimentsSection
    roster: Roster

    @property
    def default_size(self) -> int:
        """Slots of a page where the caller does not say."""
        return self.feed.size

    def serving(self) -> FeedSet:
        """Return what is served now.

        Raises:
            ProblemError: 503 while there is nothing to serve.
        """
        return self.standing()[0]

    def standing(self) -> tuple[FeedSet, str]:
        """Return what is served now, and why a newer promotion is not, or "".

        Raises:
            ProblemError: 503 while there is nothing to serve.
        """
        feed, refused = self.live.standing
        if feed is None:
            raise unavailable("not-ready", self.live.trouble)
        return feed, refused


def clock_ms() -> int:
    """Return the moment, UTC milliseconds."""
    return time.time_ns() // 1_000_000


async def opened(request: Request) -> Context:
    """Return what the lifespan opened."""
    context: Context = request.app.state.context
    return context


async def moment() -> int:
    """Return the moment of this request, UTC milliseconds."""
    return clock_ms()


ContextDep = Annotated[Context, Depends(opened)]
NowMs = Annotated[int, Depends(moment)]
TrackId = Annotated[ExternalId, Path(description="The track.")]
UserId = Annotated[ExternalId, Path(description="The listener.")]
