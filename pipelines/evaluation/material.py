"""What there is to judge by: listening, tracks, and how the one is cut."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import ConfigError
from core.workspace import Workspace
from pipelines.catalogue import LiveCatalogue, open_catalogue
from pipelines.evaluation.configuration import EvaluateConfig, Protocol
from pipelines.history import History, load_history
from pipelines.listener_tags import retagged
from pipelines.splits import Split, days_back, leave_out, temporal
from ranking.catalogue import Catalogue


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Everything that is read before anything is learned.

    Args:
        history: All listening.
        opened: Tracks, audio vectors, wishes; nothing that was learned from listening.
        protocol: What is held out.
        config: How much of it.
    """

    history: History
    opened: LiveCatalogue
    protocol: Protocol
    config: EvaluateConfig

    def split(self, seed: int) -> Split:
        """Return one cut; by time all seeds cut alike, and only what is learned differs."""
        if self.protocol == "temporal":
            end_ms = self.history.last_ms + 1
            cut_ms = days_back(self.history, self.config.held_days, end_ms)
            return temporal(self.history, cut_ms, end_ms, repeats=self.config.repeats)
        now_ms = self.history.last_ms + 1
        return leave_out(self.history, self.config.held_share, seed, now_ms=now_ms)

    def catalogue(self, split: Split) -> Catalogue:
        """Return the tracks with the tags that may be known of them."""
        known = split.history.user_tags
        return retagged(self.opened.catalogue, self.history.user_tags, known)


def read_material(
    workspace: Workspace, config: EvaluateConfig, protocol: Protocol | None = None
) -> Material:
    """Read what there is to judge by.

    Args:
        workspace: Where.
        config: How much is held out.
        protocol: What is held out; None is `temporal` where listening has times.

    Raises:
        ConfigError: If the history has no times and the protocol needs them.
    """
    history = load_history(workspace.warehouse)
    if protocol == "temporal" and not history.has_times:
        raise ConfigError(
            "the imported listening has no times, so it cannot be split by time; "
            "use `segue evaluate --protocol leave-out`"
        )
    chosen: Protocol = protocol or ("temporal" if history.has_times else "leave-out")
    return Material(history, open_catalogue(workspace), chosen, config)
