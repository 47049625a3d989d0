"""Demand: liking against least squares, stock against counting, appetite and gaps by design."""

from __future__ import annotations

import numpy as np
import pytest

from core.randomness import generator
from embeddings.collaborative.factors import AlsConfig
from embeddings.vectors import unit_rows
from pipelines.supply.demand import gap as module
from pipelines.supply.demand import stock as stock_module
from pipelines.supply.demand.appetite import appetite, shares_of
from pipelines.supply.demand.gap import GapConfig, Shortfall, figures, gained
from pipelines.supply.demand.liking import Liking, LikingConfig, Pairs, fit_liking
from pipelines.supply.demand.stock import Shelves, stock
from pipelines.supply.demand.timeless import played_liking


def random_pairs(users: int, tracks: int, seed: int = 1) -> Pairs:
    rng = generator(seed, "pairs")
    met = rng.random((users, tracks)) < 0.3
    met[0] = False  # a listener of whom nothing is known
    rows, columns = np.nonzero(met)
    plays = rng.integers(1, 5, rows.size).astype(np.float32)
    finishes = rng.binomial(plays.astype(int), 0.4).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(met.sum(axis=1))]).astype(np.int64)
    return Pairs(starts, columns.astype(np.int64), plays, finishes)


def test_liking_is_the_weighted_ridge_regression_of_each_listener() -> None:
    pairs, users, tracks = random_pairs(12, 40), 12, 40
    points = unit_rows(generator(2, "points").standard_normal((tracks, 6)))
    config = LikingConfig(dim=6, ridge=2.0, listener_plays=3.0, track_plays=4.0)
    fitted = fit_liking(pairs, points, config, threads=2)
    who = pairs.listeners
    mean = pairs.finishes.sum() / pairs.plays.sum()
    predicted = fitted.listeners.astype(np.float64) @ fitted.tracks.T
    level = np.array(
        [
            ((pairs.finishes - mean * pairs.plays)[who == user]).sum()
            / (pairs.plays[who == user].sum() + 3.0)
            for user in range(users)
        ]
    )
    left = pairs.finishes - pairs.plays * (mean + level[who])
    of_track = np.array(
        [
            left[pairs.tracks == t].sum() / (pairs.plays[pairs.tracks == t].sum() + 4.0)
            for t in range(tracks)
        ]
    )
    directions = fitted.tracks[:, 2:].astype(np.float64)
    for user in range(users):
        mine = who == user
        own, weights = directions[pairs.tracks[mine]], pairs.plays[mine]
        target = left[mine] - weights * of_track[pairs.tracks[mine]]
        system = own.T @ (own * weights[:, None]) + 2.0 * np.eye(6)
        taste = np.linalg.solve(system, own.T @ target)
        expected = mean + level[user] + of_track + directions @ taste
        np.testing.assert_allclose(predicted[user], expected, atol=2e-5)  # float32 throughout


def test_the_directions_keep_all_distances_where_none_is_left_out() -> None:
    points = unit_rows(generator(2, "points").standard_normal((30, 5)))
    fitted = fit_liking(random_pairs(4, 30), points, LikingConfig(dim=48))
    ours, exact = fitted.tracks[:, 2:], points - points.mean(axis=0)
    scale = np.sqrt((exact**2).sum(axis=1).mean())
    np.testing.assert_allclose(ours @ ours.T, exact @ exact.T / scale**2, atol=1e-5)


def test_who_heard_two_tracks_of_a_kind_out_is_expected_to_like_the_third() -> None:
    points = unit_rows(np.repeat(np.eye(3), 3, axis=0) + 0.01)
    tracks = np.array([0, 1, 3, 4, 6, 7, 0, 1, 3, 4, 6, 7])
    finishes = np.array([3, 3, 0, 0, 1, 1, 0, 0, 3, 3, 1, 1], dtype=np.float32)
    pairs = Pairs(np.array([0, 6, 12]), tracks, np.full(12, 3, np.float32), finishes)
    fitted = fit_liking(pairs, points, LikingConfig(ridge=0.5))
    liked = fitted.listeners @ fitted.tracks.T
    assert liked[0, 2] > fitted.good > liked[0, 5]
    assert liked[1, 5] > fitted.good > liked[1, 2]


