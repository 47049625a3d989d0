"""What a training said of itself, epoch by epoch (read without loading torch)."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict


class Epoch(BaseModel):
    """One epoch of training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    losses: dict[str, float]
    """Objective → mean loss over the epoch's steps, before its weight."""
    retrieval: float | None
    """Mean average precision at which the crops of a held-out track find each other among those of
    all held-out tracks; none where too few tracks could be held out."""


class TrainingLog(BaseModel):
    """Every epoch, and which one's weights were kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: tuple[Epoch, ...] = ()
    kept: int = 0
    """Epochs after which the kept weights stood."""
    stopped_early: bool = False
    """Whether held-out retrieval had stopped rising before the last epoch."""

    def with_epoch(self, epoch: Epoch, patience: int) -> TrainingLog:
        """Return the log one epoch later.

        Args:
            epoch: What happened.
            patience: Epochs without better retrieval after which training ends.
        """
        epochs = (*self.epochs, epoch)
        reached = [-math.inf if each.retrieval is None else each.retrieval for each in epochs]
        measured = epoch.retrieval is not None
        kept = reached.index(max(reached)) + 1 if measured else len(epochs)
        return TrainingLog(
            epochs=epochs, kept=kept, stopped_early=measured and len(epochs) - kept >= patience
        )

    @property
    def kept_retrieval(self) -> float | None:
        """The held-out retrieval of the weights that were kept."""
        return self.epochs[self.kept - 1].retrieval if self.epochs else None
