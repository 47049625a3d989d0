"""Everything one page is made from, loaded together, checked together and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from core.errors import ArtifactError
from core.workspace import Workspace
from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.experiments.serving.variants import Parts, Variants, with_artifacts
from ranking.learned import Learned
from ranking.loading import catalogue_order, load_catalogue, load_learned, load_ranker
from ranking.model import FeedQuery, Listener
from ranking.protocols import Ranker
from ranking.sources.beliefs import TrialBoard
from ranking.supply.trials import load_beliefs

SMOKE_SLOTS = 20
SMOKE_PLAYS = 5


@dataclass(frozen=True, slots=True, eq=False)
class FeedSet:
    """What the service serves from at one moment.

    Args:
        promotion_id: The promotion it belongs to; 0 where nothing was promoted.
        versions: Kind of artifact → version.
        catalogue: Every track.
        learned: What was learned, in the catalogue's rows.
        ranker: What orders candidates.
        engine: What makes pages of the above.
        board: What is believed of trial tracks, renewed while the set serves.
        servable: How many tracks may be served.
        variants: The engines of those who are in experiments.
    """

    promotion_id: int
    versions: Mapping[str, str]
    catalogue: Catalogue
    learned: Learned
    ranker: Ranker
    engine: Engine
    board: TrialBoard
    servable: int
    variants: Variants

    def with_catalogue(
        self, workspace: Workspace, catalogue: Catalogue, config: FeedConfig
    ) -> FeedSet:
        """Return the set over a catalogue of the same rows with other statuses."""
        parts = Parts(catalogue, self.learned, self.ranker, self.board, self.versions)
        return _assembled(workspace, config, parts, self.promotion_id)


def load_set(
    workspace: Workspace,
    config: FeedConfig,
    versions: Mapping[str, str],
    promotion_id: int,
) -> FeedSet:
    """Load a set of artifacts and the catalogue they are aligned to.

    Args:
        workspace: Where everything lies.
        config: How feeds are made.
        versions: Kind of artifact → version; missing kinds are served without.
        promotion_id: The promotion that names them.

    Raises:
        ArtifactError: If an artifact is missing, cannot be read or does not fit the others.
        StoreUnavailableError: If the store cannot give the catalogue.
    """
    with workspace.database.read() as connection:
        catalogue = load_catalogue(connection, catalogue_order(workspace.artifacts, versions))
        board = TrialBoard(load_beliefs(connection, catalogue))
    learned = load_learned(workspace.artifacts, versions, catalogue)
    ranker = load_ranker(workspace.artifacts, versions)
    parts = Parts(catalogue, learned, ranker, board, dict(versions))
    return _assembled(workspace, config, parts, promotion_id)


def check_set(loaded: FeedSet, now_ms: int) -> None:
    """Hold a loaded set to everything a page needs, up to making two of them.

    Args:
        loaded: The set.
        now_ms: The moment the pages are made for.

    Raises:
        ArtifactError: Naming the first thing that does not fit.
    """
    _check_shapes(loaded)
    if not loaded.servable:
        return  # nothing to serve yet: nothing to try
    rows = np.flatnonzero(loaded.catalogue.servable)[:SMOKE_PLAYS].astype(np.int64)
    plays = np.ones(rows.size, dtype=np.float32)
    heard = Listener(
        user_id="smoke",
        rows=rows,
        plays=plays,
        finishes=plays,
        skips=np.zeros_like(plays),
        opinions=np.zeros(rows.size, dtype=np.int8),
        last_at_ms=np.full(rows.size, now_ms, dtype=np.int64),
    )
    for listener in (Listener(user_id="smoke"), heard):
        _try_page(loaded, listener, now_ms)


def _assembled(
    workspace: Workspace, config: FeedConfig, parts: Parts, promotion_id: int
) -> FeedSet:
    engine = assemble(parts.catalogue, parts.learned, parts.ranker, config, parts.board)
    load = partial(with_artifacts, workspace.artifacts, parts)
    return FeedSet(
        promotion_id=promotion_id,
        versions=parts.versions,
        catalogue=parts.catalogue,
        learned=parts.learned,
        ranker=parts.ranker,
        engine=engine,
        board=parts.board,
        servable=int(np.count_nonzero(parts.catalogue.servable)),
        variants=Variants(config, parts, engine, load),
    )


def _check_shapes(loaded: FeedSet) -> None:
    learned, n_tracks = loaded.learned, len(loaded.catalogue)
    if len(learned.vectors) != n_tracks or len(learned.factors.tracks) != n_tracks:
        raise ArtifactError("vectors or factors are not aligned to the catalogue; train again")
    if len(learned.index) and learned.index.dim != learned.vectors.shape[1]:
        raise ArtifactError(
            f"the index searches {learned.index.dim} dimensions and vectors have "
            f"{learned.vectors.shape[1]}; promote an index built from these vectors"
        )


def _try_page(loaded: FeedSet, listener: Listener, now_ms: int) -> None:
    query = FeedQuery(listener=listener, size=SMOKE_SLOTS, now_ms=now_ms, seed=0)
    page = loaded.engine.serve(query)
    if page.trace.failed:
        listed = "; ".join(f"{name}: {reason}" for name, reason in page.trace.failed.items())
        raise ArtifactError(f"parts fail on a trial page: {listed}")
    if not len(page.feed) and not listener.rows.size:
        raise ArtifactError("a trial page came out empty though tracks may be served")
