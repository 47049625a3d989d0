"""The outcomes a ranker predicts, and what each is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.events import Action
from ranking.model import Floats

Direction = Literal[-1, 1]
HEAD_NAME = r"^[a-z][a-z0-9_]*$"


class HeadConfig(BaseModel):
    """One outcome of a slot that was shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=HEAD_NAME)
    """As it stands in reports; its prediction is logged as `p_<name>`."""
    actions: tuple[Action, ...] = ()
    """Any of these on the slot makes it true. Empty: the listener came back at all."""
    from_hours: float = Field(default=0.0, ge=0, le=24 * 365)
    """Hours after the page from which on an action counts."""
    until_hours: float = Field(default=1.0, gt=0, le=24 * 365)
    """Hours after the page until which it counts; a page with less log behind it is left out."""
    weight: float = Field(default=1.0, ge=-1e6, le=1e6)
    """What it adds to the score for each unit of probability; a feed may say otherwise."""
    monotone: dict[str, Direction] = {}
    """Feature → 1 where more of it must never lower the prediction, -1 where never raise it."""


DEFAULT_HEADS = (
    HeadConfig(name="finish", actions=(Action.FINISH,), weight=1.0, monotone={"finish_rate": 1}),
    HeadConfig(
        name="like",
        actions=(Action.LIKE, Action.SAVE, Action.SHARE),
        weight=3.0,
        monotone={"like_rate": 1},
    ),
    HeadConfig(name="skip", actions=(Action.SKIP,), weight=-0.5, monotone={"skip_rate": 1}),
    HeadConfig(name="return", from_hours=24.0, until_hours=48.0, weight=0.25),
)


def value(probabilities: Floats, names: Sequence[str], weights: Mapping[str, float]) -> Floats:
    """Return the value model: probabilities added up by what each outcome is worth.

    Args:
        probabilities: (n, h) in [0, 1].
        names: (h,) the outcomes.
        weights: Outcome → weight; one that is not named weighs nothing.

    Returns:
        (n,) float32, higher is better.
    """
    worth: NDArray[np.float32] = np.array([weights.get(one, 0.0) for one in names], np.float32)
    # Column by column: a product's order of summation could change with the number of rows.
    total = np.zeros(len(probabilities), dtype=np.float32)
    for column, weight in enumerate(worth):
        total += weight * probabilities[:, column]
    return total
