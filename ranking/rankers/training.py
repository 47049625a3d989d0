"""Training a ranker from labelled candidates, one group a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.errors import DataError
from ranking.model import Floats, Mask
from ranking.rankers.lightgbm import LightGbmRanker
from ranking.rankers.outcomes import Direction

if TYPE_CHECKING:
    import lightgbm

Watch: TypeAlias = Callable[[str, int, float], None]
"""Told, tree by tree, (which model, trees so far, its figure on the rows that stop it); what it
raises ends the growing."""


class RankerConfig(BaseModel):
    """How the trees are grown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trees: int = Field(default=300, ge=1, le=10_000)
    """At most; early stopping on the validation groups may keep fewer."""
    leaves: int = Field(default=15, ge=2, le=1024)
    """Leaves a tree."""
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    """Step of each tree."""
    min_leaf_rows: int = Field(default=50, ge=1)
    """Rows a leaf must hold."""
    column_share: float = Field(default=0.5, gt=0, le=1)
    """Share of the features each tree may use."""
    row_share: float = Field(default=0.8, gt=0, le=1)
    """Share of the rows each tree sees."""
    l2: float = Field(default=5.0, ge=0)
    """Ridge weight on leaf values."""
    bins: int = Field(default=63, ge=3, le=255)
    """Steps a feature is cut into; 63 grow twice as fast as 255 and rank as well."""
    ndcg_at: int = Field(default=20, ge=1, le=1000)
    """Depth to which lambdarank looks."""
    stop_after: int = Field(default=25, ge=1)
    """Trees without gain on the validation groups before growing stops."""
    validation_share: float = Field(default=0.15, gt=0, lt=1)
    """Share of the groups kept for early stopping."""
    threads: int = Field(default=2, ge=1)
    """Threads that grow trees."""
    monotone: dict[str, Direction] = {}
    """Feature → 1 where more of it must never lower a score, -1 where it must never raise one."""


@dataclass(frozen=True, slots=True, eq=False)
class RankingData:
    """Labelled candidates.

    Args:
        names: (f,) feature names.
        values: (m, f) float32.
        labels: (m,) graded relevance, 0 to 30: LightGBM's table of gains has 31 entries.
        groups: (g,) rows of each request, in order; they sum to m.
        positions: (m,) int32 slot each was shown in, or None where nothing was shown: lambdarank
            then estimates how much a slot alone brings, and takes it off (Yang et al.,
            "Unbiased LambdaMART", LightGBM's `position`).
        weights: (m,) float32 how much each counts, or None where all count alike.
    """

    names: tuple[str, ...]
    values: Floats
    labels: NDArray[np.int32]
    groups: NDArray[np.int64]
    positions: NDArray[np.int32] | None = None
    weights: Floats | None = None

    def select(self, groups: NDArray[np.int64]) -> RankingData:
        """Return some of the groups, in the order given."""
        ends = np.cumsum(self.groups)
        starts = ends - self.groups
        rows = [np.arange(starts[group], ends[group]) for group in groups]
        at = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
        return RankingData(
            self.names,
            self.values[at],
            self.labels[at],
            self.groups[groups],
            None if self.positions is None else self.positions[at],
            None if self.weights is None else self.weights[at],
        )


def unwatched(_model: str, _trees: int, _figure: float) -> None:
    """Watch nothing."""


def train_ranker(
    data: RankingData, config: RankerConfig, seed: int, watch: Watch = unwatched
) -> LightGbmRanker:
    """Grow a lambdarank model, stopping early on groups it does not learn from.

    Args:
        data: Labelled candidates; groups in order of time where time is known, so that the
            validation groups are the latest.
        config: How trees are grown.
        seed: Decides row and column sampling; the same seed gives the same model.
        watch: Told of NDCG@10 of the validation groups.

    Raises:
        DataError: If there is nothing to learn from.

    Source:
        Burges, "From RankNet to LambdaRank to LambdaMART", 2010; Ke et al., "LightGBM", 2017.
    """
    n_groups = len(data.groups)
    held = held_groups(n_groups, config.validation_share)
    if n_groups - held < 1 or not data.labels.any():
        raise DataError(
            f"{n_groups} requests with a positive outcome are too few to train a ranker; "
            "import more listening, or serve with source fusion (no ranker) until then"
        )
    train, valid = _datasets(data, n_groups - held, config.bins)
    parameters = _parameters(config, data.names, seed)
    return LightGbmRanker(grown(train, valid, parameters, config, partial(watch, "order")))


