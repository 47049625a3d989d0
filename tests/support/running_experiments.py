"""Experiments that run, as the store would give them."""

from __future__ import annotations

from typing import Any

from ranking.experiments.configuration import Frame
from ranking.experiments.definitions.spec import ExperimentSpec
from ranking.experiments.lifecycle.stored import StoredExperiment


def running_experiment(
    key: str, *feeds: dict[str, Any], revision: int = 1, **spec: Any
) -> StoredExperiment:
    """Return an experiment of control and one variation for each feed; all listeners are in it."""
    variations = [
        {"key": "control"},
        *({"key": f"v{n}", "feed": f} for n, f in enumerate(feeds, 1)),
    ]
    told = ExperimentSpec.model_validate({"key": key, "variations": variations, **spec})
    return StoredExperiment(
        key=key,
        revision=revision,
        status="running",
        spec=told,
        frame=Frame(),
        created_at=0,
        updated_at=0,
        started_at=0,
        stopped_at=None,
    )
