"""Decide whether a listener is in an experiment, and in which variation.

Source: GrowthBook SDK specification 0.8.0 (run), whose order of steps this follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from ranking.experiments.assigning.context import Context, Identity, identify
from ranking.experiments.assigning.forcing import forced_variation
from ranking.experiments.assigning.sticky import NONE, Assignments, StickyStore, kept_with, stuck
from ranking.experiments.bucketing.hashing import hash_bucket
from ranking.experiments.bucketing.ranges import choose_variation, in_namespace
from ranking.experiments.definitions.definition import Experiment, Filter, ParentCondition

ParentCheck = Callable[[Sequence[ParentCondition]], bool]


class Assignment(NamedTuple):
    """One listener before one experiment.

    Args:
        in_experiment: Whether they are in it, by chance or by force.
        variation: Which one they get; control (0) for those who are not in it.
        value: What that variation gives, JSON.
        key: What it is called.
        identity: What was hashed.
        hash_used: Whether chance decided; those whom force put in are not analysed.
        bucket: Where they stand in [0, 1); None where chance did not decide.
        is_sticky: Whether an earlier assignment decided.
        name: What the variation is called for people.
        is_passthrough: Whether a feature goes on to its next rule.
    """

    in_experiment: bool
    variation: int
    value: Any
    key: str
    identity: Identity
    hash_used: bool
    bucket: float | None
    is_sticky: bool
    name: str
    is_passthrough: bool


def assign(experiment: Experiment, context: Context, parents_hold: ParentCheck) -> Assignment:
    """Decide for one listener and one experiment.

    Args:
        experiment: The experiment.
        context: The listener.
        parents_hold: Whether other features say what they must.

    Returns:
        The assignment; where the context keeps assignments and chance decided, it was kept.
    """
    identity = _identity(experiment, context)
    if len(experiment.variations) < 2 or not context.enabled:
        return _assigned(experiment, identity, NONE)
    forced = forced_variation(experiment.key, len(experiment.variations), context)
    if forced is not None:
        return _assigned(experiment, identity, forced)
    if not experiment.active or experiment.status == "draft" or not identity:
        return _assigned(experiment, identity, NONE)
    return _by_chance(experiment, context, identity, parents_hold)


def lets_in(filters: Sequence[Filter], context: Context) -> bool:
    """Return whether every filter lets a listener in."""
    for one in filters:
        identity = identify(context.attributes, one.attribute)
        if not identity:
            return False
        place = hash_bucket(one.seed, identity.text, one.hash_version or 2)
        if place is None or choose_variation(place, one.ranges) < 0:
            return False
    return True


def _by_chance(
    experiment: Experiment, context: Context, identity: Identity, parents_hold: ParentCheck
) -> Assignment:
    outside = partial(_assigned, experiment, identity, NONE)
    found = stuck(experiment, _earlier(experiment, context))
    seed, version = experiment.hashed_with
    bucket = hash_bucket(seed, identity.text, version)
    if bucket is None or found.is_blocked:
        return outside()
    if found.variation < 0 and not _is_eligible(experiment, context, identity, parents_hold):
        return outside()
    chosen = found.variation if found.variation >= 0 else choose_variation(bucket, experiment.spans)
    if chosen < 0:
        return outside()
    if experiment.force is not None:
        return _assigned(experiment, identity, experiment.force)
    if context.testing or experiment.status == "stopped":
        return outside()
    result = _assigned(experiment, identity, chosen, bucket, is_sticky=found.variation >= 0)
    _keep(experiment, context, result)
    return result


def _is_eligible(
    experiment: Experiment, context: Context, identity: Identity, parents_hold: ParentCheck
) -> bool:
    if experiment.filters is not None:
        if not lets_in(experiment.filters, context):
            return False
    elif experiment.namespace and not in_namespace(identity.text, experiment.namespace):
        return False
    if not experiment.meets_condition(context.attributes, context.groups):
        return False
    return not experiment.parent_conditions or parents_hold(experiment.parent_conditions)


def _sticky_store(experiment: Experiment, context: Context) -> StickyStore | None:
    return None if experiment.disable_sticky_bucketing else context.sticky


def _identity(experiment: Experiment, context: Context) -> Identity:
    keeps = _sticky_store(experiment, context) is not None
    fallback = experiment.fallback_attribute if keeps else ""
    return identify(context.attributes, experiment.hash_attribute, fallback)


def _earlier(experiment: Experiment, context: Context) -> Assignments:
    """Return what was kept by the fallback attribute, and over it by the attribute itself."""
    store = _sticky_store(experiment, context)
    earlier: dict[str, str] = {}
    if store is None:
        return earlier
    for attribute in (experiment.fallback_attribute, experiment.hash_attribute):
        identity = identify(context.attributes, attribute) if attribute else None
        if identity:
            earlier.update(store.read(identity.attribute, identity.text))
    return earlier


def _keep(experiment: Experiment, context: Context, result: Assignment) -> None:
    store = _sticky_store(experiment, context)
    if store is None:
        return
    who = (result.identity.attribute, result.identity.text)
    before = store.read(*who)
    after = kept_with(experiment, result.key, before)
    if after != before:
        store.keep(*who, after)


def _assigned(
    experiment: Experiment,
    identity: Identity,
    variation: int,
    bucket: float | None = None,
    *,
    is_sticky: bool = False,
) -> Assignment:
    inside = 0 <= variation < len(experiment.variations)
    chosen = variation if inside else 0
    meta = experiment.meta_of(chosen)
    return Assignment(
        in_experiment=inside,
        variation=chosen,
        value=experiment.variations[chosen] if experiment.variations else None,
        key=meta.key or str(chosen),
        identity=identity,
        hash_used=bucket is not None,
        bucket=bucket,
        is_sticky=is_sticky,
        name=meta.name,
        is_passthrough=meta.passthrough,
    )
