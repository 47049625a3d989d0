"""Experiments as client SDKs are told of them: GrowthBook's JSON, checked and frozen.

Source: GrowthBook SDK specification 0.8.0, https://docs.growthbook.io/lib/build-your-own
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, field_validator, model_validator
from pydantic.alias_generators import to_camel

from ranking.experiments.bucketing.ranges import Range, bucket_ranges
from ranking.experiments.targeting.condition_faults import shape_faults
from ranking.experiments.targeting.conditions import Check, compiled

Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Whole = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]
Span = tuple[Number, Number]
DEFAULT_ATTRIBUTE = "id"

UNSUPPORTED = {
    "urlPatterns": "pages of a website are targeted in the browser",
    "url": "pages of a website are targeted in the browser",
    "include": "a function cannot come as JSON",
    "groups": "it was replaced by conditions; use {\"$groups\": …} there",
    "contextualVariations": "contextual bandits are decided by GrowthBook's own service",
    "contextualBanditRef": "contextual bandits are decided by GrowthBook's own service",
}  # fmt: skip
"""Keys that change who gets what and are not understood: read over, the server and its clients
would disagree in silence."""


class Document(BaseModel):
    """A part of the JSON; keys are in camelCase there, and those nobody knows are read over."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        for key, why in UNSUPPORTED.items():
            if values.get(key) is not None:
                raise ValueError(f"{key} is not understood: {why}; leave it out")
        return {key: value for key, value in values.items() if value is not None}

    def document(self) -> dict[str, Any]:
        """Return what was given, as JSON-ready values."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Filter(Document):
    """Who may be in an experiment by where their id stands: how layers keep experiments apart."""

    seed: str
    """The layer; filters with one seed cut the same places."""
    ranges: tuple[Span, ...]
    """The places that are let in."""
    attribute: str = DEFAULT_ATTRIBUTE
    """Whose value is hashed."""
    hash_version: Whole = 2
    """Of the hash."""


class VariationMeta(Document):
    """What a variation is called."""

    key: str = ""
    """Its key; its number where empty."""
    name: str = ""
    """For people."""
    passthrough: Flag = False
    """Whether those in it go on to the feature's next rule; for holdouts."""


UNNAMED = VariationMeta()


class ParentCondition(Document):
    """What another feature must say first."""

    id: str
    """The other feature."""
    condition: dict[str, Any] = {}
    """What must hold of {"value": what it says}."""
    gate: Flag = False
    """Whether the whole feature is off where it does not hold, instead of one rule."""

    @field_validator("condition")
    @classmethod
    def _shaped(cls, condition: dict[str, Any]) -> dict[str, Any]:
        return shaped(condition)


class Experiment(Document):
    """One experiment, as SDKs take it."""

    key: str = Field(min_length=1)
    """Its name, and its seed where there is none."""
    variations: tuple[Any, ...]
    """What each variation gets; the first is control. Fewer than two and nobody is in it."""
    weights: tuple[Number, ...] | None = None
    """Share of each variation; equal where it is missing or does not add up to 1."""
    coverage: Number = 1.0
    """Share of the listeners."""
    ranges: tuple[Span, ...] | None = None
    """Each variation's places, instead of coverage and weights."""
    seed: str = ""
    """What places are drawn from; empty for the key."""
    hash_version: Whole = 1
    """Of the hash; 1 where it is missing, as the specification has it."""
    hash_attribute: str = DEFAULT_ATTRIBUTE
    """Whose value is hashed."""
    fallback_attribute: str = ""
    """Hashed instead where the other is missing, with a sticky store alone."""
    filters: tuple[Filter, ...] | None = None
    """Layers and holdouts to be let in by, all of them."""
    namespace: tuple[str, Number, Number] | None = None
    """A layer as it was before filters; not used where there are any."""
    condition: dict[str, Any] = {}
    """What a listener's attributes must meet."""
    parent_conditions: tuple[ParentCondition, ...] = ()
    """What other features must say."""
    meta: tuple[VariationMeta, ...] = ()
    """What the variations are called."""
    active: Flag = True
    """Whether anybody but testers is in it."""
    status: Literal["draft", "running", "stopped"] = "running"
    """Where it stands in its life."""
    force: Whole | None = None
    """One variation for all who would be in it."""
    name: str = ""
    """For people."""
    phase: str = ""
    """For people."""
    bucket_version: Whole = Field(default=0, ge=0)
    """Raised where sticky assignments shall be made anew."""
    min_bucket_version: Whole = Field(default=0, ge=0)
    """Whoever was assigned under an older version is taken out."""
    disable_sticky_bucketing: Flag = False
    """Whether assignments are not kept."""

    @field_validator("condition")
    @classmethod
    def _shaped(cls, condition: dict[str, Any]) -> dict[str, Any]:
        return shaped(condition)

    @cached_property
    def spans(self) -> list[Range]:
        """Each variation's places."""
        if self.ranges is not None:
            return list(self.ranges)
        return bucket_ranges(len(self.variations), self.coverage, self.weights)

    @cached_property
    def meets_condition(self) -> Check:
        """Whether (attributes, groups) meet the condition."""
        return compiled(self.condition)

    @cached_property
    def hashed_with(self) -> tuple[str, int]:
        """Seed and version of the hash, with what stands for missing ones."""
        return self.seed or self.key, self.hash_version or 1

    def meta_of(self, variation: int) -> VariationMeta:
        """Return what a variation is called."""
        return self.meta[variation] if variation < len(self.meta) else UNNAMED


def shaped(condition: dict[str, Any]) -> dict[str, Any]:
    """Return a condition that can be evaluated.

    Raises:
        ValueError: If it cannot.
    """
    faults = shape_faults(condition)
    if faults:
        raise ValueError("; ".join(faults))
    return condition
