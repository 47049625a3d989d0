"""Counts of slots and outcomes against counting one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import ArtifactError
from core.ids import Ids
from ranking.features.shown import KEYS, OUTCOMES, Entries, ShownRates, TrackKeys, no_shown
from ranking.features.shown_file import load_shown, save_shown

RNG = np.random.default_rng(3)
N = 300
TRACKS = TrackKeys(
    np.array([0, 0, 1, -1, 2]), np.array([4, 5, 4, -1, 5]), np.array([1, -1, 1, 0, 0])
)


def log(refresh_ms: int = 0) -> ShownRates:
    rows = np.random.default_rng(1).integers(0, 5, N)
    rng = np.random.default_rng(2)
    keys = {
        **TRACKS.of(rows),
        "listener": rng.integers(0, 4, N),
        "surface": rng.integers(0, 2, N),
    }
    weights = rng.integers(0, 2, (1 + len(OUTCOMES), N)).astype(np.float32)
    entries = Entries(rng.integers(0, 50, N) * 1_000, keys)
    return ShownRates(Ids("abcd"), Ids(["home", "radio"]), entries, weights, refresh_ms)


def asked(n: int = 80) -> Entries:
    rng = np.random.default_rng(4)
    keys = {**TRACKS.of(rng.integers(0, 5, n)), "listener": rng.integers(-1, 4, n)}
    return Entries(rng.integers(0, 55, n) * 1_000, {**keys, "surface": rng.integers(-1, 2, n)})


@pytest.mark.parametrize(
    "parts", [(), ("track",), ("creator", "listener"), ("length", "surface"), ("tag",)]
)
def test_counts_are_those_of_counting(parts: tuple[str, ...]) -> None:
    shown, wanted = log(), asked()
    count, events = shown.counts(parts, wanted)
    for at in range(wanted.at_ms.size):
        same = shown.entries.at_ms < wanted.at_ms[at]
        for part in parts:
            mine = wanted.keys[part][at]
            same &= (shown.entries.keys[part] == mine) & (mine >= 0)
        np.testing.assert_array_equal([count[at], *events[:, at]], shown.weights[:, same].sum(1))


def test_a_compacted_log_counts_the_same_from_its_moment_on() -> None:
    shown, wanted = log(), asked()
    late = Entries(np.full(80, 30_000), wanted.keys)
    later = Entries(np.full(80, 99_000), wanted.keys)
    small = shown.compacted(30_000)
    assert small.entries.at_ms.size < N
    for parts in ((), ("track", "surface"), ("listener",)):
        for left, right in zip(small.counts(parts, later), shown.counts(parts, late), strict=True):
            np.testing.assert_array_equal(left, right)


def test_it_survives_its_file_in_other_rows(tmp_path: Path) -> None:
    names = [f"t{row}" for row in range(5)]
    shown = log().compacted(99_000)
    save_shown(shown, tmp_path, names)
    order = [4, 2, 0, 1, 3]
    moved = TrackKeys(*(getattr(TRACKS, one)[order] for one in ("creators", "lengths", "tags")))
    loaded = load_shown(tmp_path, Ids(names[row] for row in order), moved)
    wanted = Entries(np.full(5, 1), {**TRACKS.of(np.arange(5))})
    there = Entries(np.full(5, 1), {**moved.of(np.argsort(order))})
    for parts in (("track",), ("creator",), ("length",), ("tag",)):
        for a, b in zip(shown.counts(parts, wanted), loaded.counts(parts, there), strict=True):
            np.testing.assert_array_equal(a, b)
    (tmp_path / "shown.parquet").write_text("rubbish")
    with pytest.raises(ArtifactError, match=r"shown\.parquet"):
        load_shown(tmp_path, Ids(names), TRACKS)


def test_nothing_shown_counts_nothing() -> None:
    count, events = no_shown().counts(("track",), asked(3))
    assert count.tolist() == [0, 0, 0]
    assert events.shape == (len(OUTCOMES), 3)
    assert set(no_shown().entries.keys) == set(KEYS)