@pytest.mark.parametrize("cells", [1, 10**6])
def test_stock_is_what_counting_one_by_one_gives(
    cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stock_module, "BLOCK_CELLS", cells)
    rng = generator(5, "stock")
    pairs = random_pairs(20, 50)
    liking = Liking(
        rng.standard_normal((20, 4)).astype(np.float32),
        rng.standard_normal((50, 4)).astype(np.float32),
        0.5,
    )
    members = rng.integers(-1, 3, 50)
    kinds = rng.integers(0, 2, 50)
    allows = rng.random((20, 2)) < 0.6
    found = stock(liking, pairs, Shelves(members, kinds, allows), 3, threads=2)
    heard = [set(pairs.tracks[pairs.starts[u] : pairs.starts[u + 1]]) for u in range(20)]
    good = liking.listeners @ liking.tracks.T >= 0.5
    expected = [
        [
            sum(
                good[u, t] and t not in heard[u] and members[t] == s and allows[u, kinds[t]]
                for t in range(50)
            )
            for s in range(3)
        ]
        for u in range(20)
    ]
    np.testing.assert_array_equal(found, expected)


def test_appetite_takes_supply_out_of_what_was_played() -> None:
    """Listeners chose by liking and by supply; the shares are what liking alone gives."""
    rng = generator(6, "appetite")
    users, temperature = 3000, 0.3
    sizes = np.array([100, 10, 40])
    members = np.repeat(np.arange(3), sizes)
    liked = rng.normal(0.5, 0.2, (users, 3)).astype(np.float32)
    odds = np.exp(liked / temperature) * sizes
    plays = np.stack([rng.multinomial(60, row / row.sum()) for row in odds.astype(np.float64)])
    rows, segments = np.nonzero(plays)
    starts = np.concatenate([[0], np.cumsum((plays > 0).sum(axis=1))])
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    pairs = Pairs(
        starts, first[segments], plays[rows, segments].astype(np.float32), np.zeros(rows.size)
    )
    liking = Liking(liked, np.eye(3, dtype=np.float32)[members], 0.5)
    found = appetite(liking, pairs, members, 3)
    assert found.temperature == pytest.approx(temperature, rel=0.05)  # 180,000 choices
    np.testing.assert_allclose(found.liking, liked, atol=1e-6)
    np.testing.assert_allclose(found.shares, shares_of(liked, found.temperature), atol=1e-6)
    np.testing.assert_allclose(found.shares.sum(axis=1), 1.0, atol=1e-5)
    played = plays.sum(axis=0) / plays.sum()
    assert found.shares[:, 1].mean() > 2 * played[1]  # hardly played, because it hardly exists


def shortfall(users: int = 400, seed: int = 7) -> Shortfall:
    """Return one segment with plenty, one nearly dry and one that only five listeners want."""
    rng = generator(seed, "shortfall")
    wanted = np.stack(
        [rng.gamma(4.0, 2.0, users), rng.gamma(4.0, 2.0, users), np.zeros(users)], axis=1
    )
    wanted[:5, 2] = 10.0
    left = np.stack([rng.poisson(40, users), rng.poisson(2, users), np.zeros(users)], axis=1)
    return Shortfall(
        wanted.astype(np.float32), left.astype(np.float32), np.full((users, 3), 0.7, np.float32)
    )


def test_only_what_is_short_by_enough_evidence_is_reported() -> None:
    config = GapConfig()
    found = figures(shortfall(), config, seed=1)
    new = np.zeros(3, dtype=bool)
    assert found.reported(config, new).tolist() == [1]
    assert found.confidence[2] == 1.0  # it is dry beyond doubt, for five listeners
    assert found.effective[2] == pytest.approx(5.0)
    few = config.model_copy(update={"enough_listeners": 5.0})
    assert found.reported(few, new).tolist() == [1]  # a track would gain 3.5 listens: not worth it
    assert found.reported(few.model_copy(update={"worth": 1.0}), new).tolist() == [1, 2]


