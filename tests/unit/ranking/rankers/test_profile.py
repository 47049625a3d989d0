"""Profiles say how features were spread, and how far others have moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import ArtifactError
from ranking.rankers.profile import (
    PROFILE_FILE,
    SMALLEST_SHARE,
    FeatureProfile,
    profile_of,
    spread,
    stability_index,
)

RNG = np.random.default_rng(4)
VALUES = np.column_stack(
    [RNG.normal(size=5000), RNG.integers(0, 2, 5000), np.full(5000, np.nan)]
).astype(np.float32)
NAMES = ("normal", "flag", "never")


def test_the_same_rows_have_not_moved_and_shifted_ones_have(tmp_path: Path) -> None:
    profile = profile_of(NAMES, VALUES)
    assert set(profile.drift(NAMES, VALUES).values()) == {0.0}
    alike = profile.drift(NAMES[:1], RNG.normal(size=(5000, 1)).astype(np.float32))
    assert alike["normal"] < 0.02  # 10 bins of 5,000: expected about 2 * 9 / 5000
    moved = profile.drift(("normal", "unknown"), (VALUES[:, :2] + 1).astype(np.float32))
    assert set(moved) == {"normal"}
    assert moved["normal"] > 0.25
    profile.save(tmp_path)
    again = FeatureProfile.load(tmp_path)
    assert again.rows == 5000
    assert again.drift(NAMES, VALUES) == profile.drift(NAMES, VALUES)


def test_deciles_hold_a_tenth_each_and_few_values_a_bin_each() -> None:
    profile = profile_of(NAMES, VALUES)
    assert profile.features["normal"].shares[:-1] == pytest.approx(np.full(10, 0.1), abs=1e-3)
    flag = profile.features["flag"].shares
    ones = float(VALUES[:, 1].mean())
    assert flag[flag > 0] == pytest.approx([1 - ones, ones])
    assert profile.features["never"].shares.tolist() == [0.0, 1.0]


def test_the_index_is_its_formula_and_missing_values_are_a_bin() -> None:
    before, after = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    by_hand = 2 * -0.25 * np.log(0.5) + (0.5 - SMALLEST_SHARE) * np.log(0.5 / SMALLEST_SHARE)
    assert stability_index(before, after) == pytest.approx(by_hand)
    found = spread(np.array([1.0, 2.0, 3.0, np.nan], np.float32), np.array([2.0]))
    assert found.tolist() == [0.25, 0.5, 0.25]
    assert spread(np.empty(0, np.float32), np.array([2.0])).tolist() == [0, 0, 0]


def test_a_missing_or_broken_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=PROFILE_FILE):
        FeatureProfile.load(tmp_path)
    (tmp_path / PROFILE_FILE).write_text('{"rows": 1}')
    with pytest.raises(ArtifactError, match=PROFILE_FILE):
        FeatureProfile.load(tmp_path)
