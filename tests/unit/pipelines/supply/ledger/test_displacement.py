"""Who is displaced is found where somebody is, and seldom where nobody is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipelines.supply.ledger import displacement as module
from pipelines.supply.ledger.configuration import DisplacementConfig
from pipelines.supply.ledger.displacement import Displacement, displacement

CONFIG = DisplacementConfig(enough_listeners=20, resamples=400)
HOUR_MS = 3_600_000


def listening(
    rng: np.random.Generator, n: int, share_out: float, taken: float
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, bool]]:
    """Return listeners who differ in how much they hear; generated tracks take some of the tail."""
    users = [f"u{number:05d}" for number in range(n)]
    out = np.arange(n) < share_out * n
    days = rng.integers(1, 8, n)
    eager = rng.gamma(2.0, 1.0, n) * days
    lost = np.where(out, 0.0, taken)
    told = {
        ("human", "top"): 4.0 * eager,
        ("human", "tail"): 3.0 * (1 - lost) * eager,
        ("generated", "only generated"): lost * eager,
    }
    given = pl.concat(
        pl.DataFrame({"user_id": users, "slots": rng.poisson(mean)}).with_columns(
            origin=pl.lit(origin), tier=pl.lit(tier)
        )
        for (origin, tier), mean in told.items()
    ).filter(pl.col("slots") > 0)
    given = given.with_columns(
        heard_ms=pl.col("slots") * HOUR_MS // 20, finishes=pl.col("slots") // 2
    )
    every = pl.DataFrame({"user_id": users, "days": days})
    return given, every, dict(zip(users, out.tolist(), strict=True))


def row(found: Displacement, to: str, tier: str | None, measure: str = "slots"):  # type: ignore[no-untyped-def]
    (one,) = [r for r in found.rows if (r.to, r.tier, r.measure) == (to, tier, measure)]
    return one


def test_figures_are_sums_over_days() -> None:
    given = pl.DataFrame(
        {
            "user_id": ["a", "a", "b", "c", "d"],
            "origin": ["human", "generated", "human", "human", "human"],
            "tier": ["top", "only generated", "tail", "top", "top"],
            "slots": [6, 2, 4, 5, 7],
            "heard_ms": [HOUR_MS, HOUR_MS, 0, 3 * HOUR_MS, 0],
            "finishes": [1, 1, 0, 2, 2],
        }
    )
    days = pl.DataFrame({"user_id": ["a", "b", "c", "d", "e"], "days": [2, 2, 1, 2, 1]})
    out = {"a": False, "b": False, "c": True, "d": True, "e": True}
    found = displacement(given, days, out, CONFIG.model_copy(update={"enough_listeners": 2}))
    assert (found.listeners, found.held_out, found.days, found.held_out_days) == (2, 3, 4, 4)
    expected = {
        ("human", "top", "slots"): (6 / 4, 12 / 4),
        ("human", "tail", "slots"): (4 / 4, 0),
        ("human", None, "slots"): (10 / 4, 12 / 4),
        ("human", None, "hours"): (1 / 4, 3 / 4),
        ("human", None, "finishes"): (1 / 4, 4 / 4),
        ("generated", None, "slots"): (2 / 4, 0),
        ("all", None, "slots"): (12 / 4, 12 / 4),
    }
    for key, (mine, held) in expected.items():
        one = row(found, *key)
        assert (one.with_generated, one.held_out) == pytest.approx((mine, held))
        assert one.difference.mean == pytest.approx(mine - held)
        assert one.difference.low <= one.difference.mean <= one.difference.high


def test_who_is_displaced_is_found() -> None:
    rng = np.random.default_rng(1)
    found = displacement(*listening(rng, 4000, 0.2, 0.5), CONFIG)
    assert found.verdict == "compared"
    assert row(found, "human", "tail").verdict == "less"
    assert row(found, "human", None).verdict == "less"
    assert row(found, "generated", None).verdict == "more"
    assert row(found, "human", "tail").difference.mean == pytest.approx(-3, abs=0.4)  # 2 x 1.5


def test_too_few_say_nothing() -> None:
    rng = np.random.default_rng(2)
    given, days, out = listening(rng, 300, 0.05, 0.5)
    found = displacement(given, days, out, CONFIG)
    assert found.verdict == "too few held-out listeners: 15 of the 20 that are needed"
    assert found.rows == ()
    assert (found.listeners, found.held_out) == (285, 15)
    swapped = {user: not held for user, held in out.items()}
    assert "too few other listeners" in displacement(given, days, swapped, CONFIG).verdict
    nothing = displacement(given.clear(), days.clear(), {}, CONFIG)
    assert (nothing.held_out, nothing.rows) == (0, ())


def test_what_spoils_the_holdout_is_counted() -> None:
    given, days, out = listening(np.random.default_rng(2), 100, 0.5, 0.5)
    assert displacement(given, days, out, CONFIG).held_out_generated_slots == 0
    leak = given.filter(user_id="u00001").head(1)
    leak = leak.with_columns(origin=pl.lit("generated"), slots=pl.lit(7, pl.Int64))
    assert displacement(pl.concat([given, leak]), days, out, CONFIG).held_out_generated_slots == 7


@pytest.mark.parametrize("groups", [5_000, 60])
def test_intervals_hold_the_truth_as_often_as_they_say(
    groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listeners one by one, and in random groups of two or so."""
    monkeypatch.setattr(module, "GROUPS", groups)
    rng, held = np.random.default_rng(3), []
    for seed in range(80):
        given, days, out = listening(rng, 250, 0.5, 0.0)
        config = DisplacementConfig(enough_listeners=20, resamples=200, seed=seed)
        one = row(displacement(given, days, out, config), "human", None)
        held.append(one.difference.low <= 0 <= one.difference.high)
    # 95 % of 80 is 76; fewer than 69 happen once in 2,000 runs of a right interval.
    assert sum(held) >= 69


def test_the_same_seed_draws_the_same() -> None:
    rows = listening(np.random.default_rng(4), 200, 0.4, 0.3)
    assert displacement(*rows, CONFIG) == displacement(*rows, CONFIG)
    other = CONFIG.model_copy(update={"seed": 1})
    assert displacement(*rows, CONFIG) != displacement(*rows, other)
