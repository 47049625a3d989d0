"""Keep a listener in the variation they once had, whatever becomes of the weights.

Source: GrowthBook SDK specification 0.8.0 (sticky bucketing).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from ranking.experiments.definitions.definition import Experiment

Assignments = Mapping[str, str]
"""Experiment and bucket version, `my-test__0`, → the variation's key."""
NONE = -1


class StickyStore(Protocol):
    """Keeps what a listener was assigned, by an attribute and its value."""

    def read(self, attribute: str, value: str) -> Assignments:
        """Return what was kept; nothing for somebody new."""

    def keep(self, attribute: str, value: str, assignments: Assignments) -> None:
        """Keep assignments in place of what was kept before."""


class MemoryStickyStore:
    """Keeps assignments as long as the program runs."""

    def __init__(self, kept: Mapping[tuple[str, str], Assignments] | None = None) -> None:
        self._kept = {who: dict(assignments) for who, assignments in (kept or {}).items()}

    def read(self, attribute: str, value: str) -> Assignments:
        """Return what was kept."""
        return dict(self._kept.get((attribute, value), {}))

    def keep(self, attribute: str, value: str, assignments: Assignments) -> None:
        """Keep assignments in place of what was kept before."""
        self._kept[attribute, value] = dict(assignments)

    def everything(self) -> dict[tuple[str, str], Assignments]:
        """Return (attribute, value) → assignments."""
        return {who: dict(assignments) for who, assignments in self._kept.items()}


class Stuck(NamedTuple):
    """What a store says of a listener and an experiment.

    Args:
        variation: The variation, -1 for none.
        is_blocked: Whether they were in under a bucket version that is out by now.
    """

    variation: int
    is_blocked: bool


FREE = Stuck(NONE, is_blocked=False)


def stuck(experiment: Experiment, assignments: Assignments) -> Stuck:
    """Return the variation that was kept; one that the experiment no longer names is none."""
    if not assignments:
        return FREE
    if any(
        _name(experiment.key, version) in assignments
        for version in range(experiment.min_bucket_version)
    ):
        return Stuck(NONE, is_blocked=True)
    kept = assignments.get(_name(experiment.key, experiment.bucket_version))
    keys = [meta.key for meta in experiment.meta]
    return Stuck(keys.index(kept), is_blocked=False) if kept in keys else FREE


def kept_with(experiment: Experiment, key: str, assignments: Assignments) -> Assignments:
    """Return assignments with one more."""
    return {**assignments, _name(experiment.key, experiment.bucket_version): key}


def _name(key: str, version: int) -> str:
    return f"{key}__{version}"
