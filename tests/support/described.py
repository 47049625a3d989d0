"""One family's columns for the candidates of one request."""

from __future__ import annotations

from ranking.features.batch import offered_on, requests_of
from ranking.features.families import FeatureFamily
from ranking.model import Candidates, FeedQuery, Floats


def described(family: FeatureFamily, query: FeedQuery, candidates: Candidates) -> Floats:
    """Return (n, len(family.names))."""
    return family.describe(requests_of([query]), offered_on([candidates]))