def held_groups(n_groups: int, share: float) -> int:
    """Return how many of the groups, the last ones, stop the growing of trees."""
    return max(1, int(n_groups * share))


def binned(names: tuple[str, ...], values: Floats, config: RankerConfig) -> lightgbm.Dataset:
    """Cut every feature into steps, once for all models that are grown on parts of the rows."""
    import lightgbm

    parameters = {
        "max_bin": config.bins,
        "num_threads": config.threads,
        "feature_pre_filter": False,  # how few rows a leaf may hold is said when growing
        "verbosity": -1,
    }
    return lightgbm.Dataset(values, feature_name=list(names), params=parameters).construct()


def part_of(
    whole: lightgbm.Dataset, rows: Mask, happened: Mask, weights: Floats
) -> lightgbm.Dataset:
    """Return some rows of what was binned, with their outcome.

    Args:
        whole: From `binned`.
        rows: (m,) which.
        happened: (m,) the outcome.
        weights: (m,) how much each row counts.
    """
    at = np.flatnonzero(rows)
    part = whole.subset(at.tolist()).construct()
    part.set_label(happened[at].astype(np.float32))
    part.set_weight(weights[at])
    return part


def growing_parameters(config: RankerConfig, seed: int) -> dict[str, object]:
    """Return LightGBM's parameters of a config, without an objective."""
    return {
        "max_bin": config.bins,
        "num_leaves": config.leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.min_leaf_rows,
        "feature_fraction": config.column_share,
        "bagging_fraction": config.row_share,
        "bagging_freq": 1,
        "lambda_l2": config.l2,
        "num_threads": config.threads,
        "seed": seed % (2**31),
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def grown(
    train: lightgbm.Dataset,
    valid: lightgbm.Dataset,
    parameters: dict[str, object],
    config: RankerConfig,
    watch: Callable[[int, float], None],
) -> lightgbm.Booster:
    """Grow trees on some rows until they gain nothing on others.

    Args:
        train: Rows learned from.
        valid: Rows that stop the growing, binned alike.
        parameters: LightGBM's.
        config: How many trees at most, and how long without gain.
        watch: Told, tree by tree, (trees so far, metric on the rows that stop the growing).
    """
    import lightgbm

    def told(environment: lightgbm.callback.CallbackEnv) -> None:
        figures = environment.evaluation_result_list
        assert figures  # there is always a validation set
        watch(environment.iteration + 1, figures[0][2])

    booster = lightgbm.train(
        parameters,
        train,
        num_boost_round=config.trees,
        valid_sets=[valid],
        callbacks=[told, lightgbm.early_stopping(config.stop_after, verbose=False)],
    )
    best = booster.best_iteration or booster.num_trees()
    return lightgbm.Booster(model_str=booster.model_to_string(num_iteration=best))


def _datasets(
    data: RankingData, n_train: int, bins: int
) -> tuple[lightgbm.Dataset, lightgbm.Dataset]:
    import lightgbm

    order = np.arange(len(data.groups))
    first, last = data.select(order[:n_train]), data.select(order[n_train:])
    train = lightgbm.Dataset(
        first.values,
        first.labels,
        weight=first.weights,
        group=first.groups,
        position=first.positions,
        feature_name=list(data.names),
        params={"max_bin": bins, "verbosity": -1},
    )
    valid = lightgbm.Dataset(
        last.values, last.labels, weight=last.weights, group=last.groups, reference=train
    )
    return train, valid


def _parameters(config: RankerConfig, names: tuple[str, ...], seed: int) -> dict[str, object]:
    parameters = {
        **growing_parameters(config, seed),
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "lambdarank_truncation_level": config.ndcg_at,
    }
    if any(name in names for name in config.monotone):
        parameters["monotone_constraints"] = [config.monotone.get(name, 0) for name in names]
    return parameters
