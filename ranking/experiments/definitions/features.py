"""Features as client SDKs are told of them: a default value and rules that come before it.

Source: GrowthBook SDK specification 0.8.0 (Feature, FeatureRule).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, field_validator

from ranking.experiments.definitions.definition import (
    DEFAULT_ATTRIBUTE,
    Document,
    Experiment,
    Filter,
    Flag,
    Number,
    ParentCondition,
    Span,
    Whole,
    shaped,
)

OF_EXPERIMENT = frozenset(
    (field.alias or name)
    for name, field in Experiment.model_fields.items()
    if name not in {"parent_conditions", "active", "status", "force"}
)
"""Keys that a rule hands on to its experiment; it checks the others itself."""


class Rollout(Document):
    """A value for a share of the listeners, without an experiment."""

    coverage: Number | None = None
    """The share, the lowest places; all where it is missing too."""
    range: Span | None = None
    """The places, instead of the share."""
    seed: str = ""
    """What places are drawn from; empty for the feature's id."""
    hash_version: Whole = 1
    """Of the hash."""
    hash_attribute: str = DEFAULT_ATTRIBUTE
    """Whose value is hashed."""
    fallback_attribute: str = ""
    """Hashed instead where the other is missing, with a sticky store alone."""
    disable_sticky_bucketing: Flag = False
    """Whether there is no fallback."""
    condition: dict[str, Any] = Field(default_factory=dict)
    """What a listener's attributes must meet."""

    @field_validator("condition")
    @classmethod
    def _shaped(cls, condition: dict[str, Any]) -> dict[str, Any]:
        return shaped(condition)


class Gates(Document):
    """What every rule checks first."""

    id: str = ""
    """The rule's own id."""
    parent_conditions: tuple[ParentCondition, ...] = ()
    """What other features must say."""
    filters: tuple[Filter, ...] = ()
    """Layers to be let in by."""


@dataclass(frozen=True)
class ForcedValue:
    """What a rule says without an experiment.

    Args:
        value: The value, JSON.
        rollout: Who gets it.
    """

    value: Any
    rollout: Rollout


@dataclass(frozen=True)
class Rule:
    """One rule: what it checks, then what it says.

    Args:
        gates: What it checks.
        says: A value, an experiment, or nothing.
    """

    gates: Gates
    says: ForcedValue | Experiment | None


@dataclass(frozen=True)
class Feature:
    """A feature.

    Args:
        default: Its value where no rule speaks, JSON.
        rules: In their order.
    """

    default: Any
    rules: tuple[Rule, ...]


def rule_of(document: Mapping[str, Any], feature_id: str) -> Rule:
    """Read a rule.

    Args:
        document: Its JSON.
        feature_id: What names and seeds it where it does not itself.

    Raises:
        pydantic.ValidationError: If it is malformed.
    """
    gates = Gates.model_validate(document)
    if "force" in document:  # null is a value
        return Rule(gates, ForcedValue(document["force"], Rollout.model_validate(document)))
    if document.get("variations") is None:
        return Rule(gates, None)
    own = {key: value for key, value in document.items() if key in OF_EXPERIMENT}
    key = document.get("key") or feature_id
    return Rule(gates, Experiment.model_validate({**own, "key": key}))
