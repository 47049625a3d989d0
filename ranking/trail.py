"""What is noted while a page is made: times, counts and failures."""

from __future__ import annotations

from core.telemetry import Stopwatch
from ranking.model import Candidates, FeatureMatrix, Trace


class Trail:
    """Notes of one request; becomes the page's `Trace`."""

    __slots__ = ("degraded", "drops", "failed", "found", "watch")

    def __init__(self) -> None:
        self.watch = Stopwatch()
        self.found: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self.drops: dict[str, int] = {}
        self.degraded = False

    def dropped(self, name: str, count: int) -> None:
        """Add to what a filter removed."""
        self.drops[name] = self.drops.get(name, 0) + count

    def trace(self, candidates: Candidates, features: FeatureMatrix) -> Trace:
        """Return the finished notes.

        Args:
            candidates: Ranked.
            features: Of the same candidates, in the same order.
        """
        return Trace(
            candidates=candidates,
            features=features,
            found=self.found,
            failed=self.failed,
            drops=self.drops,
            durations_ms=self.watch.durations_ms,
            degraded=self.degraded,
        )
