"""What a preview says."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from pipelines.job import Report
from pipelines.off_policy.report import OffPolicyReport
from ranking.evaluation.intervals import Estimate


class PreviewedVariation(BaseModel):
    """What one variation would change."""

    model_config = ConfigDict(frozen=True)

    variation: str
    differing: Estimate
    """Share of the pages that differ from control's in any slot."""
    replaced: Estimate
    """Share of a page's tracks that control would not show."""
    agreement: Estimate
    """Rank-biased overlap with control's page: 1 where they are the same."""
    off_policy: OffPolicyReport | None
    """What it would have earned on logged pages; None where a log cannot tell."""
    not_told: str
    """Why not, or ""."""


class PageBeside(BaseModel):
    """One listener's page under control and under every other variation."""

    model_config = ConfigDict(frozen=True)

    user_id: str
    pages: dict[str, tuple[str, ...]]
    """Variation → titles, from the top."""


class PreviewReport(Report):
    """What an experiment would change."""

    experiment: str
    listeners: int
    """Asked anew, one page each."""
    variations: tuple[PreviewedVariation, ...]
    beside: tuple[PageBeside, ...]
    """The pages that differ most."""
