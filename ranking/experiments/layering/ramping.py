"""Change a running experiment so that more listeners come in and nobody changes sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from core.errors import ExperimentError
from ranking.experiments.definitions.definition import Experiment, Filter
from ranking.experiments.layering.places import OUTSIDE, let_in, runs, told, variations_at

FIXED = {
    "key": "key",
    "hash_attribute": "hashAttribute",
    "hashed_with": "seed and hashVersion",
    "variations": "variations",
    "condition": "condition",
    "parent_conditions": "parentConditions",
    "namespace": "namespace",
    "force": "force",
}
"""What decides or means an assignment and cannot be widened → its name in the JSON."""


class Widening(NamedTuple):
    """What a change does to the share of listeners in an experiment, before layers and targeting.

    Args:
        before: Share of all places that led into it.
        after: The same share after the change.
    """

    before: float
    after: float


def check_widening(old: Experiment, new: Experiment) -> Widening:
    """Make sure that whoever is in an experiment stays in it, in the same variation.

    Every place that the hash can give is looked at, before and after.

    Args:
        old: As it runs.
        new: As it shall run.

    Returns:
        The shares of listeners before and after.

    Raises:
        ExperimentError: Naming everything that would move somebody, and the ranges they are in.
    """
    faults = [
        f"{name}: {getattr(old, field)!r} becomes {getattr(new, field)!r}; start another experiment"
        for field, name in FIXED.items()
        if getattr(old, field) != getattr(new, field)
    ]
    before, after = variations_at(old), variations_at(new)
    if len(before) == len(after):
        moved = (before != OUTSIDE) & (before != after)
        faults += [
            f"variation {variation} loses {told(runs(moved & (before == variation)))}; its ranges "
            f"may only grow"
            for variation in np.unique(before[moved])
        ]
    faults += _narrowed(old.filters or (), new.filters or ())
    if faults:
        raise ExperimentError(
            f"experiment {old.key!r} would move listeners:\n  " + "\n  ".join(faults)
        )
    return Widening(float(np.mean(before != OUTSIDE)), float(np.mean(after != OUTSIDE)))


def _narrowed(old: Sequence[Filter], new: Sequence[Filter]) -> Iterator[str]:
    """Say which filters shut somebody out whom the old ones let in."""
    for key in dict.fromkeys(_key(one) for one in new):
        seed, _, version = key
        was = let_in([one for one in old if _key(one) == key], version)
        is_ = let_in([one for one in new if _key(one) == key], version)
        lost = runs(was & ~is_)
        if lost:
            yield f"the filter {seed!r} shuts out {told(lost)}; its ranges may only grow"


def _key(one: Filter) -> tuple[str, str, int]:
    return one.seed, one.attribute, one.hash_version or 2
