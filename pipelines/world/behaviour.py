"""Behaviour: what a listener does with a slot, from how well its track suits them just then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.world.config import BehaviourConfig

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

HEARD_OUT = 0.9  # share of a track from which a listen counts as finished, as in imported logs
LEFT_EARLY = 0.3  # share below which it counts as skipped
EARLY_POWER = 1.3  # of the uniform draw of the share heard of an unfinished track of appeal 0


@dataclass(frozen=True, slots=True, eq=False)
class Reactions:
    """What became of (a, k) slots; rows are pages, columns positions.

    Args:
        played: Whether the track was started.
        share: Share of the track that was heard, 0 to 1; 0 where it was not started.
        finished: Whether it was heard to the end.
        skipped: Whether it was left early.
        liked: Whether it was liked now.
        disliked: Whether it was disliked now.
        saved: Whether it was saved now.
        followed: Whether its creator was followed now.
    """

    played: Mask
    share: Floats
    finished: Mask
    skipped: Mask
    liked: Mask
    disliked: Mask
    saved: Mask
    followed: Mask


def examination(positions: NDArray[np.int64], patience: Floats) -> Floats:
    """Return the probability that a listener gets as far as each slot.

    The listener reads from the top and gives up after each slot with probability 1 - patience.

    Args:
        positions: (k,) from 0.
        patience: (a,) in (0, 1).

    Returns:
        (a, k) in (0, 1], falling with position.

    Source:
        Craswell et al. (2008), "An experimental comparison of click position-bias models".
    """
    return np.asarray(patience[:, None] ** positions[None, :], dtype=np.float32)


def examined(size: int, patience: Floats, rng: np.random.Generator) -> Mask:
    """Return (a, size) which slots listeners got as far as: always a run from the top."""
    depth = rng.random(patience.size)[:, None]
    return np.asarray(depth < examination(np.arange(size), patience))


def moment_appeal(
    lasting: Floats, exposures: Floats, novelty: Floats, config: BehaviourConfig
) -> Floats:
    """Return how much tracks appeal to listeners now, given how often they were heard of late.

    Args:
        lasting: (a, k) appeal by taste and quality.
        exposures: (a, k) recent listens, each fading with `fatigue_days`.
        novelty: (a,) appetite for the new, 0 to 1.
        config: The weights.

    Returns:
        (a, k) falling with exposures; tracks never heard gain or lose by the appetite.
    """
    appetite = novelty[:, None]
    fatigue = config.fatigue_strength * (0.5 + appetite) * np.log1p(exposures) / np.log(2.0)
    bonus = config.novelty_weight * (appetite - 0.5) * (exposures == 0)
    return np.asarray(lasting - fatigue + bonus, dtype=np.float32)


def start_probability(appeal: Floats, config: BehaviourConfig) -> Floats:
    """Return the probability that an examined slot is started, given its guessed appeal."""
    return _sigmoid(config.start_bias + config.start_slope * appeal)


def finish_probability(appeal: Floats, config: BehaviourConfig) -> Floats:
    """Return the probability that a started track is heard to the end."""
    return _sigmoid(config.finish_bias + config.finish_slope * appeal)


def react(
    appeal: Floats,
    seen: Mask,
    chosen: bool,
    opinion: NDArray[np.int8],
    follows: Mask,
    config: BehaviourConfig,
    rng: np.random.Generator,
) -> Reactions:
    """Draw what listeners do with slots.

    Args:
        appeal: (a, k) at this moment, without mood.
        seen: (a, k) which slots they got as far as.
        chosen: Whether they sought the tracks out themselves, so that seeing is starting.
        opinion: (a, k) what they said of the track before: 1 liked, -1 disliked, 0 neither.
        follows: (a, k) whether they already follow the creator.
        config: The biases and slopes.
        rng: Draws everything.

    Returns:
        The reactions, (a, k) each.
    """
    shape = appeal.shape
    felt = appeal + _noise(shape, config.mood_noise, rng)
    guess = felt + _noise(shape, config.glance_noise, rng)
    starts = chosen | (rng.random(shape) < start_probability(guess, config))
    played = seen & starts
    finished = played & (rng.random(shape) < finish_probability(felt, config))
    share = _share_heard(felt, finished, rng) * played
    skipped = played & ~finished & (share < LEFT_EARLY)
    said = rng.random(shape)
    liked = finished & (opinion != 1) & (said < config.p_like * _sigmoid(2.0 * (felt - 1.0)))
    disliked = skipped & (opinion != -1) & (said < config.p_dislike * _sigmoid(-2.0 * (felt + 1.0)))
    return Reactions(
        played=played,
        share=share,
        finished=finished,
        skipped=skipped,
        liked=liked,
        disliked=disliked,
        saved=liked & (rng.random(shape) < config.p_save),
        followed=liked & ~follows & (rng.random(shape) < config.p_follow),
    )


def _share_heard(felt: Floats, finished: Mask, rng: np.random.Generator) -> Floats:
    """Return the share heard: near all of a finished track, less of one that appeals less."""
    drawn = rng.random(felt.shape)
    left = HEARD_OUT * drawn ** (EARLY_POWER * np.exp(-0.4 * np.clip(felt, -4.0, 4.0)))
    whole = HEARD_OUT + (1.0 - HEARD_OUT) * np.sqrt(drawn)
    return np.asarray(np.where(finished, whole, left), dtype=np.float32)


def _noise(shape: tuple[int, ...], spread: float, rng: np.random.Generator) -> Floats:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(spread)


def _sigmoid(logit: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-logit)), dtype=np.float32)
