"""The five parts a feed is made of, one method each; a contract suite holds each to its promise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ranking.model import Candidates, FeatureMatrix, Feed, FeedQuery, Floats, Mask


@runtime_checkable
class CandidateSource(Protocol):
    """Offers tracks a listener may want."""

    @property
    def name(self) -> str:
        """The source's name, as it stands in logs and results."""

    def fetch(self, query: FeedQuery, limit: int) -> Candidates:
        """Return at most `limit` distinct tracks, best first, the same for the same query.

        Raises:
            SourceUnavailableError: If it cannot answer now; the feed goes on without it.
        """


@runtime_checkable
class CandidateFilter(Protocol):
    """Decides which candidates are eligible; never how good they are."""

    @property
    def name(self) -> str:
        """The filter's name, as drops are counted by it."""

    def allows(self, query: FeedQuery, candidates: Candidates) -> Mask:
        """Return (n,) true where a candidate may be shown; candidates are left as they are."""


@runtime_checkable
class FeatureBuilder(Protocol):
    """Describes candidates in numbers, the same when serving and when training."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns it builds, always the same ones in the same order."""

    def build(self, queries: Sequence[FeedQuery], pages: Sequence[Candidates]) -> FeatureMatrix:
        """Return one row a candidate, page after page, from what was known at each `now_ms`.

        A row depends on its own query and track alone: the same whether pages are described one by
        one or a thousand at once, whole or thinned out.
        """


@runtime_checkable
class Ranker(Protocol):
    """Judges candidates by their features."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns it needs, in order."""

    def score(self, features: FeatureMatrix) -> Floats:
        """Return (n,) finite scores, higher is better, each from its own row alone."""


@runtime_checkable
class Forecaster(Ranker, Protocol):
    """A ranker whose scores are made of predictions worth keeping."""

    def predict(self, features: FeatureMatrix) -> FeatureMatrix:
        """Return (n, h) predictions under names that no feature has."""

    def worth(self, predictions: FeatureMatrix) -> Floats:
        """Return the scores that follow from predictions, equal to those of `score`."""


@runtime_checkable
class FeedPolicy(Protocol):
    """Arranges the page."""

    def arrange(self, query: FeedQuery, candidates: Candidates) -> Feed:
        """Return at most `query.size` distinct slots, all of them from the ranked candidates."""
