"""Putting a feed together from a catalogue, what was learned, a ranker and a configuration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ranking.catalogue import Catalogue, Status
from ranking.engine import Engine, Offering
from ranking.fallback import Fallback
from ranking.features.families import feature_builder
from ranking.filters.ai_preference import AiPreferenceFilter
from ranking.filters.blocked_creator import BlockedCreatorFilter
from ranking.filters.disliked import DislikedFilter
from ranking.filters.excluded import ExcludedFilter
from ranking.filters.explicit import ExplicitFilter
from ranking.filters.generated_holdout import GeneratedHoldoutFilter
from ranking.filters.heard import HeardFilter
from ranking.filters.near_duplicate import NearDuplicateConfig, NearDuplicateFilter
from ranking.filters.own_upload import OwnUploadFilter
from ranking.filters.region import RegionFilter
from ranking.filters.servable import ServableFilter
from ranking.learned import Learned
from ranking.listeners.repeats import RepeatConfig
from ranking.policies.page import PageConfig, PagePolicy
from ranking.policies.reasons import Reasons
from ranking.protocols import CandidateFilter, Ranker
from ranking.rankers.fusion import FusionRanker
from ranking.rankers.heads import HeadsRanker
from ranking.sources.autoencoder import AutoencoderSource, AutoencoderSourceConfig
from ranking.sources.beliefs import TrialBoard, no_evidence
from ranking.sources.co_listened import CoListenedConfig, CoListenedSource
from ranking.sources.collaborative import CollaborativeConfig, CollaborativeSource
from ranking.sources.followed import FollowedConfig, FollowedSource
from ranking.sources.fresh import FreshConfig, FreshSource
from ranking.sources.popular import PopularConfig, PopularSource
from ranking.sources.shelf import Shelf, shelf
from ranking.sources.similar import SimilarConfig, SimilarSource
from ranking.supply.holdout import GeneratedConfig

SOURCES = (
    "collaborative", "similar", "co_listened", "autoencoder", "popular", "followed", "fresh",
)  # fmt: skip
"""Every source, in column order; a ranker is trained with the columns of these."""


class FeedConfig(BaseModel):
    """One feed: its sources, windows and page. A variant of an experiment names one of these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(default=20, ge=1, le=100)
    """Slots of a page where the caller does not say."""
    collaborative: CollaborativeConfig = CollaborativeConfig()
    """Tracks that listeners alike play."""
    similar: SimilarConfig = SimilarConfig()
    """Tracks that sound like their favourites."""
    co_listened: CoListenedConfig = CoListenedConfig()
    """Tracks played by the listeners of their tracks."""
    autoencoder: AutoencoderSourceConfig = AutoencoderSourceConfig()
    """Tracks foretold from everything they play."""
    popular: PopularConfig = PopularConfig()
    """Tracks played by most."""
    followed: FollowedConfig = FollowedConfig()
    """New tracks of creators they follow."""
    fresh: FreshConfig = FreshConfig()
    """Trial tracks near their taste."""
    repeats: RepeatConfig = RepeatConfig()
    """How soon a track may come back, by surface."""
    near_duplicate: NearDuplicateConfig = NearDuplicateConfig()
    """When two tracks are taken for one."""
    generated: GeneratedConfig = GeneratedConfig()
    """Who never gets generated tracks."""
    value: dict[str, float] = {}
    """Outcome → what it is worth in the score, where the ranker has heads; an outcome that is not
    named keeps the weight it was trained with."""
    page: PageConfig = PageConfig()
    """How the page is arranged."""


def assemble(
    catalogue: Catalogue,
    learned: Learned,
    ranker: Ranker,
    config: FeedConfig,
    board: TrialBoard | None = None,
) -> Engine:
    """Return the two-stage feed.

    Args:
        catalogue: Every track.
        learned: What was learned from history, in the catalogue's rows.
        ranker: Judges the candidates.
        config: Limits, windows, page.
        board: What is believed of trial tracks; nothing yet where None.

    Raises:
        ArtifactError: If the ranker needs features that are not built.
        ConfigError: If the feed weighs an outcome that the ranker does not predict.
    """
    board = board or TrialBoard(no_evidence(len(catalogue)))
    offerings = _offerings(catalogue, learned, config, board)
    names = tuple(offering.source.name for offering in offerings)
    return Engine(
        offerings=offerings,
        filters=_filters(catalogue, learned, config),
        features=feature_builder(catalogue, learned, names),
        ranker=_weighed(ranker, config),
        policy=_policy(catalogue, learned, config),
        fallback=_fallback(catalogue, learned, config, board),
    )


