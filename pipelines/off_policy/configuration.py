"""Settings of the off-policy evaluation (`[evaluate.off_policy]`)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from core.events import Action


class OffPolicyConfig(BaseModel):
    """What counts as a reward, and how much of the log is replayed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Action = Action.FINISH
    """What a slot earns 1 by: an action that points back to the page and the track."""
    clip: float = Field(default=10.0, gt=0)
    """Largest weight in the clipped estimators."""
    pages: int = Field(default=20_000, ge=1)
    """Pages replayed at most; drawn at random where there are more."""
    folds: int = Field(default=5, ge=2, le=50)
    """Parts that listeners are cut into: the reward model of one has seen only the others."""
    trees: int = Field(default=80, ge=1, le=5000)
    """Trees of the reward model."""
    samples: int = Field(default=8, ge=1, le=1000)
    """Pages drawn of the target for each logged one: what it would show, and what the log lacks."""
    seed: int = Field(default=1, ge=0)
    """Decides every draw."""
