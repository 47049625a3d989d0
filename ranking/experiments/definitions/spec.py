"""What a team writes of an experiment: one file or one call, and nobody writes code."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from ranking.experiments.bucketing.ranges import Range
from ranking.experiments.configuration import ATTRIBUTE
from ranking.experiments.definitions.definition import Number, shaped
from ranking.experiments.definitions.plain_json import plain

MAX_VARIATIONS = 20
MAX_FORCED = 1_000
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"  # stands in paths, file names and seeds
ATTRIBUTE_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"  # no dot: conditions would reach inside
RESERVED = ("features",)
"""Keys that would hide a path of the service."""

Name = Annotated[str, Field(pattern=NAME)]
Words = Annotated[str, Field(max_length=200)]
Prose = Annotated[str, Field(max_length=4_000)]
Json = Annotated[dict[str, Any], BeforeValidator(plain)]
Share = Annotated[Number, Field(ge=0, le=1)]


def _ascending(span: Range) -> Range:
    if span[0] >= span[1]:
        raise ValueError(f"[{span[0]:g}, {span[1]:g}) holds no place; begin below its end")
    return span


def _some(given: tuple[Any, ...]) -> tuple[Any, ...]:
    # Not `min_length`: of parts that are all faulty it would say that there are too few.
    if not given:
        raise ValueError("is empty; give one or more")
    return given


AT_LEAST_ONE = AfterValidator(_some)
Places = Annotated[tuple[Share, Share], AfterValidator(_ascending)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VariationSpec(_Part):
    """One variation: what differs from the feed as the settings have it."""

    key: Name
    """Its key: what is logged, and what clients are told."""
    name: Words = ""
    """For people."""
    feed: Json = {}
    """Settings of `[feed]` that differ, nested as they are there: {"page": {"fresh": …}}."""
    artifacts: Annotated[dict[Name, Name], Field(max_length=20)] = {}
    """Kind of artifact → version, where another one than the live one is to serve."""


class MetricRoles(_Part):
    """What an experiment is judged by."""

    primary: Words = ""
    """The metric that decides."""
    guardrails: tuple[Words, ...] = ()
    """Metrics that must not be harmed."""
    secondary: tuple[Words, ...] = ()
    """Metrics that are watched."""

    def named(self) -> tuple[str, ...]:
        """Return every name, the primary metric first where there is one."""
        first = (self.primary,) if self.primary else ()
        return (*first, *self.guardrails, *self.secondary)


class Plan(_Part):
    """How long it runs, and what it would then see: agreed before anybody looks."""

    method: Literal["always_valid", "group_sequential", "fixed"] = "always_valid"
    """`always_valid` may be looked at any time, `group_sequential` at planned looks, `fixed` once,
    at its end."""
    looks: int = Field(default=1, ge=1, le=200)
    """How often it is decided upon, the end included; counts for `group_sequential`."""
    days: int = Field(ge=1, le=730)
    """How long it runs."""
    listeners: int | None = Field(default=None, ge=4, le=10_000_000_000)
    """Listeners of all variations at which it is complete, as `segue experiment power` reckons;
    `group_sequential` demands it, the others end by their days where it is left out."""
    smallest_effect: float = Field(gt=0, le=10, allow_inf_nan=False)
    """Relative change of the primary metric that is worth finding: 0.02 for two percent."""
    power: float = Field(default=0.8, ge=0.5, lt=1)
    """Chance to find an effect of that size."""


class ExperimentSpec(_Part):
    """An experiment as a team writes it."""

    key: Name
    """Its name for programs; never used again for another."""
    name: Words = ""
    """For people."""
    hypothesis: Prose = ""
    """What is expected, and why."""
    owner: Words = ""
    """Who answers for it."""
    tags: Annotated[tuple[Words, ...], Field(max_length=20)] = ()
    """To find it by."""
    layer: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,99})?$")] = ""
    """Experiments in one layer share no listener; empty for a layer of its own."""
    ranges: Annotated[tuple[Places, ...], AT_LEAST_ONE, Field(max_length=100)] = ((0.0, 1.0),)
    """Its places in the layer, of [0, 1)."""
    coverage: Share = 1.0
    """Share of the listeners in these places who are in it."""
    hash_attribute: Annotated[str, Field(pattern=ATTRIBUTE_NAME)] = ATTRIBUTE
    """What is hashed of a listener; one and the same in a layer."""
    seed: Words = ""
    """Decides who gets which variation; drawn from key and layer where empty."""
    variations: Annotated[tuple[VariationSpec, ...], AT_LEAST_ONE, Field(max_length=MAX_VARIATIONS)]
    """The first is control."""
    weights: Annotated[tuple[Share, ...], Field(max_length=MAX_VARIATIONS)] | None = None
    """Share of each variation; equal where they are left out."""
    condition: Json = {}
    """What a listener's attributes must meet; everybody's do where empty."""
    forced: Annotated[
        dict[Annotated[str, Field(min_length=1, max_length=256)], Name],
        Field(max_length=MAX_FORCED),
    ] = {}
    """Value of the hash attribute → variation, for testers; they are not analysed."""
    interleave: bool = False
    """Whether its two variations share every page, and listeners are asked which they prefer."""
    sticky: bool = False
    """Whether whoever was in stays in their variation though targeting changes."""
    metrics: MetricRoles = MetricRoles()
    """What it is judged by; starting demands a primary metric."""
    plan: Plan | None = None
    """How long it runs and what it would see; starting demands it."""

    @field_validator("condition")
    @classmethod
    def _shaped(cls, condition: dict[str, Any]) -> dict[str, Any]:
        return shaped(condition)

    @field_validator("key")
    @classmethod
    def _free(cls, key: str) -> str:
        if key in RESERVED:
            raise ValueError(f"{key!r} is a path of the service; choose another key")
        return key

    @property
    def seeded(self) -> str:
        """What decides who gets which variation."""
        return self.seed or f"{self.key}@{self.layer}"

    def place_of(self, variation: str) -> int:
        """Return the number of a variation, -1 for one that there is not."""
        keys = [one.key for one in self.variations]
        return keys.index(variation) if variation in keys else -1
