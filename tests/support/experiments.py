"""Experiments as tests write them, and what they are started on."""

from __future__ import annotations

from typing import Any

from core.errors import ArtifactError
from ranking.assembly import FeedConfig
from ranking.experiments.definitions.spec import ExperimentSpec
from ranking.experiments.lifecycle.readiness import Grounds

METRICS = ("listening_hours", "skip_rate", "likes")


def document(key: str = "fresh-share", **changes: Any) -> dict[str, Any]:
    """Return a spec that may be started, as JSON."""
    plain = {
        "key": key,
        "variations": [
            {"key": "control"},
            {"key": "none", "feed": {"page": {"fresh": {"share": 0.0}}}},
        ],
        "metrics": {"primary": "listening_hours", "guardrails": ["skip_rate"]},
        "plan": {"days": 14, "smallest_effect": 0.02},
    }
    return plain | changes


def spec(key: str = "fresh-share", **changes: Any) -> ExperimentSpec:
    """Return a spec that may be started."""
    return ExperimentSpec.model_validate(document(key, **changes))


def grounds(feed: FeedConfig | None = None) -> Grounds:
    """Return grounds on which `index` `v1` is the only artifact."""
    return Grounds(feed or FeedConfig(), METRICS, _find_artifact)


def _find_artifact(kind: str, version: str) -> str:
    if (kind, version) != ("index", "v1"):
        raise ArtifactError(f"there is no artifact {kind} {version}")
    return version
