"""Evaluate a feature for a listener: its rules in their order, then its default.

Source: GrowthBook SDK specification 0.8.0 (evalFeature).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ranking.experiments.assigning.assignment import Assignment, assign, lets_in
from ranking.experiments.assigning.context import Context, identify
from ranking.experiments.bucketing.hashing import hash_bucket
from ranking.experiments.bucketing.ranges import in_range
from ranking.experiments.definitions.definition import Experiment, ParentCondition
from ranking.experiments.definitions.features import ForcedValue, Rollout, Rule
from ranking.experiments.targeting.conditions import meets
from ranking.experiments.targeting.javascript import is_truthy

Source = Literal[
    "unknownFeature", "defaultValue", "force", "experiment", "prerequisite", "cyclicPrerequisite"
]
Path = tuple[str, ...]
"""The features that are being evaluated, outermost first."""


@dataclass(frozen=True)
class Evaluated:
    """What a feature says for a listener.

    Args:
        value: Its value, JSON.
        source: What decided.
        rule_id: The rule that did, "" for none or one without an id.
        experiment: The experiment that did, or None.
        assignment: The listener's part in it, or None.
    """

    value: Any
    source: Source
    rule_id: str = ""
    experiment: Experiment | None = None
    assignment: Assignment | None = None

    @property
    def is_on(self) -> bool:
        """Whether the value counts as true."""
        return is_truthy(self.value)


def evaluate(feature_id: str, context: Context, path: Path = ()) -> Evaluated:
    """Return what a feature says for a listener.

    Args:
        feature_id: Which of the context's features; one that is not there says null.
        context: The listener.
        path: The features that asked for it; one that asks for itself says null.
    """
    if feature_id in path:
        return Evaluated(None, "cyclicPrerequisite")
    if feature_id not in context.features:
        return Evaluated(None, "unknownFeature")
    within = (*path, feature_id)
    feature = context.features[feature_id]
    for rule in feature.rules:
        answer = _by_rule(rule, context, within)
        if answer is not None:
            return answer
    return Evaluated(feature.default, "defaultValue")


def run(experiment: Experiment, context: Context, path: Path = ()) -> Assignment:
    """Decide for one listener and one experiment, with the features that it depends on."""

    def parents_hold(parents: Sequence[ParentCondition]) -> bool:
        return _broken(parents, context, path) is None

    return assign(experiment, context, parents_hold)


@dataclass(frozen=True)
class _Broken:
    """A parent that does not say what it must."""

    is_gate: bool
    is_cycle: bool


def _broken(parents: Sequence[ParentCondition], context: Context, path: Path) -> _Broken | None:
    for parent in parents:
        answer = evaluate(parent.id, context, path)
        if answer.source == "cyclicPrerequisite":
            return _Broken(is_gate=True, is_cycle=True)
        if not meets({"value": answer.value}, parent.condition, context.groups):
            return _Broken(is_gate=parent.gate, is_cycle=False)
    return None


def _by_rule(rule: Rule, context: Context, path: Path) -> Evaluated | None:
    """Return what a rule says, None where it has nothing to say for this listener."""
    broken = _broken(rule.gates.parent_conditions, context, path)
    if broken is not None:
        source: Source = "cyclicPrerequisite" if broken.is_cycle else "prerequisite"
        return Evaluated(None, source) if broken.is_gate else None
    if not lets_in(rule.gates.filters, context):
        return None
    if isinstance(rule.says, ForcedValue):
        included = _is_included(rule.says.rollout, context, path[-1])
        return Evaluated(rule.says.value, "force", rule.gates.id) if included else None
    return _by_experiment(rule, rule.says, context, path) if rule.says is not None else None


def _by_experiment(
    rule: Rule, experiment: Experiment, context: Context, path: Path
) -> Evaluated | None:
    result = run(experiment, context, path)
    if not result.in_experiment or result.is_passthrough:
        return None
    return Evaluated(result.value, "experiment", rule.gates.id, experiment, result)


def _is_included(rollout: Rollout, context: Context, feature_id: str) -> bool:
    if rollout.condition and not meets(context.attributes, rollout.condition, context.groups):
        return False
    if rollout.range is None and rollout.coverage is None:
        return True
    keeps = context.sticky is not None and not rollout.disable_sticky_bucketing
    fallback = rollout.fallback_attribute if keeps else ""
    identity = identify(context.attributes, rollout.hash_attribute, fallback)
    if not identity or (rollout.range is None and rollout.coverage == 0):
        return False
    seed, version = rollout.seed or feature_id, rollout.hash_version or 1
    place = hash_bucket(seed, identity.text, version)
    if place is None:
        return False
    if rollout.range is not None:
        return in_range(place, rollout.range)
    # The specification lets in the end here, and nowhere else.
    return place <= (rollout.coverage or 0.0)
