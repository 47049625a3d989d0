"""What a replayed page says for the estimators: probabilities, rewards and the model's view.

All chance of a page lies in the draws of its fresh slots; the other slots follow from them. So the
probability of the logged draws belongs to every slot that may depend on them, and a slot that the
target would fill otherwise after the same draws has probability 0 under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.off_policy.logs import LoggedPage
from pipelines.off_policy.replay import Replay
from pipelines.off_policy.reward_model import RewardModel
from ranking.model import FeatureMatrix, Mask, Rows
from ranking.policies.retrace import RetracedDraw

Values = NDArray[np.float64]
NAN = float("nan")


class DrawEvidence(NamedTuple):
    """One draw of the target, beside the draw that was logged there.

    Args:
        reward: What the logged one earned; NaN where the log has none.
        target: Probability of the page's draws so far under the target.
        logged: Likewise as logged; NaN where the log has none.
        unsupported: Probability that the target draws what the logging policy never draws there.
        expected: The model's reward of what the target draws, times the weight of the draws before.
        taken: The model's reward of the logged one.
    """

    reward: float
    target: float
    logged: float
    unsupported: float
    expected: float
    taken: float


@dataclass(frozen=True, slots=True, eq=False)
class PageEvidence:
    """One page of k slots.

    Args:
        user_id: Whose.
        rewards: (k,) what each slot earned.
        target: (k,) probability of the logged draws under the target, at the first slot that may
            depend on them, and 1 elsewhere; 0 where it cannot make them.
        logged: (k,) likewise as logged.
        matches: (k,) where the target, after these draws, shows what was shown.
        above_supported: (k,) share of the target's pages that the logging policy might show alike
            down to each slot.
        supported: (k,) likewise, each slot by itself.
        expected: (k,) the model's reward from each slot downwards if the target fills it.
        taken: (k,) likewise with the logged track in it.
        draws: One a fresh slot of the target.
    """

    user_id: str
    rewards: Values
    target: Values
    logged: Values
    matches: Mask
    above_supported: Values
    supported: Values
    expected: Values
    taken: Values
    draws: tuple[DrawEvidence, ...]


def evidence_of(replay: Replay, model: RewardModel) -> PageEvidence:
    """Return what a replayed page says.

    Args:
        replay: The page under both policies.
        model: Judges what was not shown.
    """
    page, k = replay.page, replay.page.slots.size
    judge = _Judge(page, model)
    alike = np.array([_padded(one.supported, k) for one in replay.samples])
    expected, taken = _ahead(judge, replay, k)
    made = len(replay.target.draws)
    return PageEvidence(
        user_id=page.user_id,
        rewards=page.rewards,
        target=_entering(replay, [one.propensity for one in replay.target.draws]),
        logged=_entering(replay, page.propensities[page.is_fresh][:made]),
        matches=replay.matches,
        above_supported=np.cumprod(alike, axis=1).mean(axis=0),
        supported=alike.mean(axis=0),
        expected=expected,
        taken=taken,
        draws=tuple(_draws(replay, judge)),
    )


def _entering(replay: Replay, chances: Sequence[float] | Values) -> Values:
    """Return (k,) the product of chances at the slot where draws begin to matter, else 1."""
    found = np.ones(replay.page.slots.size)
    found[replay.entry] = np.prod(np.asarray(chances, dtype=np.float64))
    return found


class _Judge(NamedTuple):
    """The model's view of one page's candidates."""

    seen: LoggedPage
    model: RewardModel

    def slots(self, candidates: Rows, positions: Rows, is_fresh: Mask) -> Values:
        """Return (n,) what candidates would earn in slots."""
        features = self.seen.features
        chosen = FeatureMatrix(features.names, features.values[candidates])
        return self.model.expected(self.seen.user_id, chosen, positions, is_fresh)

    def page(self, slots: Rows, is_fresh: Mask) -> Values:
        """Return (k,) what the slots of a page would earn."""
        return self.slots(slots, np.arange(slots.size), is_fresh)

    def draw(self, candidates: Rows, position: int) -> Values:
        """Return (n,) what each candidate would earn in one fresh slot."""
        n = candidates.size
        return self.slots(candidates, np.full(n, position), np.ones(n, dtype=np.bool_))


def _ahead(judge: _Judge, replay: Replay, k: int) -> tuple[Values, Values]:
    """Return (k,) the model's reward from each slot downwards, before and after it is filled.

    Until the draws are known it is the mean over the target's pages; from then on that of the page
    which follows from the logged draws (zeros where the target cannot make them: nothing is
    weighed by those).
    """
    drawn = [_from_below(judge.page(one.slots, one.is_fresh), k) for one in replay.samples]
    before = np.mean(drawn, axis=0)
    made = replay.target
    after = _from_below(judge.page(made.slots, made.is_fresh), k) if made.slots.size else 0 * before
    slots = np.arange(k)
    expected = np.where(slots <= replay.entry, before, after)
    return expected, np.where(slots < replay.entry, before, after)


def _from_below(rewards: Values, size: int) -> Values:
    """Return (size,) sums from each slot to the last; a shorter page earns nothing below it."""
    found = np.zeros(size)
    found[: rewards.size] = rewards
    return np.asarray(found[::-1].cumsum()[::-1])


def _draws(replay: Replay, judge: _Judge) -> list[DrawEvidence]:
    """Return one row a draw that the target makes; after one it cannot make, its weight is 0."""
    page = replay.page
    fresh = np.flatnonzero(page.is_fresh)
    target, logged = 1.0, 1.0
    rows = []
    for at in range(replay.n_draws):
        weight_before = target / logged if target > 0 else 0.0
        mine = replay.target.draws[at] if at < len(replay.target.draws) else None
        theirs = replay.logged.draws[at] if at < len(replay.logged.draws) else None
        same_place = bool(mine and theirs and mine.position == theirs.position)
        target *= mine.propensity if mine and same_place else 0.0
        logged *= float(page.propensities[fresh[at]]) if theirs else NAN
        rows.append(
            DrawEvidence(
                reward=float(page.rewards[fresh[at]]) if theirs else NAN,
                target=target,
                logged=logged,
                unsupported=_unsupported(mine, theirs, same_place=same_place),
                expected=weight_before * _expected(judge, mine) if mine and weight_before else 0.0,
                taken=float(judge.draw(page.slots[fresh[at : at + 1]], int(fresh[at]))[0])
                if theirs
                else 0.0,
            )
        )
    return rows


def _expected(judge: _Judge, draw: RetracedDraw) -> float:
    return float(draw.choices.chances @ judge.draw(draw.choices.pool, draw.position))


def _unsupported(
    mine: RetracedDraw | None, theirs: RetracedDraw | None, *, same_place: bool
) -> float:
    """Return the target's probability of a draw that the logging policy never makes there."""
    if mine is None:  # an earlier draw was impossible already, and is counted there
        return 0.0
    if theirs is None or not same_place:
        return 1.0
    strange = ~np.isin(mine.choices.pool, theirs.choices.pool)
    return min(1.0, float(mine.choices.chances[strange].sum()))


def _padded(supported: Mask, size: int) -> Values:
    """Return (size,) 1 where supported; a page that is shorter lacks the rest."""
    found = np.zeros(size)
    found[: supported.size] = supported[:size]
    return found
