"""Whom generation displaces: what listeners give human creators, with generated tracks and without.

Who is held out is drawn by lot, so the two sides differ by generation alone: everybody counts on
the side they were drawn for, whether they met a generated track or not.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.randomness import generator
from pipelines.supply.ledger.configuration import DisplacementConfig
from ranking.evaluation.intervals import COVERAGE, Estimate

HOUR_MS = 3_600_000
MEASURES = {"slots": ("slots", 1), "hours": ("heard_ms", HOUR_MS), "finishes": ("finishes", 1)}
"""Measure → the column it is counted in, and how many of it make one."""
HUMAN, ALL = "human", "all"
GROUPS = (
    5_000  # of listeners that are resampled as one: their number, not their size, is what counts
)
BLOCK_VALUES = 2_000_000  # drawn at a time

Floats64 = NDArray[np.float64]


class DisplacedRow(BaseModel):
    """One measure of what goes to some creators, a listener and day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str
    """Whose tracks: `human` with a tier, every `human` one, `generated`, `assisted`, or `all`."""
    tier: str | None
    """Which of the creators."""
    measure: str
    """`slots`, `hours` or `finishes`."""
    with_generated: float
    """A day of a listener who may get generated tracks."""
    held_out: float
    """A day of one who may not."""
    difference: Estimate
    """The first less the second, with its 95 % interval."""
    verdict: str
    """`less`, `more` or `unclear`: what generation makes of it."""


class Displacement(BaseModel):
    """The comparison with the holdout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: str
    """`compared`, or why nothing is said."""
    listeners: int
    """Those who may get generated tracks."""
    held_out: int
    """Those who may not."""
    days: int
    """Days on which the first were shown or heard something."""
    held_out_days: int
    """The same of the second."""
    held_out_generated_slots: int
    """Generated tracks that the second were shown all the same, which spoils the comparison."""
    rows: tuple[DisplacedRow, ...]
    """What goes where; none where nothing is said."""


def displacement(
    given: pl.DataFrame, days: pl.DataFrame, out: Mapping[str, bool], config: DisplacementConfig
) -> Displacement:
    """Compare both sides.

    Args:
        given: user_id, origin, tier, and a column each of what `MEASURES` counts.
        days: user_id, days: on how many they were shown or heard something, ≥ 1.
        out: Listener → whether held out; of everyone in `days`.
        config: When there are enough listeners, and how they are resampled.
    """
    listeners = days.sort("user_id")
    held = np.array([out[user] for user in listeners["user_id"]], dtype=np.bool_)
    n_days = listeners["days"].to_numpy().astype(np.float64)
    leaks = given.filter(pl.col("origin") == "generated", pl.col("slots") > 0)
    spoiled = leaks.filter(pl.Series([out[user] for user in leaks["user_id"]], dtype=pl.Boolean))
    verdict = _enough(int((~held).sum()), int(held.sum()), config)
    return Displacement(
        verdict=verdict or "compared",
        listeners=int((~held).sum()),
        held_out=int(held.sum()),
        days=int(n_days[~held].sum()),
        held_out_days=int(n_days[held].sum()),
        held_out_generated_slots=int(spoiled["slots"].sum()),
        rows=() if verdict else _rows(given, listeners["user_id"], n_days, held, config),
    )


def _enough(listeners: int, held_out: int, config: DisplacementConfig) -> str:
    """Return why nothing can be said, or ""."""
    for name, count in (("held-out listeners", held_out), ("other listeners", listeners)):
        if count < config.enough_listeners:
            return f"too few {name}: {count:,} of the {config.enough_listeners:,} that are needed"
    return ""


def _rows(
    given: pl.DataFrame,
    users: pl.Series,
    n_days: Floats64,
    held: NDArray[np.bool_],
    config: DisplacementConfig,
) -> tuple[DisplacedRow, ...]:
    parts = _parts(given)
    values = np.hstack([_matrix(part, users) for _, _, part in parts])
    sides = [
        _resampled(values[side], n_days[side], config, name)
        for name, side in (("with generated", ~held), ("held out", held))
    ]
    (mean, draws), (mean_out, draws_out) = sides
    low, high = np.quantile(draws - draws_out, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2], axis=0)
    names = [(to, tier, measure) for to, tier, _ in parts for measure in MEASURES]
    return tuple(
        DisplacedRow(
            to=to,
            tier=tier,
            measure=measure,
            with_generated=float(mean[at]),
            held_out=float(mean_out[at]),
            difference=Estimate(
                mean=float(mean[at] - mean_out[at]), low=float(low[at]), high=float(high[at])
            ),
            verdict="less" if high[at] < 0 else "more" if low[at] > 0 else "unclear",
        )
        for at, (to, tier, measure) in enumerate(names)
    )


def _parts(given: pl.DataFrame) -> list[tuple[str, str | None, pl.DataFrame]]:
    """Return (whose, tier, rows) of everything that is compared."""
    human = given.filter(pl.col("origin") == HUMAN)
    found: list[tuple[str, str | None, pl.DataFrame]] = [
        (HUMAN, str(tier), human.filter(pl.col("tier") == tier))
        for tier in human["tier"].unique().sort(descending=True)
    ]
    found += [
        (str(origin), None, given.filter(pl.col("origin") == origin))
        for origin in given["origin"].unique().sort(descending=True)
    ]
    return [*found, (ALL, None, given)]


def _matrix(part: pl.DataFrame, users: pl.Series) -> Floats64:
    """Return (n_users, n_measures) what each listener gave, 0 where nothing."""
    columns = [column for column, _ in MEASURES.values()]
    total = part.group_by("user_id").agg(pl.col(columns).sum())
    every = users.to_frame("user_id").join(total, on="user_id", how="left", maintain_order="left")
    units = np.array([unit for _, unit in MEASURES.values()], dtype=np.float64)
    return np.asarray(every.select(pl.col(columns).fill_null(0)).to_numpy() / units)


def _resampled(
    values: Floats64, n_days: Floats64, config: DisplacementConfig, name: str
) -> tuple[Floats64, Floats64]:
    """Return (k,) what a day of a listener is worth, and (resamples, k) what it might have been.

    Whole listeners are resampled. Where there are many, so many random groups of them are: the
    sums of groups vary as listeners do, and the figure is a ratio of sums.

    Args:
        values: (n, k) what each listener gave on all days.
        n_days: (n,) how many days that were.
        config: How often, and by which seed.
        name: Of the side; its draws are its own.

    Source:
        Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13; grouping as in
        Chamandy et al., "Estimating Uncertainty for Massive Data Streams", 2012.
    """
    rng = generator(config.seed, "displacement", name)
    rows = np.column_stack([values, n_days])
    if len(rows) > GROUPS:
        rows = _grouped(rows, rng)
    block = max(1, BLOCK_VALUES // len(rows))
    sizes = [min(block, config.resamples - at) for at in range(0, config.resamples, block)]
    even = np.full(len(rows), 1 / len(rows))
    sums = np.concatenate([rng.multinomial(len(rows), even, size) @ rows for size in sizes])
    total = rows.sum(axis=0)
    return total[:-1] / total[-1], sums[:, :-1] / sums[:, -1:]


def _grouped(rows: Floats64, rng: np.random.Generator) -> Floats64:
    """Return (GROUPS, k) sums of random groups, as even in size as can be."""
    order = rng.permutation(len(rows))
    starts = np.arange(GROUPS) * len(rows) // GROUPS
    return np.asarray(np.add.reduceat(rows[order], starts, axis=0))
