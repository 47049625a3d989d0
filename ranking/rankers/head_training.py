"""Training heads from what was shown and what followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.errors import DataError
from core.randomness import derive_seed, generator
from ranking.model import Floats, Mask
from ranking.rankers.calibration import fit_calibration
from ranking.rankers.heads import POSITION, Head, HeadsRanker, heads_ranker
from ranking.rankers.outcomes import DEFAULT_HEADS, HeadConfig
from ranking.rankers.training import (
    RankerConfig,
    Watch,
    binned,
    growing_parameters,
    grown,
    part_of,
    unwatched,
)

if TYPE_CHECKING:
    import lightgbm

MIN_POSITIVES = 20  # of a head, before and after the cut: fewer teach the habits of a few pages


class HeadsConfig(BaseModel):
    """Which outcomes are predicted, and how their examples are used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heads: tuple[HeadConfig, ...] = DEFAULT_HEADS
    """The outcomes."""
    position: bool = True
    """Whether the slot is a column in training (and the first slot when serving), so that what
    stood low is not taken for what is liked little. Without logged positions it plays no part."""
    negatives: float = Field(default=8.0, gt=0)
    """Examples without the outcome that are kept for each with it, at most; drawn at random.
    Probabilities are corrected for it."""
    half_life_days: float | None = Field(default=None, gt=0)
    """Age at which an example counts half; None counts all alike."""
    refit: bool = True
    """Whether trees are grown again, as many as were best, on all examples, the latest too."""

    @model_validator(mode="after")
    def _distinct(self) -> HeadsConfig:
        names = [head.name for head in self.heads]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"heads must be named, each once; they are {', '.join(names) or '-'}")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeData:
    """Slots that were shown, described, with what followed.

    Args:
        names: (f,) feature names.
        values: (m, f) float32.
        outcomes: Head → (m,) float32: 1 it happened, 0 it did not, NaN where nobody can know yet.
        at_ms: (m,) when each was shown.
        positions: (m,) float32 slot, from 0; NaN where not logged.
        weights: (m,) float32 how much each counts.
    """

    names: tuple[str, ...]
    values: Floats
    outcomes: Mapping[str, Floats]
    at_ms: NDArray[np.int64]
    positions: Floats
    weights: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Slices:
    """Columns of the trees, and which examples come before and after the cut in time."""

    names: tuple[str, ...]
    values: Floats
    binned: lightgbm.Dataset
    weights: Floats
    earlier: Mask


def train_heads(
    data: OutcomeData,
    config: HeadsConfig,
    trees: RankerConfig,
    seed: int,
    watch: Watch = unwatched,
) -> tuple[HeadsRanker, dict[str, str]]:
    """Grow one model an outcome, stopped and calibrated on the latest examples.

    Args:
        data: The examples, in any order.
        config: The outcomes, and how examples are used.
        trees: How trees are grown; its `validation_share` is the latest share of the examples.
        seed: Decides every draw.
        watch: Told of the log loss of each head on the examples that stop it.

    Returns:
        The ranker, and head → why it was left out.

    Raises:
        DataError: If no head has enough examples.
    """
    slices = _sliced(data, config, trees)
    heads, left_out = [], {}
    for head in config.heads:
        found = _head(data, slices, head, config, trees, derive_seed(seed, head.name), watch)
        if isinstance(found, Head):
            heads.append(found)
        else:
            left_out[head.name] = found
    if not heads:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise DataError(f"no head can be trained ({reasons}); log more pages and what followed")
    return heads_ranker(heads), left_out


def _sliced(data: OutcomeData, config: HeadsConfig, trees: RankerConfig) -> _Slices:
    weights = data.weights
    if config.half_life_days is not None:
        age_days = (data.at_ms.max(initial=0) - data.at_ms) / 86_400_000
        weights = weights * np.power(0.5, age_days / config.half_life_days).astype(np.float32)
    names, values = data.names, data.values
    if config.position and np.any(~np.isnan(data.positions)):
        names = (*names, POSITION)
        values = np.column_stack([values, data.positions]).astype(np.float32, copy=False)
    earlier = earlier_rows(data.at_ms, trees.validation_share)
    return _Slices(names, values, binned(names, values, trees), weights, earlier)


def earlier_rows(at_ms: NDArray[np.int64], share: float) -> Mask:
    """Return (m,) which examples are learned from; the latest share stops and calibrates."""
    return at_ms < (np.quantile(at_ms, 1.0 - share) if at_ms.size else 0)


def _head(
    data: OutcomeData,
    slices: _Slices,
    head: HeadConfig,
    config: HeadsConfig,
    trees: RankerConfig,
    seed: int,
    watch: Watch,
) -> Head | str:
    """Return the fitted head, or why there is none."""
    outcome = data.outcomes[head.name]
    known, happened = ~np.isnan(outcome), outcome > 0
    earlier, later = known & slices.earlier, known & ~slices.earlier
    counts = [int((happened & part).sum()) for part in (earlier, later)]
    silent = [int((~happened & part).sum()) for part in (earlier, later)]
    if min(*counts, *silent) < MIN_POSITIVES:
        return (
            f"{counts[0]} positives and {silent[0]} negatives to learn from and {counts[1]} and "
            f"{silent[1]} to check by; {MIN_POSITIVES} of each are needed"
        )
    rng = generator(seed, "negatives")
    share = min(1.0, config.negatives * counts[0] / silent[0])
    kept = earlier & (happened | (rng.random(happened.size) < share))
    parameters = _parameters(head, slices.names, trees, seed)
    # Examples thinned alike stop the growing; all of the later ones calibrate.
    checked = later & (happened | (rng.random(happened.size) < share))
    train, valid = (
        part_of(slices.binned, rows, happened, slices.weights) for rows in (kept, checked)
    )
    booster = grown(train, valid, parameters, trees, partial(watch, head.name))
    raw = booster.predict(slices.values[later], raw_score=True, num_threads=trees.threads)
    calibration = fit_calibration(np.asarray(raw), happened[later], share)
    if config.refit:
        import lightgbm

        # Grown again, on all the rows.
        everything = part_of(slices.binned, kept | checked, happened, slices.weights)
        booster = lightgbm.train(parameters, everything, num_boost_round=booster.num_trees())
    return Head(head.name, booster, calibration, head.weight)


def _parameters(
    head: HeadConfig, names: tuple[str, ...], trees: RankerConfig, seed: int
) -> dict[str, object]:
    directions = {**trees.monotone, **head.monotone}
    parameters = {
        **growing_parameters(trees, seed),
        "objective": "binary",
        "metric": "binary_logloss",
    }
    if any(name in names for name in directions):
        parameters["monotone_constraints"] = [directions.get(name, 0) for name in names]
        parameters["monotone_constraints_method"] = "intermediate"
    return parameters
