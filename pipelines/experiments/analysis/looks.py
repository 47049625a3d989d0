"""Which look this is, and how a metric may be compared at it."""

from __future__ import annotations

from functools import partial

import numpy as np

from pipelines.experiments.measuring.listeners import Arrivals
from pipelines.experiments.question import Question
from pipelines.experiments.sequential.always_valid import AlwaysValidConfig, always_valid
from pipelines.experiments.sequential.group_sequential import GroupSequentialConfig, planned_look
from pipelines.experiments.statistics.comparisons import Method
from pipelines.experiments.statistics.effects import fixed_horizon

COMPARED = 2  # variations of one comparison
DEFAULT_TUNING = AlwaysValidConfig().tuning


def method_of(question: Question, total: int, looks: tuple[int, ...]) -> Method:
    """Return how a metric is compared at this look.

    Args:
        question: Says how often one may look.
        total: Listeners of all variations now.
        looks: Those at earlier looks; as many or more than now are this look itself.
    """
    if question.method == "fixed_horizon":
        return partial(fixed_horizon, alpha=question.alpha)
    if question.method == "always_valid":
        planned = question.planned_listeners
        tuning = COMPARED * planned / len(question.variations) if planned else DEFAULT_TUNING
        return partial(always_valid, config=AlwaysValidConfig(alpha=question.alpha, tuning=tuning))
    assert question.planned_listeners is not None
    config = GroupSequentialConfig(
        alpha=question.alpha,
        spending=question.spending,
        planned_listeners=question.planned_listeners,
    )
    # Whoever comes after the planned last look adds information that no alpha is left for.
    now = min(total, question.planned_listeners)
    return planned_look(config, [*(look for look in sorted(looks) if look < now), now]).compare


def looks_at(arrivals: Arrivals, times_ms: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many listeners had been exposed at each earlier look."""
    counts = [int(np.count_nonzero(arrivals.exposed_ms < at)) for at in sorted(times_ms)]
    return tuple(dict.fromkeys(count for count in counts if count))
