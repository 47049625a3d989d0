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

    def in_columns(self, width: int = 36) -> str:
        """Return the pages as text, one column a variation."""
        slots = max(map(len, self.pages.values()), default=0)
        rows = [tuple(self.pages)]
        rows += [
            tuple(page[at] if at < len(page) else "" for page in self.pages.values())
            for at in range(slots)
        ]
        lines = ["  ".join(cell[:width].ljust(width) for cell in row).rstrip() for row in rows]
        return "\n".join([f"\nlistener {self.user_id}", *lines])


class PreviewReport(Report):
    """What an experiment would change."""

    experiment: str
    listeners: int
    """Asked anew, one page each."""
    variations: tuple[PreviewedVariation, ...]
    beside: tuple[PageBeside, ...]
    """The pages that differ most."""

    def brief(self) -> PreviewTable:
        """Return what fits on a terminal."""
        return PreviewTable(
            experiment=self.experiment,
            listeners=self.listeners,
            variations=tuple(_line(one) for one in self.variations),
        )


class PreviewLine(Report):
    """A variation in one line."""

    variation: str
    differing: Estimate
    replaced: Estimate
    agreement: Estimate
    earned_a_page: Estimate | None
    """By the doubly robust estimate of whole pages."""
    verdict: str


class PreviewTable(Report):
    """What an experiment would change, for people."""

    experiment: str
    listeners: int
    variations: tuple[PreviewLine, ...]


ESTIMATOR = "cascade_dr"


def _line(one: PreviewedVariation) -> PreviewLine:
    rows = one.off_policy.whole_pages if one.off_policy is not None else ()
    told = next((row for row in rows if row.estimator == ESTIMATOR), None)
    return PreviewLine(
        variation=one.variation,
        differing=one.differing,
        replaced=one.replaced,
        agreement=one.agreement,
        earned_a_page=told.value if told is not None else None,
        verdict=told.verdict if told is not None else "no estimate",
    )