def test_a_gap_is_open_until_what_is_left_lasts_for_the_horizons_of_a_restock() -> None:
    short, config = shortfall(), GapConfig()
    eased = Shortfall(short.wanted, short.left + np.float32(9), short.liking)
    found = figures(eased, config, seed=1)
    assert found.lost_share[1, 0] < config.lost_share < found.restock_share[1]
    longer = short.wanted * config.restock
    np.testing.assert_allclose(
        found.restock_share,
        np.maximum(longer - eased.left, 0).sum(axis=0) / longer.sum(axis=0),
        rtol=1e-5,  # single precision
    )
    missing = np.maximum(longer - eased.left, 0)
    weighed = (short.wanted * missing).sum(axis=0) / short.wanted.sum(axis=0)
    np.testing.assert_allclose(found.missing_tracks, weighed, rtol=1e-5)
    known = np.array([True, True, True])
    assert found.reported(config, ~known).tolist() == []
    assert found.reported(config, known).tolist() == [1]
    full = figures(Shortfall(short.wanted, short.left + np.float32(30), short.liking), config, 1)
    assert full.reported(config, known).tolist() == []


def test_figures_are_their_definitions() -> None:
    short, config = shortfall(), GapConfig()
    found = figures(short, config, seed=1)
    lost = np.maximum(short.wanted - short.left, 0.0)
    np.testing.assert_allclose(found.lost[:, 0], lost.sum(axis=0), rtol=1e-5)
    np.testing.assert_allclose(
        found.lost_share[:, 0], lost.sum(axis=0) / short.wanted.sum(axis=0), rtol=1e-5
    )
    per_track = (np.minimum(lost, 1.0) * 0.7).sum(axis=0)
    np.testing.assert_allclose(found.gained_per_track[:, 0], per_track, rtol=1e-5)
    np.testing.assert_allclose(gained(short).sum(axis=0), per_track, rtol=1e-5)
    assert found.listeners.sum() == len(short.wanted)
    wanted, left = short.wanted[:, 1].astype(np.float64), short.left[:, 1]
    days = left * config.horizon_days / wanted
    assert wanted[days <= found.days_until_dry[1, 1]].sum() >= 0.5 * wanted.sum()
    assert wanted[days < found.days_until_dry[1, 1]].sum() < 0.5 * wanted.sum()


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """100 draws of 200 listeners: the share that holds for all is inside 90 % of the intervals."""
    everyone = shortfall(users=50_000, seed=1)
    truth = np.maximum(everyone.wanted - everyone.left, 0).sum(0) / everyone.wanted.sum(0)
    config = GapConfig(resamples=200)
    inside = 0
    for draw in range(100):
        rows = generator(draw, "listeners").choice(50_000, 200, replace=False)
        part = Shortfall(everyone.wanted[rows], everyone.left[rows], everyone.liking[rows])
        _, low, high = figures(part, config, seed=draw).lost_share[1]
        inside += low <= truth[1] <= high
    assert 80 <= inside <= 97  # binomial(100, 0.9): 3.3 standard deviations below, 2.3 above


def test_blocks_of_listeners_change_nothing_but_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = figures(shortfall(), GapConfig(resamples=2000), seed=1)
    monkeypatch.setattr(module, "BLOCK_LISTENERS", 64)
    blocks = figures(shortfall(), GapConfig(resamples=2000), seed=1)
    np.testing.assert_array_equal(whole.lost[:, 0], blocks.lost[:, 0])
    # both intervals estimate the same; 2,000 resamples leave about 2 % of their width
    np.testing.assert_allclose(whole.lost_share[1], blocks.lost_share[1], atol=0.01)


def test_play_counts_alone_tell_what_is_liked_by_what_is_played_together() -> None:
    rng = generator(8, "counts")
    users, tracks = 200, 60
    camp, kind = np.arange(users) % 2, np.arange(tracks) % 2
    met = rng.random((users, tracks)) < np.where(camp[:, None] == kind[None, :], 0.4, 0.02)
    rows, columns = np.nonzero(met)
    starts = np.concatenate([[0], np.cumsum(met.sum(axis=1))])
    plays = rng.integers(1, 9, rows.size).astype(np.float32)
    pairs = Pairs(starts, columns, plays, np.zeros(rows.size, np.float32))
    liking = played_liking(pairs, tracks, AlsConfig(dim=8, iterations=10), seed=1)
    liked = liking.listeners @ liking.tracks.T
    own = camp[:, None] == kind[None, :]
    assert liked[own & ~met].mean() > 3 * liked[~own & ~met].mean()
    unheard = liked[own & ~met] >= liking.good
    assert 0.3 < unheard.mean() < 0.7  # half of what is like what was held out, by definition
