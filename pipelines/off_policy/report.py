"""What an off-policy evaluation says, estimator by estimator."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, field_serializer

from pipelines.job import Report
from ranking.evaluation.intervals import Estimate
from ranking.evaluation.offpolicy.estimates import (
    NO_CLIP,
    OffPolicyEstimate,
    Verdict,
    compare,
)


class OffPolicyRow(BaseModel):
    """One estimator's answer."""

    model_config = ConfigDict(frozen=True)

    estimator: str
    value: Estimate
    """What the target would earn; a number, whatever the verdict."""
    difference: Estimate
    """Less what was earned on the same rows."""
    verdict: str
    effective_size: float
    max_weight: float
    mean_weight: float
    unsupported: float
    """Share of what the target does that the log cannot speak of."""
    error: float
    """Standard error of the value, clustered by listener."""
    clip: float | None
    rows: int
    listeners: int

    @field_serializer("error", when_used="json")
    def _null_for_nan(self, value: float) -> float | None:
        return None if np.isnan(value) else value


class OffPolicyReport(Report):
    """What another feed would have earned on the pages that one feed served."""

    against: str
    """What is judged."""
    variant: str
    """Whose pages are replayed."""
    action: str
    """What a slot earns 1 by."""
    pages: int
    """Replayed."""
    listeners: int
    left_out: dict[str, int]
    """Reason → pages that could not be replayed."""
    same_slots: float
    """Share of slots in which the target would certainly show what was shown, after equal draws."""
    logged_per_fresh_slot: Estimate | None
    """What fresh slots earned; None where no page has any."""
    logged_per_page: Estimate
    """What pages earned."""
    fresh_slots: tuple[OffPolicyRow, ...]
    """Per fresh slot: the part of a page that was drawn with known chances."""
    whole_pages: tuple[OffPolicyRow, ...]
    """Per page, all slots together."""


def row_of(
    target: OffPolicyEstimate, logged: OffPolicyEstimate, reward_span: float
) -> OffPolicyRow:
    """Return an estimate as a row of the report.

    Args:
        target: By one estimator.
        logged: What was earned on the same rows.
        reward_span: Highest less lowest possible reward of a row.
    """
    beside, overlap = compare(target, logged, reward_span), target.overlap
    return OffPolicyRow(
        estimator=target.estimator,
        value=interval_of(target),
        difference=Estimate(mean=beside.difference, low=beside.low, high=beside.high),
        verdict=_words(beside.verdict),
        effective_size=overlap.effective_size,
        max_weight=overlap.max_weight,
        mean_weight=overlap.mean_weight,
        unsupported=overlap.unsupported_share,
        error=target.standard_error,
        clip=None if target.clip == NO_CLIP else target.clip,
        rows=overlap.n_rows,
        listeners=overlap.n_users,
    )


def interval_of(one: OffPolicyEstimate) -> Estimate:
    """Return an estimate's value and interval."""
    return Estimate(mean=one.value, low=one.low, high=one.high)


def _words(verdict: Verdict) -> str:
    return verdict.value
