"""From what a team writes to what decides: the experiment as SDKs take it."""

from __future__ import annotations

from typing import Literal

from ranking.experiments.configuration import Frame, layer_filter
from ranking.experiments.definitions.definition import Experiment, Filter, VariationMeta
from ranking.experiments.definitions.spec import ExperimentSpec
from ranking.experiments.layering.layers import HASH_VERSION

WHOLE = ((0.0, 1.0),)
OWN = "@"
"""Begins the name of an experiment's own layer; no other can be called so."""

Stage = Literal["draft", "running", "stopped"]


def layer_seed(spec: ExperimentSpec, frame: Frame) -> str:
    """Return the seed of an experiment's layer."""
    return frame.layer(spec.layer or f"{OWN}{spec.key}")


def experiment_of(spec: ExperimentSpec, frame: Frame, stage: Stage) -> Experiment:
    """Return an experiment as SDKs take it; each variation's value is its key.

    Args:
        spec: What the team wrote.
        frame: What it is laid into.
        stage: Where it stands.
    """
    return Experiment(
        key=spec.key,
        name=spec.name,
        variations=tuple(one.key for one in spec.variations),
        meta=tuple(VariationMeta(key=one.key, name=one.name) for one in spec.variations),
        coverage=spec.coverage,
        seed=spec.seeded,
        hash_version=HASH_VERSION,
        hash_attribute=spec.hash_attribute,
        filters=(*_layer(spec, frame), *frame.filters()),
        disable_sticky_bucketing=not spec.sticky,
        status=stage,
        **({} if spec.weights is None else {"weights": spec.weights}),
        **({"condition": spec.condition} if spec.condition else {}),
    )


def _layer(spec: ExperimentSpec, frame: Frame) -> tuple[Filter, ...]:
    if not spec.layer and spec.ranges == WHOLE:
        return ()  # it would let everybody in
    return (layer_filter(layer_seed(spec, frame), spec.ranges, spec.hash_attribute),)
