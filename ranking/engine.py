"""From a query to a page: the order of the stages, their timing, their counting, their failures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import ArtifactError, SourceUnavailableError
from core.telemetry import logger
from ranking.fallback import Fallback
from ranking.merging import merge
from ranking.model import Candidates, FeatureMatrix, Feed, FeedQuery, Floats, Page
from ranking.protocols import (
    CandidateFilter,
    CandidateSource,
    FeatureBuilder,
    FeedPolicy,
    Forecaster,
    Ranker,
)
from ranking.trail import Trail

LOG = logger()
FEATURES, RANKER = "features", "ranker"  # their names among what was timed and what failed


@dataclass(frozen=True, slots=True)
class Offering:
    """A source and how much it may offer to one page."""

    source: CandidateSource
    limit: int


@dataclass(frozen=True, slots=True)
class Engine:
    """One feed configuration, ready to serve; immutable, so threads may share it.

    Args:
        offerings: Sources with their limits, in column order.
        filters: In the order they are applied; what one drops the next does not see.
        features: Describes what is left.
        ranker: Judges it.
        policy: Arranges the page.
        fallback: What is served when nothing is left or no source answers.

    Raises:
        ArtifactError: If the ranker needs features that are not built.
    """

    offerings: tuple[Offering, ...]
    filters: tuple[CandidateFilter, ...]
    features: FeatureBuilder
    ranker: Ranker
    policy: FeedPolicy
    fallback: Fallback

    def __post_init__(self) -> None:
        missing = sorted(set(self.ranker.feature_names) - set(self.features.names))
        if missing:
            raise ArtifactError(
                f"the ranker needs the features {', '.join(missing)}, which this feed does not "
                "build; promote a ranker that was trained with this version"
            )

    @property
    def source_names(self) -> tuple[str, ...]:
        """The sources, in column order."""
        return tuple(offering.source.name for offering in self.offerings)

    def serve(self, query: FeedQuery) -> Page:
        """Return the page; empty only where nothing in the catalogue may be shown to the listener.

        A source that fails is left out, noted and logged. Where features or ranker fail, the page
        keeps the order in which the sources agree, and is marked as degraded. A filter that fails
        is not left out: it may be the one that keeps a blocked track off the page.
        """
        trail = Trail()
        found = self._fetched(query, trail)
        kept = self._filtered(query, found, trail)
        eligible = kept if len(kept) else self._fallen_back(query, trail)
        described = self._described(query, eligible, trail)
        ranked, features = self._ranked(eligible, described, trail)
        feed = self._arranged(query, ranked, trail)
        return Page(feed, trail.trace(ranked, features))

    def shortlist(self, query: FeedQuery) -> Candidates:
        """Return what would be ranked: found, merged and filtered; may be empty."""
        trail = Trail()
        return self._filtered(query, self._fetched(query, trail), trail)

    def judge(self, features: FeatureMatrix) -> tuple[Floats, FeatureMatrix]:
        """Return the ranker's scores, and the predictions they are made of; often no column."""
        if not isinstance(self.ranker, Forecaster):
            none = np.empty((len(features.values), 0), dtype=np.float32)
            return self.ranker.score(features), FeatureMatrix((), none)
        predictions = self.ranker.predict(features)
        return self.ranker.worth(predictions), predictions

    def _fetched(self, query: FeedQuery, trail: Trail) -> Candidates:
        offers = []
        for offering in self.offerings:
            name = offering.source.name
            with trail.watch.measure(f"source:{name}"):
                offer = _attempt(offering, query, trail)
            if offer is not None:
                offers.append(offer)
                trail.found[name] = len(offer)
        with trail.watch.measure("merge"):
            return merge(offers, self.source_names)

    def _filtered(self, query: FeedQuery, found: Candidates, trail: Trail) -> Candidates:
        with trail.watch.measure("filters"):
            for one in self.filters:
                allowed = one.allows(query, found)
                trail.drops[one.name] = len(found) - int(np.count_nonzero(allowed))
                found = found.take(allowed)
        return found

    def _fallen_back(self, query: FeedQuery, trail: Trail) -> Candidates:
        trail.degraded = True
        with trail.watch.measure("fallback"):
            return self.fallback.candidates(query, self.source_names)

    def _described(self, query: FeedQuery, kept: Candidates, trail: Trail) -> FeatureMatrix:
        """Describe the candidates; a fallback's keep their order and are not described."""
        if trail.degraded:
            return _no_features(kept)
        with trail.watch.measure(FEATURES):
            try:
                return self.features.build([query], [kept])
            except Exception as error:
                _note_failure(FEATURES, error, trail)
        return _no_features(kept)

    def _ranked(
        self, kept: Candidates, features: FeatureMatrix, trail: Trail
    ) -> tuple[Candidates, FeatureMatrix]:
        if trail.degraded:
            return kept, features
        with trail.watch.measure(RANKER):
            try:
                scores, predictions = self.judge(features)
            except Exception as error:
                _note_failure(RANKER, error, trail)
                return kept, features
        order = np.argsort(-scores, kind="stable")
        beside = np.hstack([features.values, predictions.values])[order]
        return kept.ranked(scores), FeatureMatrix(features.names + predictions.names, beside)

    def _arranged(self, query: FeedQuery, ranked: Candidates, trail: Trail) -> Feed:
        with trail.watch.measure("policy"):
            return self.policy.arrange(query, ranked)


def _attempt(offering: Offering, query: FeedQuery, trail: Trail) -> Candidates | None:
    """Return what a source offers, or None where it fails; one broken source spoils no page."""
    try:
        return offering.source.fetch(query, offering.limit)
    except SourceUnavailableError as error:
        trail.failed[offering.source.name] = str(error)
        LOG.warning("source_unavailable", source=offering.source.name, reason=str(error))
    except Exception as error:
        trail.failed[offering.source.name] = _text(error)
        LOG.exception("source_failed", source=offering.source.name)
    return None


def _note_failure(stage: str, error: Exception, trail: Trail) -> None:
    """Go on with the order of the sources: a page that is not ranked is better than none."""
    LOG.error("stage_failed", stage=stage, exc_info=error)
    trail.failed[stage], trail.degraded = _text(error), True


def _no_features(candidates: Candidates) -> FeatureMatrix:
    return FeatureMatrix((), np.empty((len(candidates), 0), dtype=np.float32))


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
