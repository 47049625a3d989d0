"""Looking on while listeners are judged, so that a report needs no second pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pipelines.evaluation.audience import Audience, Offered
from pipelines.evaluation.contest import Contest
from ranking.model import Rows
from ranking.protocols import Ranker


class Observer(Protocol):
    """Sees the first split being judged; nothing it does changes a figure."""

    def opens(self, contest: Contest, audience: Audience) -> Mapping[str, Ranker]:
        """Learn what will be judged, and name rankers to score beside the feed's own."""

    def sees(self, offered: Offered) -> None:
        """Look at a part of the audience."""

    def closes(self, lists: Mapping[str, Mapping[str, Rows]]) -> None:
        """Learn model → listener → rows, best first."""


class Nobody:
    """Looks at nothing."""

    def opens(self, contest: Contest, audience: Audience) -> Mapping[str, Ranker]:  # noqa: ARG002
        """Name no ranker."""
        return {}

    def sees(self, offered: Offered) -> None:
        """Pass it by."""

    def closes(self, lists: Mapping[str, Mapping[str, Rows]]) -> None:
        """Pass them by."""
