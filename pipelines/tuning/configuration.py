"""Which settings are searched, between which limits, and what they are judged by."""

from __future__ import annotations

from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ranking.rankers.head_training import HeadsConfig
from ranking.rankers.training import RankerConfig

Counts: TypeAlias = tuple[int, int]
Shares: TypeAlias = tuple[float, float]
TREES = ("leaves", "learning_rate", "min_leaf_rows", "column_share", "row_share", "l2", "ndcg_at")


class TuneConfig(BaseModel):
    """The search of `segue tune ranker`; a range is [lowest, highest]."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    leaves: Counts = (7, 127)
    """Leaves a tree."""
    learning_rate: Shares = (0.02, 0.3)
    """Step of each tree."""
    min_leaf_rows: Counts = (10, 300)
    """Rows a leaf must hold."""
    column_share: Shares = (0.3, 1.0)
    """Share of the features each tree may use."""
    row_share: Shares = (0.5, 1.0)
    """Share of the rows each tree sees."""
    l2: Shares = (0.1, 50.0)
    """Ridge weight on leaf values; above 0, because it is searched by its logarithm."""
    ndcg_at: Counts = (5, 50)
    """`lambdarank`: depth to which it looks."""
    negatives: Shares = (2.0, 32.0)
    """`heads`: examples without the outcome for each with it."""
    judge_share: float = Field(default=0.25, gt=0, lt=1)
    """Share of the training set, the latest, that judges settings; neither the trees nor their
    early stopping see it. Requests of one moment stay together."""
    startup_trials: int = Field(default=8, ge=1, le=1000)
    """Trials drawn at random before the search looks at what came of them."""
    prune_after: int = Field(default=5, ge=1, le=1000)
    """Finished trials before one may be given up half-way for lying below their median."""
    prune_from: int = Field(default=60, ge=1, le=10_000)
    """Trees before a trial may be given up: small steps begin slowly and may end well."""
    report_every: int = Field(default=10, ge=1, le=10_000)
    """Trees between two looks at whether a trial is given up."""

    @model_validator(mode="after")
    def _within_limits(self) -> TuneConfig:
        for name in (*TREES, "negatives"):
            low, high = getattr(self, name)
            if not 0 < low < high:
                raise ValueError(f"{name}: [{low}, {high}] is not a range above 0")
        for bound in (0, 1):
            RankerConfig.model_validate({name: getattr(self, name)[bound] for name in TREES})
            HeadsConfig(negatives=self.negatives[bound])
        return self
