from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipelines.off_policy.configuration import OffPolicyConfig
from pipelines.off_policy.reward_model import RewardModel, fit_reward_model, fold_of
from ranking.model import FeatureMatrix

CONFIG = OffPolicyConfig(folds=3, trees=40)
USERS = [f"u{number}" for number in range(60)]


def shown(n: int = 1800, seed: int = 1) -> tuple[pl.DataFrame, FeatureMatrix]:
    """Return slots whose reward follows the first feature and the position, not the second."""
    rng = np.random.default_rng(seed)
    values = rng.random((n, 2)).astype(np.float32)
    positions = rng.integers(0, 4, n)
    chances = 0.9 * values[:, 0] / (1 + positions)
    frame = pl.DataFrame(
        {
            "user_id": [USERS[at % len(USERS)] for at in range(n)],
            "position": positions.astype(np.int32),
            "is_fresh": np.zeros(n, dtype=bool),
            "reward": (rng.random(n) < chances).astype(float),
        }
    )
    return frame, FeatureMatrix(("good", "noise"), values)


def asked(
    model: RewardModel, user: str, names: tuple[str, ...], rows: list[list[float]], position: int
) -> list[float]:
    features = FeatureMatrix(names, np.array(rows, dtype=np.float32))
    n = len(rows)
    found = model.expected(user, features, np.full(n, position), np.zeros(n, dtype=np.bool_))
    return found.tolist()


def test_it_learns_what_slots_earn() -> None:
    model = fit_reward_model([shown()], CONFIG)
    low, high = asked(model, "somebody", ("good", "noise"), [[0.1, 0.5], [0.9, 0.5]], 0)
    below = asked(model, "somebody", ("good", "noise"), [[0.9, 0.5]], 3)[0]
    assert low == pytest.approx(0.09, abs=0.12)
    assert high == pytest.approx(0.81, abs=0.15)
    assert below == pytest.approx(0.2, abs=0.12)


def test_columns_are_found_by_name_and_one_that_was_not_logged_is_unknown() -> None:
    model = fit_reward_model([shown()], CONFIG)
    right = asked(model, "x", ("good", "noise"), [[0.9, 0.2]], 0)
    assert asked(model, "x", ("more", "noise", "good"), [[7.0, 0.2, 0.9]], 0) == right
    unknown = asked(model, "x", ("noise",), [[0.2]], 0)
    assert unknown == asked(model, "x", ("good", "noise"), [[np.nan, 0.2]], 0)


def test_slots_of_other_columns_are_learned_from_together() -> None:
    frame, features = shown()
    half = frame.height // 2
    turned = FeatureMatrix(("noise", "good"), features.values[half:, ::-1])
    first = FeatureMatrix(features.names, features.values[:half])
    one = fit_reward_model([(frame, features)], CONFIG)
    both = fit_reward_model([(frame[:half], first), (frame[half:], turned)], CONFIG)
    rows = [[0.3, 0.1], [0.8, 0.9]]
    assert asked(one, "x", ("good", "noise"), rows, 1) == asked(
        both, "x", ("good", "noise"), rows, 1
    )


def test_nobody_is_judged_by_what_they_did_themselves() -> None:
    """Turn one listener's rewards over: what is expected of them stays to the last digit."""
    frame, features = shown()
    user = USERS[7]
    turned = frame.with_columns(
        reward=pl.when(pl.col("user_id") == user).then(1 - pl.col("reward")).otherwise("reward")
    )
    before, after = (fit_reward_model([(one, features)], CONFIG) for one in (frame, turned))
    rows = [[0.1, 0.5], [0.5, 0.5], [0.9, 0.5]]
    names = ("good", "noise")
    assert asked(before, user, names, rows, 0) == asked(after, user, names, rows, 0)
    other = next(one for one in USERS if fold_of(one, 3, 1) != fold_of(user, 3, 1))
    assert asked(before, other, names, rows, 0) != asked(after, other, names, rows, 0)


def test_too_little_teaches_no_more_than_a_mean() -> None:
    frame, features = shown(90)
    model = fit_reward_model([(frame, features)], CONFIG)
    others = frame.filter(
        pl.Series([fold_of(one, 3, 1) != fold_of("x", 3, 1) for one in frame["user_id"]])
    )
    found = asked(model, "x", ("good", "noise"), [[0.1, 0.1], [0.9, 0.1]], 0)
    assert found == pytest.approx([others["reward"].mean()] * 2)
    silent = frame.with_columns(reward=pl.lit(0.0))
    assert asked(fit_reward_model([(silent, features)], CONFIG), "x", ("good",), [[1.0]], 0) == [0]
    assert asked(fit_reward_model([], CONFIG), "x", ("good",), [[1.0]], 0) == [0]


def test_listeners_are_spread_over_the_folds() -> None:
    counts = np.bincount([fold_of(f"listener-{n}", 5, 1) for n in range(5000)])
    assert counts.size == 5
    assert np.all(np.abs(counts - 1000) < 5 * np.sqrt(1000 * 0.8))
