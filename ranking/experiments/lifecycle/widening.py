"""What of a running experiment may change: its places grow, and nobody leaves or changes sides."""

from __future__ import annotations

from collections.abc import Sequence

from ranking.experiments.definitions.resolving import experiment_of
from ranking.experiments.definitions.spec import ExperimentSpec
from ranking.experiments.layering.ramping import check_widening
from ranking.experiments.lifecycle.readiness import neighbour_faults, refuse
from ranking.experiments.lifecycle.stored import StoredExperiment

WIDENED = frozenset({"coverage", "ranges"})
"""Fields of a spec that may change; what they may become, `check_widening` says."""


def check_wider(
    found: StoredExperiment, spec: ExperimentSpec, now_running: Sequence[StoredExperiment]
) -> None:
    """Make sure that a running experiment only takes in more listeners, and none of another's.

    Args:
        found: As it runs.
        spec: As it shall run.
        now_running: All that run, itself too.

    Raises:
        ExperimentError: Naming everything that would change besides, move somebody or overlap.
    """
    others = [
        field
        for field in ExperimentSpec.model_fields
        if field not in WIDENED and getattr(found.spec, field) != getattr(spec, field)
    ]
    refuse(
        found.key,
        "runs and may only be widened",
        [f"{field}: would change; put it back, or stop and start another one" for field in others],
    )
    check_widening(found.document, experiment_of(spec, found.frame, "running"))
    neighbours = [one for one in now_running if one.key != found.key]
    faults = list(neighbour_faults(spec, found.frame, neighbours))
    refuse(found.key, "cannot be widened so", faults)
