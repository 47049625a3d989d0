"""One family's columns for the candidates of one request."""

from __future__ import annotations

from ranking.features.batch import one_page, one_request
from ranking.features.families import FeatureFamily
from ranking.model import Candidates, FeedQuery, Floats


def described(family: FeatureFamily, query: FeedQuery, candidates: Candidates) -> Floats:
    """Return (n, len(family.names))."""
    return family.describe(one_request(query), one_page(candidates))
