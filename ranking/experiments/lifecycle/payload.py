"""What client SDKs are told: one feature for each experiment that runs, and nothing besides.

Source: GrowthBook SDK specification 0.8.0 (Feature, FeatureRule).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ranking.experiments.lifecycle.stored import StoredExperiment

_TOLD = (
    "key", "variations", "weights", "coverage", "seed", "hashVersion", "hashAttribute", "filters",
    "condition", "disableStickyBucketing",
)  # fmt: skip
"""What decides; names, hypotheses and settings of variations are nobody's business out there."""


def features_payload(
    experiments: Sequence[StoredExperiment], listener: str = ""
) -> dict[str, dict[str, Any]]:
    """Return an SDK's payload: feature, called as the experiment is → default value and rules.

    Args:
        experiments: Those that run.
        listener: Whose forced variations are told, "" for nobody's. Testers' ids are told to
            nobody else.
    """
    return {"features": {one.key: _feature(one, listener) for one in experiments}}


def _feature(one: StoredExperiment, listener: str) -> dict[str, Any]:
    document = one.document.document()
    rule = {name: document[name] for name in _TOLD if name in document}
    keys = [variation.key for variation in one.spec.variations]
    rules = [{**rule, "meta": [{"key": key} for key in keys]}]
    place = one.forced.get(listener)
    if place is not None:
        is_theirs = {one.spec.hash_attribute: listener}
        rules.insert(0, {"condition": is_theirs, "force": keys[place]})
    return {"defaultValue": keys[0], "rules": rules}
