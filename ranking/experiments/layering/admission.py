"""What a new experiment must be; what clients began long ago is still understood."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from core.errors import ExperimentError
from ranking.experiments.bucketing.ranges import Range
from ranking.experiments.definitions.definition import Experiment
from ranking.experiments.targeting.condition_faults import unknown_operators

NEW_HASH_VERSION = 2
TOTAL_TOLERANCE = 1e-6  # of weights; three thirds written with seven digits pass


def check_new(experiment: Experiment) -> None:
    """Make sure that an experiment may be started.

    Args:
        experiment: As it was read.

    Raises:
        ExperimentError: Naming every field that may not be so in a new experiment.
    """
    if faults := new_faults(experiment):
        listed = "\n  ".join(faults)
        raise ExperimentError(f"experiment {experiment.key!r} cannot be new:\n  {listed}")


def new_faults(experiment: Experiment) -> list[str]:
    """Return what may not be so in a new experiment, each as a phrase beginning with the field."""
    faults = [*_hashing(experiment), *_variations(experiment), *_shares(experiment)]
    faults += [
        f"condition: {word} is no operator" for word in unknown_operators(experiment.condition)
    ]
    return faults


def _hashing(experiment: Experiment) -> Iterator[str]:
    if experiment.hash_version != NEW_HASH_VERSION:
        yield f"hashVersion: {experiment.hash_version} is biased or unknown; use {NEW_HASH_VERSION}"
    if not experiment.seed:
        yield "seed: missing; give one, so that another key does not draw other listeners"
    if experiment.namespace is not None:
        yield f"namespace: {experiment.namespace} is the old form of a layer; use filters"
    for one in experiment.filters or ():
        if one.hash_version != NEW_HASH_VERSION:
            yield (
                f"filters: {one.seed!r} has hashVersion {one.hash_version}; use {NEW_HASH_VERSION}"
            )
        if one.seed == experiment.seed:
            # Places in the layer would decide the variation.
            yield f"filters: {one.seed!r} is the experiment's own seed too; give it another"


def _variations(experiment: Experiment) -> Iterator[str]:
    n_variations = len(experiment.variations)
    if n_variations < 2:
        yield f"variations: there are {n_variations}; give control and one more"
    keys = [experiment.meta_of(place).key or str(place) for place in range(n_variations)]
    if len(set(keys)) < len(keys):
        yield f"meta: two variations are called alike among {keys}; rename one"
    if experiment.meta and len(experiment.meta) != n_variations:
        yield f"meta: {len(experiment.meta)} entries for {n_variations} variations; give one each"
    if experiment.force is not None and not 0 <= experiment.force < n_variations:
        yield f"force: there is no variation {experiment.force}; the last is {n_variations - 1}"


def _shares(experiment: Experiment) -> Iterator[str]:
    n_variations = len(experiment.variations)
    if not 0 <= experiment.coverage <= 1:
        yield f"coverage: {experiment.coverage:g} lies outside 0 to 1"
    if experiment.weights is not None:
        total = math.fsum(experiment.weights)
        if len(experiment.weights) != n_variations:
            yield f"weights: {len(experiment.weights)} for {n_variations} variations; give one each"
        if min(experiment.weights, default=0) < 0 or abs(total - 1) > TOTAL_TOLERANCE:
            yield f"weights: {list(experiment.weights)} add up to {total:g}; give shares of 1"
    if experiment.ranges is not None:
        yield from _ranges(experiment.ranges, n_variations)


def _ranges(ranges: tuple[Range, ...], n_variations: int) -> Iterator[str]:
    if len(ranges) != n_variations:
        yield f"ranges: {len(ranges)} for {n_variations} variations; give one each"
    for start, end in ranges:
        if not 0 <= start <= end <= 1:
            yield f"ranges: [{start:g}, {end:g}) is no part of [0, 1)"
    ordered = sorted(span for span in ranges if span[0] < span[1])
    for (_, end), (start, _) in pairwise(ordered):
        if start < end:
            yield f"ranges: two share [{start:g}, {end:g}); the first would take it"
