"""The caps on generated tracks hold together, and give way only where nothing else is left."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.assembly import FeedConfig, assemble
from ranking.catalogue import Origin, Status
from ranking.model import Candidates, Feed, Listener
from ranking.policies.fresh import FreshSlotsConfig
from ranking.policies.generated import generated_cap, listener_cap
from ranking.policies.page import OpenPage, PageConfig
from ranking.policies.retrace import retrace
from ranking.rankers.fusion import FusionRanker
from tests.support.worlds import query_of, tiny_world

WORLD = tiny_world(n_tracks=120, n_creators=40)
GENERATED = WORLD.catalogue.origins == Origin.GENERATED
TRIAL = WORLD.catalogue.statuses == Status.TRIAL
SHARES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0])
# What a listener was shown lately: some generated tracks and some others, in any order.
SHOWN = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 99))


def lately(shown: tuple[int, int, int]) -> np.ndarray:
    n_generated, n_others, seed = shown
    rows = [np.resize(np.flatnonzero(GENERATED), n_generated)]
    rows.append(np.resize(np.flatnonzero(~GENERATED), n_others))
    return np.random.default_rng(seed).permutation(np.concatenate(rows)).astype(np.int64)


def ranked(rows: np.ndarray) -> Candidates:
    columns = np.full((rows.size, 2), np.nan, dtype=np.float32)
    columns[~TRIAL[rows], 0] = 1.0
    columns[TRIAL[rows], 1] = np.linspace(0.9, 0.1, int(TRIAL[rows].sum()))
    scores = np.linspace(1, 0, rows.size, dtype=np.float32)
    return Candidates(rows.astype(np.int64), scores, ("popular", "fresh"), columns, columns)


def arranged(config: PageConfig, found: Candidates, shown: np.ndarray, size: int, seed: int = 1):  # type: ignore[no-untyped-def]
    listener = Listener("u", shown_rows=shown, shown_at_ms=np.ones(shown.size, dtype=np.int64))
    query = query_of(listener, size, seed=seed)
    feed = FeedConfig(page=config)
    policy = assemble(WORLD.catalogue, WORLD.learned, FusionRanker(), feed).policy
    return query, policy.arrange(query, found)


@given(size=st.integers(0, 100), lately=st.lists(st.booleans(), max_size=60), share=SHARES)
def test_the_listener_s_cap_is_the_most_that_keeps_the_share(
    size: int, lately: list[bool], share: float
) -> None:
    allowed = listener_cap(size, np.array(lately, dtype=np.bool_), share)
    total, known = size + len(lately), sum(lately)
    fits = [n for n in range(size + 1) if known + n <= share * total + 1e-9]
    assert min(allowed, size) == max(fits, default=0)
    if not lately:
        assert allowed == generated_cap(size, share)


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 70), page=SHARES, listener=SHARES, shown=SHOWN, others=st.integers(0, 60)
)
def test_as_many_are_generated_as_the_caps_allow_or_the_page_needs(
    size: int, page: float, listener: float, shown: tuple[int, int, int], others: int
) -> None:
    """Generated tracks are ranked first, so a page takes all that it may."""
    made = np.flatnonzero(GENERATED & ~TRIAL)
    rest = np.flatnonzero(~GENERATED & ~TRIAL)[:others]
    config = PageConfig(
        fresh=FreshSlotsConfig(share=0), creator_gap=1, diversity=0,
        generated_share=page, generated_listener_share=listener,
    )  # fmt: skip
    before = lately(shown)
    _, feed = arranged(config, ranked(np.concatenate([made, rest])), before, size)
    length = min(size, made.size + rest.size)
    assert len(feed) == length
    cap = min(int(page * length + 1e-9), listener_cap(length, GENERATED[before], listener))
    assert GENERATED[feed.rows].sum() == min(made.size, max(cap, length - rest.size))


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 60),
    fresh=st.sampled_from([0.1, 0.4]),
    shares=st.tuples(SHARES, SHARES),
    shown=SHOWN,
    seed=st.integers(0, 2**62),
)
def test_the_caps_hold_for_fresh_and_ordinary_slots(
    size: int, fresh: float, shares: tuple[float, float], shown: tuple[int, int, int], seed: int
) -> None:
    page, listener = shares
    config = PageConfig(
        fresh=FreshSlotsConfig(share=fresh, temperature=3.0),
        generated_share=page,
        generated_listener_share=listener,
    )
    rows = np.random.default_rng(seed % 97).permutation(len(WORLD.catalogue))
    found, before = ranked(rows), lately(shown)
    query, feed = arranged(config, found, before, size, seed)
    cap = min(int(page * size + 1e-9), listener_cap(size, GENERATED[before], listener))
    made = GENERATED[feed.rows]
    others_left = np.setdiff1d(np.flatnonzero(~GENERATED & ~TRIAL), feed.rows).size
    assert made.sum() <= cap or others_left == 0
    assert made[feed.is_fresh].sum() <= cap
    _same_again(query, feed, found, config)


def _same_again(query, feed: Feed, found: Candidates, config: PageConfig) -> None:  # type: ignore[no-untyped-def]
    """A replay that knows what was shown makes the same page of the same draws."""
    place = {row: at for at, row in enumerate(found.rows.tolist())}
    slots = np.array([place[row] for row in feed.rows.tolist()], dtype=np.int64)
    opened = OpenPage.of(query, found, WORLD.catalogue, WORLD.learned.vectors, config)
    again = retrace(opened, slots[feed.is_fresh])
    np.testing.assert_array_equal(again.slots, slots)
    np.testing.assert_array_equal(again.propensities, feed.propensities)


def test_who_was_shown_much_of_it_gets_less_until_the_share_is_kept() -> None:
    everything = ranked(np.concatenate([np.flatnonzero(GENERATED), np.flatnonzero(~GENERATED)]))
    config = PageConfig(generated_share=0.6, generated_listener_share=0.3, creator_gap=1)
    shown = np.empty(0, dtype=np.int64)
    shares = []
    for seed in range(6):
        _, feed = arranged(config, everything, shown, 20, seed)
        shown = np.concatenate([feed.rows[::-1], shown])
        shares.append(float(GENERATED[shown].mean()))
    assert max(shares) <= 0.3
    assert shares[-1] == 0.3  # it is a cap, and no more than that
    flooded = lately((40, 0, 0))
    _, feed = arranged(config, everything, flooded, 20)
    assert not GENERATED[feed.rows].any()


def test_one_that_nothing_else_can_stand_in_for_is_shown() -> None:
    only = ranked(np.flatnonzero(GENERATED & TRIAL)[:1])
    config = PageConfig(generated_listener_share=0)
    _, feed = arranged(config, only, lately((5, 0, 0)), 10)
    assert feed.rows.tolist() == only.rows.tolist()
