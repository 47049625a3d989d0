"""Layers: experiments that share no listener, because each owns other places of one hash.

A layer is the seed of a filter. All experiments in it hash one attribute, and their ranges are
disjoint. A holdout is a filter that all experiments share: nobody below its share is in any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from pydantic import BaseModel, ConfigDict, Field

from core.errors import ExperimentError
from ranking.experiments.bucketing.ranges import Range
from ranking.experiments.definitions.definition import DEFAULT_ATTRIBUTE, Experiment, Filter
from ranking.experiments.layering.places import let_in, runs, told

HASH_VERSION = 2


class Holdout(BaseModel):
    """Listeners who are in no experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: str = Field(default="holdout", min_length=1)
    """Decides who they are."""
    share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the listeners; with a larger one nobody leaves."""
    attribute: str = DEFAULT_ATTRIBUTE
    """Whose value is hashed."""

    def filter(self) -> Filter:
        """Return what every experiment is to carry."""
        return Filter(
            seed=self.seed,
            ranges=((self.share, 1.0),),
            attribute=self.attribute,
            hash_version=HASH_VERSION,
        )


def check_layers(experiments: Sequence[Experiment], holdout: Holdout | None = None) -> None:
    """Make sure that no listener is in two experiments of a layer, nor in any while held out.

    Experiments with one seed that are not kept apart by a layer are refused too: whoever is in
    the first variation of one would be in the first of the other.

    Args:
        experiments: Those that run together.
        holdout: Who is in none of them.

    Raises:
        ExperimentError: Naming every layer, experiment and range that breaks this.
    """
    if faults := layer_faults(experiments, holdout):
        raise ExperimentError("layers do not hold:\n  " + "\n  ".join(faults))


def layer_faults(experiments: Sequence[Experiment], holdout: Holdout | None = None) -> list[str]:
    """Return what breaks layers or the holdout, each as a phrase (see `check_layers`)."""
    exempt = holdout.seed if holdout is not None else None
    faults = list(_outside_holdout(experiments, holdout)) if holdout is not None else []
    faults += _same_draws(experiments, exempt)
    for seed, members in _members(experiments).items():
        if seed != exempt:
            faults += _hash_faults(seed, members)
            faults += _overlaps(seed, members)
    return faults


def free_ranges(experiments: Sequence[Experiment], layer: str) -> list[Range]:
    """Return what no experiment owns of a layer, ascending."""
    taken = ~let_in([], HASH_VERSION)
    for experiment in experiments:
        filters = _of_layer(experiment, layer)
        if filters:
            taken |= let_in(filters, HASH_VERSION)
    return runs(~taken)


def _of_layer(experiment: Experiment, layer: str) -> list[Filter]:
    return [one for one in experiment.filters or () if one.seed == layer]


def _members(experiments: Sequence[Experiment]) -> dict[str, list[Experiment]]:
    """Return layer → the experiments in it."""
    members: dict[str, list[Experiment]] = defaultdict(list)
    for experiment in experiments:
        for seed in dict.fromkeys(one.seed for one in experiment.filters or ()):
            members[seed].append(experiment)
    return members


def _hash_faults(seed: str, members: Sequence[Experiment]) -> Iterator[str]:
    hashed = _of_layer(members[0], seed)[0].attribute
    for experiment in members:
        for one in _of_layer(experiment, seed):
            if one.hash_version != HASH_VERSION:
                yield (
                    f"layer {seed!r}: {experiment.key!r} has hash version {one.hash_version} "
                    f"there; use {HASH_VERSION}"
                )
            if one.attribute != hashed:
                yield (
                    f"layer {seed!r}: {experiment.key!r} hashes {one.attribute!r} there and "
                    f"{members[0].key!r} hashes {hashed!r}; use one attribute in a layer"
                )
        if experiment.hash_attribute != hashed:
            yield (
                f"layer {seed!r} hashes {hashed!r} and {experiment.key!r} is assigned by "
                f"{experiment.hash_attribute!r}; use one attribute in a layer"
            )


def _overlaps(seed: str, members: Sequence[Experiment]) -> Iterator[str]:
    owned = {one.key: let_in(_of_layer(one, seed), HASH_VERSION) for one in members}
    if len(owned) < len(members):
        yield f"layer {seed!r} holds two experiments with one key; rename one"
    for one, other in combinations(owned, 2):
        shared = runs(owned[one] & owned[other])
        if shared:
            yield (
                f"layer {seed!r}: {one!r} and {other!r} share {told(shared)}; give one of them "
                f"other ranges or another layer"
            )


def _same_draws(experiments: Sequence[Experiment], exempt: str | None) -> Iterator[str]:
    for one, other in combinations(experiments, 2):
        if (one.hashed_with, one.hash_attribute) != (other.hashed_with, other.hash_attribute):
            continue
        layers = [{f.seed for f in each.filters or ()} - {exempt} for each in (one, other)]
        if not layers[0] & layers[1]:
            yield (
                f"{one.key!r} and {other.key!r} are both drawn by the seed {one.hashed_with[0]!r}; "
                f"give one another seed, or both a layer"
            )


def _outside_holdout(experiments: Sequence[Experiment], holdout: Holdout) -> Iterator[str]:
    allowed = let_in([holdout.filter()], HASH_VERSION)
    for experiment in experiments:
        filters = [
            one
            for one in _of_layer(experiment, holdout.seed)
            if (one.attribute, one.hash_version) == (holdout.attribute, HASH_VERSION)
        ]
        held = runs(let_in(filters, HASH_VERSION) & ~allowed)
        if held:
            yield (
                f"{experiment.key!r} takes in {told(held)} of the holdout {holdout.seed!r}; add "
                f"the filter {holdout.filter().document()}"
            )