def _weighed(ranker: Ranker, config: FeedConfig) -> Ranker:
    """Return the ranker with the feed's weights; without heads there is nothing to weigh."""
    if isinstance(ranker, HeadsRanker) and config.value:
        return ranker.weighed(config.value)
    return ranker


def popular_feed(catalogue: Catalogue, learned: Learned, config: FeedConfig) -> Engine:
    """Return a feed of popular tracks in their order: the control arm of an experiment.

    The same filters hold and creators are spaced alike; nothing else is personal, and there are no
    fresh slots.
    """
    plain = config.page.model_copy(update={"diversity": 0.0})
    config = config.model_copy(update={"page": plain})
    everything = config.popular.model_copy(update={"limit": 500})
    source = PopularSource(
        shelf(catalogue, Status.ACTIVE, config.repeats), learned.statistics, everything
    )
    return Engine(
        offerings=(Offering(source, everything.limit),),
        filters=_filters(catalogue, learned, config),
        features=feature_builder(catalogue, learned, (source.name,)),
        ranker=FusionRanker(),
        policy=_policy(catalogue, learned, config),
        fallback=_fallback(catalogue, learned, config, TrialBoard(no_evidence(len(catalogue)))),
    )


def _offerings(
    catalogue: Catalogue, learned: Learned, c: FeedConfig, board: TrialBoard
) -> tuple[Offering, ...]:
    active = shelf(catalogue, Status.ACTIVE, c.repeats)
    trial = shelf(catalogue, Status.TRIAL, c.repeats)
    vectors, index = learned.vectors, learned.index
    return (
        Offering(
            CollaborativeSource(active, learned.factors, c.collaborative), c.collaborative.limit
        ),
        Offering(SimilarSource(active, vectors, index, c.similar), c.similar.limit),
        Offering(CoListenedSource(active, learned.neighbours, c.co_listened), c.co_listened.limit),
        Offering(
            AutoencoderSource(active, learned.autoencoder, c.autoencoder), c.autoencoder.limit
        ),
        Offering(PopularSource(active, learned.statistics, c.popular), c.popular.limit),
        Offering(FollowedSource(active, catalogue, c.followed), c.followed.limit),
        Offering(_fresh(trial, catalogue, learned, board, c.fresh), c.fresh.limit),
    )


def _fresh(
    trial: Shelf, catalogue: Catalogue, learned: Learned, board: TrialBoard, config: FreshConfig
) -> FreshSource:
    return FreshSource(trial, catalogue, learned.vectors, learned.audience, board, config)


def _binding_filters(catalogue: Catalogue, config: FeedConfig) -> tuple[CandidateFilter, ...]:
    """Return the filters that hold even for a fallback."""
    return (
        ServableFilter(catalogue),
        DislikedFilter(catalogue.clusters),
        BlockedCreatorFilter(catalogue),
        ExcludedFilter(catalogue.clusters),
        OwnUploadFilter(catalogue),
        AiPreferenceFilter(catalogue),
        GeneratedHoldoutFilter(catalogue, config.generated),
        ExplicitFilter(catalogue),
        RegionFilter(catalogue),
    )


def _filters(
    catalogue: Catalogue, learned: Learned, config: FeedConfig
) -> tuple[CandidateFilter, ...]:
    return (
        *_binding_filters(catalogue, config),
        HeardFilter(config.repeats, catalogue.clusters),
        NearDuplicateFilter(learned.vectors, config.near_duplicate),
    )


def _policy(catalogue: Catalogue, learned: Learned, config: FeedConfig) -> PagePolicy:
    reasons = Reasons(
        catalogue,
        learned.vectors,
        learned.has_vector,
        learned.neighbours,
        config.similar,
        config.co_listened,
    )
    return PagePolicy(catalogue, learned.vectors, reasons, config.page)


def _fallback(
    catalogue: Catalogue, learned: Learned, config: FeedConfig, board: TrialBoard
) -> Fallback:
    active = shelf(catalogue, Status.ACTIVE, config.repeats)
    trial = shelf(catalogue, Status.TRIAL, config.repeats)
    # Both offer everything: what was heard is for the filters to give up, not for the sources.
    popular = PopularConfig(skip_heard=False)
    fresh = FreshConfig(skip_heard=False)
    return Fallback(
        popular=PopularSource(active, learned.statistics, popular),
        trial=_fresh(trial, catalogue, learned, board, fresh),
        filters=_filters(catalogue, learned, config),
        binding=_binding_filters(catalogue, config),
        n_tracks=len(catalogue),
    )
