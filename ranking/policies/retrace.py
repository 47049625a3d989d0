"""Replays a page: the draws are those of a log, everything else follows from the arrangement."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ranking.model import Floats, Mask, Rows
from ranking.policies.fresh import Draw, Odds, draw
from ranking.policies.page import NOBODY, OpenPage


@dataclass(frozen=True, slots=True, eq=False)
class RetracedDraw:
    """One draw of an arrangement, given that the draws before it went as in the log.

    Args:
        position: The slot it fills.
        choices: Who might have been drawn, and how likely.
        logged: The candidate that the log shows for it; `NOBODY` where the log shows none.
        propensity: Its probability here, as it would be logged; 0 where it cannot be drawn.
    """

    position: int
    choices: Odds
    logged: int
    propensity: float


@dataclass(frozen=True, slots=True, eq=False)
class Retraced:
    """What an arrangement makes of the draws of a log.

    Args:
        draws: From the top, up to the first that it cannot make.
        slots: (k,) candidates of its page; empty where it cannot make the draws.
        is_fresh: (k,) which slots were drawn.
        propensities: (k,) as they would be logged: of each draw, and 1 of the other slots.
    """

    draws: tuple[RetracedDraw, ...]
    slots: Rows
    is_fresh: Mask
    propensities: Floats

    @property
    def is_possible(self) -> bool:
        """Whether the arrangement can make these draws at all."""
        return all(one.propensity > 0 for one in self.draws)


@dataclass(slots=True)
class _Follower:
    """Chooses what the log shows, as long as that is possible."""

    logged: list[int]
    draws: list[RetracedDraw] = field(default_factory=list)
    stopped: bool = False

    def __call__(self, position: int, choices: Odds) -> Draw | None:
        if self.stopped or not choices.pool.size:
            return None
        wanted = self.logged[len(self.draws)] if len(self.draws) < len(self.logged) else NOBODY
        at = np.flatnonzero(choices.pool == wanted)
        # Pages keep propensities in 32 bits: rounded alike, equal ones stay equal.
        chance = float(np.float32(choices.chances[at[0]])) if at.size else 0.0
        self.draws.append(RetracedDraw(position, choices, wanted, chance))
        self.stopped = chance == 0.0
        return None if self.stopped else Draw(wanted, chance)


def retrace(page: OpenPage, logged: Rows) -> Retraced:
    """Fill a page with the draws of a log.

    Args:
        page: Nothing filled yet.
        logged: (m,) the candidates in the log's fresh slots, from the top.
    """
    follower = _Follower(logged.tolist())
    page.draw_fresh(follower)
    draws = tuple(follower.draws)
    if follower.stopped:
        nothing = np.empty(0, dtype=np.int64)
        return Retraced(draws, nothing, nothing > 0, np.empty(0, dtype=np.float32))
    page.fill_ordinary()
    filled = page.slots != NOBODY
    return Retraced(draws, page.slots[filled], page.is_fresh[filled], page.propensities[filled])


def draws_of(page: OpenPage, rng: np.random.Generator) -> Rows:
    """Draw the fresh slots as the policy does, and return the candidates drawn, from the top.

    Args:
        page: Nothing filled yet; the other slots stay so.
        rng: Draws.
    """
    page.draw_fresh(lambda _, choices: draw(choices, rng))
    return np.asarray(page.slots[page.slots != NOBODY])
