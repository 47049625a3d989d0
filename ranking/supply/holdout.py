"""The holdout: listeners who never get generated tracks, so that generation can be judged."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from core.randomness import derive_seed

STREAM = "generated holdout"  # apart from every other draw that is made of a user's id
PLACES = 2**53  # what a float tells apart in [0, 1)
SURPLUS_BITS = 63 - 53  # of a seed: rounded up, they would make a place of 1


class GeneratedConfig(BaseModel):
    """Who never gets generated tracks. Caps on the others are the page's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    holdout_share: float = Field(default=0.05, ge=0, le=1)
    """Share of the listeners who never get generated tracks; with a larger one nobody leaves."""
    holdout_salt: str = Field(default="1", min_length=1, max_length=100)
    """Decides who they are; another salt draws others, and what was measured before is void."""


def holdout_place(user_id: str, salt: str) -> float:
    """Return where a listener stands in [0, 1), evenly spread; the same for the same salt."""
    return (derive_seed(0, STREAM, salt, user_id) >> SURPLUS_BITS) / PLACES


def held_out(user_id: str, config: GeneratedConfig) -> bool:
    """Return whether a listener never gets generated tracks.

    Args:
        user_id: Who.
        config: How many, and who.
    """
    return holdout_place(user_id, config.holdout_salt) < config.holdout_share
