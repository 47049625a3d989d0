"""Lets two rankers share one page, so that listeners say which one they prefer by what they play.

Team draft: in every round a fair coin says who picks first, and each ranker adds its best track
that is not on the page yet. One draft covers all pages of a feed: later pages continue it, whatever
their sizes, and nothing is shown twice.

Source:
    Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?", 2008.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.randomness import derive_seed

Coin = Callable[[int, int], int]
"""From the slot to be filled and the number of rankers that may pick to the one that does."""


@dataclass(frozen=True)
class Draft:
    """Slots in order, with who picked each of them."""

    rows: NDArray[np.int64]
    """(n,) dense indices of tracks."""
    teams: NDArray[np.int64]
    """(n,) the ranker that picked, as an index into the lists."""
    rounds: NDArray[np.int64]
    """(n,) the round of the pick."""
    competitive: NDArray[np.bool_]
    """(n,) whether the rankers wanted different tracks in that round and each got its own. Rounds
    in which they agree, or that are incomplete, say nothing of which is better."""


def seeded_coin(seed: int) -> Coin:
    """Return a coin that falls alike for the same seed and slot, so that pages can be drafted anew.

    Args:
        seed: Of the feed, not of the page.
    """
    return lambda slot, choices: derive_seed(seed, "team-draft", slot) % choices


def team_draft(lists: Sequence[Sequence[int]], size: int, coin: Coin, drafted: int = 0) -> Draft:
    """Draft `size` slots of a feed, the first ones or those after a page.

    A longer draft of the same lists and coin begins with the shorter one. Later pages go on where
    the one before ended, from lists that leave out what it showed; a round that a page's end cuts
    in two is completed, and counts as incomplete: nobody knows any more what was wanted in it.

    Args:
        lists: Two or more rankings of distinct rows, best first.
        size: Slots to fill; fewer are where all lists end.
        coin: Decides among the rankers with the fewest picks.
        drafted: Slots of the feed on the pages before.

    Raises:
        ValueError: Fewer than two lists.
    """
    if len(lists) < 2:
        raise ValueError(f"a draft needs two rankings or more, not {len(lists)}")
    picks: list[int] = []
    teams: list[int] = []
    wanted: list[tuple[int | None, ...]] = []
    taken: set[int] = set()
    counts, positions = _begun_round(len(lists), coin, drafted), [0] * len(lists)
    begun = sum(counts)
    while len(picks) < size:
        heads = tuple(_head(of, positions, at, taken) for at, of in enumerate(lists))
        able = [at for at, head in enumerate(heads) if head is not None]
        if not able:
            break
        if (begun + len(picks)) % len(lists) == 0:
            wanted.append(heads)
        fewest = min(counts[at] for at in able)
        choices = [at for at in able if counts[at] == fewest]
        team = choices[coin(drafted + len(picks), len(choices))] if len(choices) > 1 else choices[0]
        row = heads[team]
        assert row is not None
        picks.append(row)
        teams.append(team)
        taken.add(row)
        counts[team] += 1
    return _draft(picks, teams, wanted, len(lists), begun)


def credit(
    draft: Draft, slots: Collection[int], n_rankers: int = 2, *, competitive_only: bool = True
) -> tuple[int, ...]:
    """Count what each ranker's picks earned.

    Args:
        draft: All slots that were shown.
        slots: 0-based slots of the draft with the wanted interaction; each counts once.
        n_rankers: How many lists were drafted from.
        competitive_only: Leave out rounds that say nothing of which ranker is better.

    Returns:
        Credits by ranker; who has more won this feed.
    """
    earned = [0] * n_rankers
    for slot in set(slots):
        if draft.competitive[slot] or not competitive_only:
            earned[int(draft.teams[slot])] += 1
    return tuple(earned)


def _head(of: Sequence[int], positions: list[int], at: int, taken: set[int]) -> int | None:
    """Return a list's best row that is not taken, and move its position there."""
    while positions[at] < len(of) and int(of[positions[at]]) in taken:
        positions[at] += 1
    return int(of[positions[at]]) if positions[at] < len(of) else None


def _begun_round(width: int, coin: Coin, drafted: int) -> list[int]:
    """Return who has picked in the round that the page before left incomplete."""
    counts = [0] * width
    for slot in range(drafted - drafted % width, drafted):
        choices = [at for at, count in enumerate(counts) if count == 0]
        counts[choices[coin(slot, len(choices))]] += 1
    return counts


def _draft(
    picks: list[int], teams: list[int], wanted: list[tuple[int | None, ...]], width: int, begun: int
) -> Draft:
    numbers = np.arange(begun, begun + len(picks), dtype=np.int64)
    competitive = np.zeros(len(picks), dtype=np.bool_)
    first = (width - begun) % width  # where the first round of this page's own begins
    for number, heads in enumerate(wanted):
        part = slice(first + number * width, first + (number + 1) * width)
        own = dict(zip(teams[part], picks[part], strict=True))
        competitive[part] = len(set(heads)) == width and own == dict(enumerate(heads))
    return Draft(
        rows=np.array(picks, dtype=np.int64),
        teams=np.array(teams, dtype=np.int64),
        rounds=numbers // width,
        competitive=competitive,
    )
