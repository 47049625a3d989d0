"""A draft has exactly the published distribution, goes on across pages and credits fairly."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.experiments.interleaving import Draft, credit, seeded_coin, team_draft
from tests.support.shared_data import shared_vectors

RANKING = st.lists(st.integers(0, 15), max_size=10, unique=True)
LISTS = st.lists(RANKING, min_size=2, max_size=4)


def published() -> dict:
    return json.loads(shared_vectors("interleaving-team-draft.json").read_text())


class ScriptedCoin:
    """Falls as told, then on the first ranker, and remembers what else could have happened."""

    def __init__(self, script: tuple[int, ...]) -> None:
        self.script, self.tossed, self.chance = script, list[int](), Fraction(1)
        self.others = list[tuple[int, ...]]()

    def __call__(self, slot: int, choices: int) -> int:
        self.chance /= choices
        if len(self.tossed) < len(self.script):
            fell = self.script[len(self.tossed)]
        else:
            fell = 0
            self.others.extend((*self.tossed, other) for other in range(1, choices))
        self.tossed.append(fell)
        return fell


def every_draft(lists: list[list[int]], size: int) -> Iterator[tuple[Draft, Fraction]]:
    """Draft once for each way that the coins can fall, with its exact probability."""
    unexplored: list[tuple[int, ...]] = [()]
    while unexplored:
        coin = ScriptedCoin(unexplored.pop())
        yield team_draft(lists, size, coin), coin.chance
        unexplored.extend(coin.others)


def test_distributions_are_exactly_the_published_ones() -> None:
    cases = published()["team_draft"]
    assert len(cases) == 8
    for case in cases:
        found: dict[tuple, Fraction] = defaultdict(Fraction)
        for draft, chance in every_draft(case["lists"], case["k"]):
            teams = tuple(
                tuple(sorted(draft.rows[draft.teams == team].tolist()))
                for team in range(len(case["lists"]))
            )
            found[tuple(draft.rows.tolist()), teams] += chance
        expected = {
            (tuple(one["ranking"]), tuple(tuple(sorted(t)) for t in one["teams"])): Fraction(
                one["prob"]
            )
            for one in case["exact_distribution"]
        }
        assert dict(found) == expected
        allowed = case.get("allowed_rankings_published", [k[0] for k in expected])
        assert {ranking for ranking, _ in found} == {tuple(ranking) for ranking in allowed}


def test_the_seeded_coin_reaches_those_shares() -> None:
    lists, n = [[1, 2, 3], [2, 3, 1]], 4000
    expected: dict[tuple, float] = defaultdict(float)
    for draft, chance in every_draft(lists, 3):
        expected[tuple(draft.rows.tolist()), tuple(draft.teams.tolist())] += float(chance)
    found: dict[tuple, int] = defaultdict(int)
    for seed in range(n):
        draft = team_draft(lists, 3, seeded_coin(seed))
        found[tuple(draft.rows.tolist()), tuple(draft.teams.tolist())] += 1
    assert set(found) == set(expected)
    for key, share in expected.items():  # five standard errors, and the seeds are fixed
        assert found[key] / n == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / n))


def test_credits_are_the_published_ones() -> None:
    cases = published()["credit_cases"]
    assert cases
    for case in cases:
        teams = [
            next(at for at, team in enumerate(case["teams"]) if row in team)
            for row in case["ranking"]
        ]
        n = len(teams)
        draft = Draft(
            rows=np.array(case["ranking"]),
            teams=np.array(teams),
            rounds=np.arange(n) // 2,
            competitive=np.zeros(n, dtype=np.bool_),
        )
        first, second = credit(draft, case["clicks"], competitive_only=False)
        winner = [[0, 1]] if first > second else [[1, 0]] if second > first else []
        assert winner == case["result"]
        assert credit(draft, case["clicks"]) == (0, 0)


@settings(max_examples=50)
@given(lists=LISTS, size=st.integers(0, 25), seed=st.integers(0, 10**6))
def test_a_draft_shows_each_track_once_and_all_there_is(
    lists: list[list[int]], size: int, seed: int
) -> None:
    draft = team_draft(lists, size, seeded_coin(seed))
    union = set().union(*lists)
    assert len(set(draft.rows.tolist())) == draft.rows.size == min(size, len(union))
    for row, team in zip(draft.rows.tolist(), draft.teams.tolist(), strict=True):
        assert row in lists[team]
    for team, ranking in enumerate(lists):  # each ranker's picks come in its own order
        own = [ranking.index(row) for row in draft.rows[draft.teams == team].tolist()]
        assert own == sorted(own)


@settings(max_examples=50)
@given(lists=LISTS, cut=st.integers(0, 12), size=st.integers(0, 25), seed=st.integers(0, 10**6))
def test_a_longer_draft_begins_with_the_shorter(
    lists: list[list[int]], cut: int, size: int, seed: int
) -> None:
    short, long = (team_draft(lists, n, seeded_coin(seed)) for n in (min(cut, size), size))
    assert long.rows[: short.rows.size].tolist() == short.rows.tolist()
    assert long.teams[: short.teams.size].tolist() == short.teams.tolist()


@settings(max_examples=100)
@given(
    orders=st.lists(st.permutations(range(24)), min_size=2, max_size=3),
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    seed=st.integers(0, 10**6),
)
def test_page_after_page_is_one_draft(orders: list[list[int]], sizes: list[int], seed: int) -> None:
    coin, width = seeded_coin(seed), len(orders)
    whole = team_draft(orders, sum(sizes), coin)
    shown: list[int] = []
    for size in sizes:
        left = [[row for row in order if row not in shown] for order in orders]
        page = team_draft(left, size, coin, drafted=len(shown))
        part = slice(len(shown), len(shown) + size)
        assert page.rows.tolist() == whole.rows[part].tolist()
        assert page.teams.tolist() == whole.teams[part].tolist()
        for at in range(size):
            first = (len(shown) + at) // width * width
            inside = len(shown) <= first and first + width <= len(shown) + size
            # A round that a page's end cuts in two says nothing; the others what they say in one.
            assert page.competitive[at] == (inside and whole.competitive[len(shown) + at])
        shown += page.rows.tolist()


@settings(max_examples=50)
@given(ranking=RANKING, size=st.integers(0, 12), seed=st.integers(0, 10**6))
def test_rankers_that_agree_are_never_told_apart(ranking: list[int], size: int, seed: int) -> None:
    draft = team_draft([ranking, ranking], size, seeded_coin(seed))
    assert draft.rows.tolist() == ranking[:size]
    assert credit(draft, range(draft.rows.size)) == (0, 0)


def test_only_complete_rounds_of_different_tracks_compete() -> None:
    # Round 0: both want 9. Round 1: 1 against 2, or what is left of them. Round 2 is cut off.
    for draft, _ in every_draft([[9, 1, 3, 5], [9, 2, 4, 6]], 5):
        competes = draft.competitive.tolist()
        assert competes[:2] == [False, False]
        assert competes[2:4] == [True, True]
        assert competes[4] is False
    whole = next(every_draft([[1, 2], [3, 4]], 4))[0]
    assert whole.competitive.all()
    assert whole.rounds.tolist() == [0, 0, 1, 1]


def test_a_swap_of_the_rankers_swaps_the_credit() -> None:
    """Exactly fair: over all coins, a listener who plays certain tracks credits both alike."""
    lists, liked = [[1, 2, 3, 4, 5], [3, 1, 6, 2, 7]], {1, 3, 6}

    def expected(of: list[list[int]], *, competitive_only: bool) -> tuple[Fraction, Fraction]:
        total = [Fraction(0), Fraction(0)]
        for draft, chance in every_draft(of, 6):
            slots = [at for at, row in enumerate(draft.rows.tolist()) if row in liked]
            earned = credit(draft, slots, competitive_only=competitive_only)
            total = [total[at] + chance * earned[at] for at in range(2)]
        return total[0], total[1]

    for only in (True, False):
        there, back = (expected(of, competitive_only=only) for of in (lists, lists[::-1]))
        assert there == back[::-1]


def test_one_ranking_is_no_draft() -> None:
    with pytest.raises(ValueError, match="two rankings or more"):
        team_draft([[1]], 1, seeded_coin(1))
