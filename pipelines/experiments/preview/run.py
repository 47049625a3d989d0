"""The job behind `segue experiment preview`: makes every variation's pages, and shows nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from core.errors import ConfigError, DataError
from core.randomness import generator
from core.schema import tracks
from core.workspace import Workspace
from pipelines.experiments.live import open_variants
from pipelines.experiments.preview.asking import recent_queries
from pipelines.experiments.preview.changes import Changes, changes
from pipelines.experiments.preview.report import PageBeside, PreviewedVariation, PreviewReport
from pipelines.job import Progress
from pipelines.off_policy.configuration import OffPolicyConfig
from pipelines.off_policy.run import Against, evaluate_off_policy
from ranking.assembly import FeedConfig
from ranking.catalogue import Catalogue
from ranking.experiments.definitions.spec import VariationSpec
from ranking.experiments.lifecycle.stored import StoredExperiment
from ranking.experiments.lifecycle.variants import feed_of
from ranking.experiments.serving.choosing import CONTROL, Choice
from ranking.experiments.serving.variants import Variants
from ranking.model import FeedQuery, Rows

SEED = 1
RANKER = "ranker"


class Look(BaseModel):
    """How much is looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pages: int = Field(default=300, ge=1)
    """Listeners who are asked for, one page each."""
    beside: int = Field(default=10, ge=0)
    """Pages shown side by side."""
    variant: str | None = None
    """The feed whose logged pages are replayed; None where the log holds one only."""


def preview(
    workspace: Workspace,
    experiment: StoredExperiment,
    feed: FeedConfig,
    off_policy: OffPolicyConfig,
    look: Look,
    *,
    now_ms: int,
    progress: Progress,
) -> PreviewReport:
    """Make the pages that an experiment's variations would serve, and compare them.

    Nothing is logged and nobody is shown anything.

    Args:
        workspace: What is live, and the log of pages.
        experiment: A draft will do.
        feed: The feed's settings outside experiments.
        off_policy: How logged pages are judged.
        look: How much is looked at.
        now_ms: The moment.
        progress: Shows how far it is.

    Raises:
        DataError: If no page was logged.
        ArtifactError: If an artifact of a variation cannot be loaded.
        ExperimentError: If a variation is no feed.
    """
    parts, variants = open_variants(workspace, feed)
    rng = generator(SEED, "preview", experiment.key)
    queries = recent_queries(workspace, parts.catalogue, look.pages, now_ms, rng)
    count = len(experiment.spec.variations)
    pages = [
        _pages(variants, Choice(experiment, place, by_chance=False), queries, progress)
        for place in range(count)
    ]
    found = [changes(pages[CONTROL], pages[place], rng) for place in range(1, count)]
    titles = partial(_titles, _read_titles(workspace), parts.catalogue)
    judge = _Judge(workspace, feed, off_policy, look.variant, progress)
    told = tuple(
        PreviewedVariation(
            variation=spec.key,
            differing=one.differing,
            replaced=one.replaced,
            agreement=one.agreement,
            **judge.estimates(spec),
        )
        for spec, one in zip(experiment.spec.variations[1:], found, strict=True)
    )
    return PreviewReport(
        experiment=experiment.key,
        listeners=len(queries),
        variations=told,
        beside=_beside(experiment, queries, pages, found, titles)[: look.beside],
    )


def _pages(
    variants: Variants, choice: Choice, queries: list[FeedQuery], progress: Progress
) -> list[Rows]:
    engine = variants.of((choice,)).engine
    name = f"pages of {choice.spec.key}"
    return [engine.serve(query).feed.rows for query in progress.track(queries, name, len(queries))]


@dataclass(frozen=True, slots=True)
class _Judge:
    """Says what variations would have earned on logged pages."""

    workspace: Workspace
    feed: FeedConfig
    config: OffPolicyConfig
    variant: str | None
    progress: Progress

    def estimates(self, spec: VariationSpec) -> dict[str, Any]:
        """Return what logged pages say of a variation, or why they say nothing."""
        others = sorted(set(spec.artifacts) - {RANKER})
        if others:
            why = f"another version of {', '.join(others)} would find other candidates"
            return {"off_policy": None, "not_told": why}
        ranker = spec.artifacts.get(RANKER, "")
        try:
            report = evaluate_off_policy(
                self.workspace,
                Against(spec.key, feed_of(self.feed, spec), ranker),
                variant=self.variant,
                config=self.config,
                feed=self.feed,
                progress=self.progress,
            )
        except (ConfigError, DataError) as error:
            return {"off_policy": None, "not_told": str(error)}
        return {"off_policy": report, "not_told": ""}


def _beside(
    experiment: StoredExperiment,
    queries: list[FeedQuery],
    pages: list[list[Rows]],
    found: list[Changes],
    names: Callable[[Rows], tuple[str, ...]],
) -> tuple[PageBeside, ...]:
    """Return the pages in the order of how much they differ, in any variation."""
    if not found:
        return ()
    agreement = np.min([one.each for one in found], axis=0)
    keys = [one.key for one in experiment.spec.variations]
    return tuple(
        PageBeside(
            user_id=queries[at].listener.user_id,
            pages={key: names(of[at]) for key, of in zip(keys, pages, strict=True)},
        )
        for at in np.argsort(agreement, kind="stable")
    )


def _read_titles(workspace: Workspace) -> dict[str, str]:
    """Return track → what people call it, of those that have a title."""
    query = sa.select(tracks.c.track_id, tracks.c.title, tracks.c.artist)
    with workspace.database.read() as connection:
        rows = connection.execute(query.where(tracks.c.title.is_not(None))).all()
    return {row.track_id: " · ".join(filter(None, (row.title, row.artist))) for row in rows}


def _titles(known: dict[str, str], catalogue: Catalogue, rows: Rows) -> tuple[str, ...]:
    return tuple(known.get(track_id, track_id) for track_id in catalogue.tracks.take(rows))
