"""The stage of a play: what listeners are served from, and who is served what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.randomness import generator
from core.workspace import Workspace
from pipelines.experiments.live import open_variants
from pipelines.world.archive import Truth, read_truth
from pipelines.world.config import PlayConfig
from pipelines.world.resumption import Standing, resume
from ranking.assembly import FeedConfig, popular_feed
from ranking.catalogue import Catalogue
from ranking.engine import Engine
from ranking.experiments.lifecycle.stickiness import StoredSticky
from ranking.experiments.lifecycle.stored import StoredExperiment, running
from ranking.experiments.serving.choosing import attributes_of, choices, variant_name
from ranking.experiments.serving.comparing import exposures
from ranking.experiments.serving.outcome import serve
from ranking.experiments.serving.variants import Variants
from ranking.model import FeedQuery, Page
from ranking.pagelog import Exposure
from ranking.sources.beliefs import TrialBoard

ENGINE, POPULAR = "engine", "popular"
ARMS = (ENGINE, POPULAR)
SURFACE = "home"

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """Everything one play runs on.

    Args:
        workspace: The data folder.
        truth: What only the world knows.
        catalogue: The store's tracks; the scene's columns are its rows.
        popular: The feed of those in the control arm.
        variants: The engine's feed, and those of the experiments that run.
        experiments: The experiments that run.
        board: What is believed of trial tracks, renewed before each session.
        versions: The live artifacts.
        standing: The scene, the memory and the participants at the first midnight.
        arm_of: (participants,) index into `ARMS`.
        config: How to play.
    """

    workspace: Workspace
    truth: Truth
    catalogue: Catalogue
    popular: Engine
    variants: Variants
    experiments: tuple[StoredExperiment, ...]
    board: TrialBoard
    versions: Mapping[str, str]
    standing: Standing
    arm_of: Counts
    config: PlayConfig


class Served(NamedTuple):
    """What the log says of how a page came about.

    Args:
        variant: The feed that served it: that of its experiments, or the arm.
        versions: Kind of artifact → version.
        exposures: The experiments it is part of.
        teams: Catalogue row → the variation that placed it, where two share the page.
    """

    variant: str
    versions: Mapping[str, str]
    exposures: tuple[Exposure, ...] = ()
    teams: Mapping[int, str] = MappingProxyType({})


def set_stage(workspace: Workspace, config: PlayConfig, feed: FeedConfig) -> Stage:
    """Load everything that one play runs on.

    Args:
        workspace: A data folder that holds a world.
        config: How to play.
        feed: The engine's configuration.

    Raises:
        DataError: If there is no world.
        ArtifactError: If what is live cannot be loaded.
    """
    truth = read_truth(workspace)
    live, variants = open_variants(workspace, feed)
    with workspace.database.read() as connection:
        experiments = running(connection)
    standing = resume(workspace, truth, live.catalogue, config)
    in_control = generator(config.seed, "arms").random(len(truth.user_ids)) < config.control_share
    return Stage(
        workspace=workspace,
        truth=truth,
        catalogue=live.catalogue,
        popular=popular_feed(live.catalogue, live.learned, feed),
        variants=variants,
        experiments=experiments,
        board=live.board,
        versions=live.versions,
        standing=standing,
        arm_of=in_control[standing.user_rows].astype(np.int64),
        config=config,
    )


def served_page(stage: Stage, query: FeedQuery, arm: str) -> tuple[Page, Served]:
    """Return a listener's page: the popularity feed's, or that of their experiments.

    Args:
        stage: What is served from.
        query: The request.
        arm: Which of `ARMS` they are in; those in the popularity feed are in no experiment.
    """
    if arm == POPULAR:
        return stage.popular.serve(query), Served(POPULAR, stage.versions)
    chosen = choices(
        stage.experiments, attributes_of(query), StoredSticky(stage.workspace.database)
    )
    made = serve(chosen, stage.variants, query)
    told = exposures(chosen, stage.variants, query, made, stage.config.compare_share)
    return made.page, Served(variant_name(chosen) or ENGINE, made.parts.versions, told, made.teams)
