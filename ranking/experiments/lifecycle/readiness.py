"""What an experiment must be before listeners meet it: everything is checked, all is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from core.errors import ArtifactError, ExperimentError
from ranking.assembly import FeedConfig
from ranking.experiments.configuration import Frame
from ranking.experiments.definitions.resolving import experiment_of, layer_seed
from ranking.experiments.definitions.spec import ExperimentSpec, Plan
from ranking.experiments.layering.admission import new_faults
from ranking.experiments.layering.layers import layer_faults
from ranking.experiments.lifecycle.stored import StoredExperiment
from ranking.experiments.lifecycle.variants import feed_of


@dataclass(frozen=True, slots=True)
class Grounds:
    """What an experiment is started on.

    Args:
        feed: The feed as the settings have it, over which variations are put.
        known_metrics: Names that it may be judged by.
        find_artifact: Returns the artifact of a kind and version, or raises ArtifactError.
    """

    feed: FeedConfig
    known_metrics: Collection[str]
    find_artifact: Callable[[str, str], object]


def check_ready(
    spec: ExperimentSpec, frame: Frame, others: Sequence[StoredExperiment], grounds: Grounds
) -> None:
    """Make sure that an experiment may start.

    Args:
        spec: The experiment.
        frame: What it is laid into.
        others: Those that run.
        grounds: What it is started on.

    Raises:
        ExperimentError: Naming everything that is in the way, each with its value and what to do.
    """
    refuse(
        spec.key,
        "cannot be started",
        [
            *new_faults(experiment_of(spec, frame, "running")),
            *neighbour_faults(spec, frame, others),
            *_judging(spec, grounds.known_metrics),
            *_planning(spec.plan),
            *_serving(spec, grounds),
            *_forcing(spec),
            *_sharing(spec),
        ],
    )


def neighbour_faults(
    spec: ExperimentSpec, frame: Frame, others: Sequence[StoredExperiment]
) -> Iterator[str]:
    """Say where an experiment does not fit with those that run.

    The holdout is not looked for in the others: each keeps that of its start.

    Args:
        spec: The experiment.
        frame: What it is laid into.
        others: Those that run.
    """
    for one in others:
        if spec.layer and one.spec.layer == spec.layer:
            theirs = layer_seed(one.spec, one.frame)
            if theirs != layer_seed(spec, frame):
                yield (
                    f"layer: {one.key!r} runs in {spec.layer!r} drawn by the seed {theirs!r}, it "
                    f"would be drawn by {layer_seed(spec, frame)!r} now; stop it, or put "
                    "[experiments] layer_seed back"
                )
    bare = [
        experiment_of(known, among.model_copy(update={"holdout": 0.0}), "running")
        for known, among in [*((one.spec, one.frame) for one in others), (spec, frame)]
    ]
    yield from layer_faults(bare)


def refuse(key: str, what: str, faults: Sequence[str]) -> None:
    """Raise where there is something in the way.

    Args:
        key: The experiment.
        what: What cannot be done with it.
        faults: What is in the way, each as a phrase.

    Raises:
        ExperimentError: Naming all of it, one a line.
    """
    if faults:
        listed = "\n  ".join(faults)
        raise ExperimentError(f"experiment {key!r} {what}:\n  {listed}")


def _judging(spec: ExperimentSpec, known: Collection[str]) -> Iterator[str]:
    if not spec.metrics.primary:
        yield "metrics: there is no primary one; name the metric that decides"
    for name, count in Counter(spec.metrics.named()).items():
        if name not in known:
            yield f"metrics: {name!r} is unknown; choose of {', '.join(sorted(known)) or 'none'}"
        if count > 1:
            yield f"metrics: {name!r} is named {count} times; give it one role"


def _planning(plan: Plan | None) -> Iterator[str]:
    if plan is None:
        yield (
            "plan: missing; say days, smallest_effect and power, as `segue experiment power` "
            "gives them"
        )
    elif plan.method == "group_sequential" and plan.looks < 2:
        yield f"plan: group_sequential at {plan.looks} look is `fixed`; plan two or more"
    elif plan.method == "group_sequential" and plan.listeners is None:
        yield (
            "plan: group_sequential spends its errors by listeners; say listeners, as `segue "
            "experiment power` gives them"
        )
    elif plan.method == "fixed" and plan.looks > 1:
        yield (
            f"plan: `fixed` is decided upon once, not at {plan.looks} looks; choose "
            "group_sequential or always_valid"
        )


def _serving(spec: ExperimentSpec, grounds: Grounds) -> Iterator[str]:
    for variation in spec.variations:
        try:
            feed_of(grounds.feed, variation)
        except ExperimentError as error:
            yield f"feed: {error}"
        for kind, version in variation.artifacts.items():
            try:
                grounds.find_artifact(kind, version)
            except ArtifactError as error:
                yield f"artifacts: variation {variation.key!r}: {error}"


def _forcing(spec: ExperimentSpec) -> Iterator[str]:
    keys = ", ".join(one.key for one in spec.variations)
    for listener, variation in spec.forced.items():
        if spec.place_of(variation) < 0:
            yield f"forced: {listener!r} is to get {variation!r}; choose of {keys}"


def _sharing(spec: ExperimentSpec) -> Iterator[str]:
    if spec.interleave and len(spec.variations) != 2:
        yield (
            f"interleave: two variations share a page, here are {len(spec.variations)}; leave the "
            "others out, or split listeners between them"
        )
